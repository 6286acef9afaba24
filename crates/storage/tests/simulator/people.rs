//! The people in the shops: each looks at how things stand, and does one of the things that people then do.

use domain::payment::{State, Verdict as OverrideVerdict};
use domain::sale::{Reduction, State as SaleState, Target, TenderState};

use crate::mirror::{Checked, Deal, Finding, Pay};
use crate::rng::Rng;
use crate::taking;
use crate::wish::{Ask, Bringing, Shop, off};
use crate::world::World;

/// Somebody with something in mind.
#[derive(Debug, Clone)]
pub enum Person {
    /// Wants a payment, and later perhaps the money back.
    Payer { merchant: usize, wish: Option<usize>, sale: Option<u128>, amount: Option<i64>, patience: u32 },
    /// Rings up a cart line by line.
    Seller { merchant: usize, sale: u128, register: u128, is_opened: bool, patience: u32 },
    /// Pays a whole sale in cash.
    Buyer { merchant: usize, sale: u128 },
    /// Counts the shelf.
    Counter { merchant: usize },
    /// Counts the shelves in a stocktake while the others buy.
    Stocktaker { merchant: usize, wish: Option<usize>, patience: u32 },
    /// Uses what belongs to the other merchant.
    Thief { merchant: usize },
}

/// What the ids of sales that goods were exchanged for begin with.
const EXCHANGED: u128 = 0x0190_0000_0001_7000_0000_0000_0000_0000;

/// Everybody who comes in on the day.
pub fn all(rng: &mut Rng, shops: &[Shop]) -> Vec<Person> {
    let mut people = Vec::new();
    let mut sale = 0x0190_0000_0000_7000_8000_0000_0000_0000_u128;
    for _ in 0..rng.between(26, 32) {
        let (merchant, amount) = (rng.below(shops.len()), Some(rng.between(1, 5_000)));
        people.push(Person::Payer { merchant, wish: None, sale: None, amount, patience: 7 });
    }
    let mut next_sale = || {
        sale += 1;
        sale
    };
    for _ in 0..rng.between(4, 7) {
        let merchant = rng.below(shops.len());
        let register = shops[merchant].registers[rng.below(2)].uuid().as_u128();
        people.push(Person::Seller { merchant, sale: next_sale(), register, is_opened: false, patience: 9 });
    }
    for _ in 0..rng.between(1, 3) {
        people.push(Person::Buyer { merchant: rng.below(shops.len()), sale: next_sale() });
    }
    people.push(Person::Counter { merchant: rng.below(shops.len()) });
    people.push(Person::Stocktaker { merchant: rng.below(shops.len()), wish: None, patience: 25 });
    for _ in 0..rng.between(1, 4) {
        people.push(Person::Thief { merchant: rng.below(shops.len()) });
    }
    people
}

/// Lets a person act, and says in how many milliseconds they look again.
pub fn act(world: &mut World, person: usize) -> Result<Option<i64>, Finding> {
    match world.people[person].clone() {
        Person::Payer { merchant, wish, sale, amount, patience } => {
            let Some(wish) = wish else {
                let wish = begin_payment(world, merchant, sale, amount)?;
                world.people[person] = Person::Payer { merchant, wish: Some(wish), sale, amount, patience };
                return Ok(Some(world.rng.between(300, 5_000)));
            };
            if patience == 0 {
                return Ok(None);
            }
            world.people[person] = Person::Payer { merchant, wish: Some(wish), sale, amount, patience: patience - 1 };
            follow_payment(world, merchant, wish)?;
            Ok(Some(world.rng.between(500, 9_000)))
        }
        Person::Seller { merchant, sale, register, is_opened, patience } => {
            if !is_opened {
                let lines = some_lines(world, merchant);
                world.wish(merchant, Ask::Open { register, sale, lines }, false)?;
                world.people[person] = Person::Seller { merchant, sale, register, is_opened: true, patience };
                return Ok(Some(world.rng.between(200, 3_000)));
            }
            if patience == 0 {
                return Ok(None);
            }
            world.people[person] = Person::Seller { merchant, sale, register, is_opened, patience: patience - 1 };
            sell(world, merchant, sale, register)?;
            Ok(Some(world.rng.between(300, 6_000)))
        }
        Person::Buyer { merchant, sale } => {
            let lines = some_lines(world, merchant);
            let points_off = world.rng.chance(250).then(|| world.rng.between(1, 3_000) as u32);
            let whole = total(world, merchant, &lines);
            // Half a yen goes to the customer, as the rules say.
            let total = whole - (whole * i64::from(points_off.unwrap_or(0)) + 5_000) / 10_000;
            let given = total + world.rng.between(0, 3) * 500;
            let register = world.shops[merchant].registers[world.rng.below(2)].uuid().as_u128();
            world.wish(merchant, Ask::Ring { register, sale, lines, points_off, given, total }, false)?;
            Ok(None)
        }
        Person::Counter { merchant } => {
            let (article, _) = world.shops[merchant].articles[world.rng.below(2)];
            let quantity = world.rng.between(-4, 9) * 1_000;
            let (article, location) = (article.uuid().as_u128(), world.shops[merchant].location.uuid().as_u128());
            let quantity = if quantity == 0 { 1_000 } else { quantity };
            world.wish(merchant, Ask::Move { article, location, quantity }, false)?;
            Ok(None)
        }
        Person::Stocktaker { merchant, wish, patience } => taking::act(world, merchant, wish, patience),
        Person::Thief { merchant } => {
            steal(world, merchant)?;
            Ok(None)
        }
    }
}

fn some_lines(world: &mut World, merchant: usize) -> Vec<(u128, i64)> {
    let mut lines = Vec::new();
    for _ in 0..world.rng.between(1, 3) {
        let (article, _) = world.shops[merchant].articles[world.rng.below(3)];
        lines.push((article.uuid().as_u128(), world.rng.between(1, 3) * 1_000));
    }
    lines
}

/// Something off a line or off the sale, or one of the first discounts taken back.
fn some_discount(world: &mut World, sale: u128, deal: &Deal) -> Ask {
    if world.rng.chance(200) {
        return Ask::TakeBackDiscount { sale, number: world.rng.between(1, 2) as u32 };
    }
    let line = world.rng.between(1, deal.lines.len().max(1) as i64) as u32;
    let target = if world.rng.chance(500) { Target::Line(line) } else { Target::Sale };
    let (points, yen) = (world.rng.between(1, 4_000) as u32, world.rng.between(1, 40));
    let reduction = if world.rng.chance(500) { Reduction::BasisPoints(points) } else { Reduction::AmountMinor(yen) };
    Ask::Discount { sale, discount: off(target, reduction) }
}

fn total(world: &World, merchant: usize, lines: &[(u128, i64)]) -> i64 {
    let articles = &world.shops[merchant].articles;
    let price = |of: u128| articles.iter().find(|(id, _)| id.uuid().as_u128() == of).map_or(0, |(_, yen)| *yen);
    lines.iter().map(|(article, quantity)| price(*article) * quantity / 1_000).sum()
}

fn begin_payment(
    world: &mut World,
    merchant: usize,
    sale: Option<u128>,
    amount: Option<i64>,
) -> Result<usize, Finding> {
    let register = world.shops[merchant].registers[world.rng.below(2)].uuid().as_u128();
    let connection = world.shops[merchant].connections[world.rng.below(2)].uuid().as_u128();
    let has_authorize = world.providers[world.connections[&connection]].flavor.profile.has_authorize;
    let is_two_step = has_authorize && world.rng.chance(250);
    world.wish(merchant, Ask::Create { register, connection, sale, amount, is_two_step }, false)
}

fn follow_payment(world: &mut World, merchant: usize, wish: usize) -> Checked {
    let key = (merchant, world.wishes[wish].key.clone());
    let Some(payment) = world.mirror.by_reference.get(&key).copied() else { return Ok(()) };
    let pay = world.mirror.payments[&payment].clone();
    let by_hand = world.providers[world.connections[&pay.connection]].flavor.profile.is_keyed_by_hand;
    if by_hand
        && let Some(op) = pay.ops.iter().find(|op| !op.stand.is_definite())
        && world.rng.chance(600)
    {
        let is_yes = world.rng.chance(850);
        let provider = world.connections[&pay.connection];
        let outcome = world.providers[provider].key_in((payment, op.number), op.kind, op.asked, is_yes);
        world.wish(merchant, Ask::Keyed { payment, number: op.number, outcome }, false)?;
        return Ok(());
    }
    let roll = world.rng.below(100);
    match pay.state {
        State::InProgress | State::InDoubt if roll < 6 && !by_hand => {
            world.wish(merchant, Ask::Cancel { payment }, false)?;
        }
        State::InDoubt if roll < 9 => overrule(world, payment, &pay, 100)?,
        State::NeedsPerson if roll < 40 => overrule(world, payment, &pay, 100)?,
        State::Authorized if roll < 55 => {
            let amount = if roll < 15 { Some((pay.approved / 2).max(1)) } else { None };
            world.wish(merchant, Ask::Capture { payment, amount }, false)?;
        }
        State::Authorized if roll < 70 => {
            world.wish(merchant, Ask::Void { payment }, false)?;
        }
        State::Captured | State::PartiallyRefunded if roll < 18 => {
            let amount = if roll < 6 { None } else { Some(world.rng.between(1, pay.captured + 1)) };
            world.wish(merchant, Ask::Refund { payment, amount }, false)?;
        }
        State::Captured | State::PartiallyRefunded if roll < 28 => {
            // Two tills give the money back at the same time.
            let amount = Some(pay.captured / 2 + 1);
            world.wish(merchant, Ask::Refund { payment, amount }, false)?;
            world.wish(merchant, Ask::Refund { payment, amount }, false)?;
        }
        State::Captured if roll < 34 => {
            world.wish(merchant, Ask::Void { payment }, false)?;
        }
        _ => {}
    }
    Ok(())
}

/// A manager looks at the provider's portal, most often with care.
pub fn overrule(world: &mut World, payment: u128, pay: &Pay, wrong_permille: u64) -> Checked {
    let provider = &world.providers[world.connections[&pay.connection]];
    let is_charged = provider.charges_of(payment).any(|(_, charge)| charge.net() > 0 || charge.held() > 0);
    let is_wrong = world.rng.chance(wrong_permille);
    let verdict = if is_charged != is_wrong { OverrideVerdict::Charged } else { OverrideVerdict::NotCharged };
    world.wish(pay.merchant, Ask::Overrule { payment, verdict }, false)?;
    Ok(())
}

fn sell(world: &mut World, merchant: usize, sale: u128, register: u128) -> Checked {
    let Some(deal) = world.mirror.sales.get(&sale).cloned() else { return Ok(()) };
    match deal.state {
        SaleState::Open => {}
        SaleState::Completed => return bring_back(world, merchant, sale, &deal),
        SaleState::Parked | SaleState::Voided => return Ok(()),
    }
    let due = deal.due();
    let roll = world.rng.below(100);
    match roll {
        0..18 => {
            let (article, quantity) = some_lines(world, merchant)[0];
            world.wish(merchant, Ask::AddLine { sale, article, quantity }, false)?;
        }
        18..25 => {
            let number = world.rng.between(1, deal.lines.len() as i64) as u32;
            world.wish(merchant, Ask::RemoveLine { sale, number }, false)?;
        }
        25..28 => {
            let ask = if world.rng.chance(700) { Ask::Coupon { sale } } else { Ask::TakeOffCoupon { sale } };
            world.wish(merchant, ask, false)?;
        }
        28..32 => {
            let ask = some_discount(world, sale, &deal);
            world.wish(merchant, ask, false)?;
        }
        32..40 if due > 1 => {
            let amount = world.rng.between(1, due);
            let given = amount + world.rng.between(0, 2) * 1_000;
            world.wish(merchant, Ask::Cash { sale, register, amount, given }, false)?;
        }
        40..55 if due > 0 => {
            let given = due + world.rng.between(0, 2) * 1_000;
            world.wish(merchant, Ask::Cash { sale, register, amount: due, given }, false)?;
        }
        55..88 if due > 0 => {
            let amount = if roll < 62 { Some(world.rng.between(1, due)) } else { None };
            let payer = Person::Payer { merchant, wish: None, sale: Some(sale), amount, patience: 3 };
            world.invite(payer, 0);
        }
        88..97 => {
            let is_paid = deal.tenders.values().any(|one| one.payment.is_some() && one.state == TenderState::Paid);
            if !is_paid {
                world.wish(merchant, Ask::VoidSale { sale }, false)?;
            }
        }
        97..100 if due > 0 => spend(world, merchant, sale, &deal)?,
        _ => {}
    }
    Ok(())
}

/// Pays with what a return still owes, and now and then at two tills at once.
fn spend(world: &mut World, merchant: usize, sale: u128, deal: &Deal) -> Checked {
    let of_shop = world.mirror.sales.iter().filter(|(_, other)| other.merchant == deal.merchant);
    let returns = of_shop.flat_map(|(of, other)| other.backs.iter().map(|(number, back)| (*of, *number, back)));
    let owing = returns.filter(|(_, _, back)| {
        back.total > back.refunds.values().map(|given| world.mirror.given_minor(given)).sum::<i64>()
    });
    let owing: Vec<(u128, u32)> = owing.map(|(of, number, _)| (of, number)).collect();
    if owing.is_empty() {
        return Ok(());
    }
    let (of, number) = world.rng.pick(&owing);
    world.wish(merchant, Ask::Credit { sale, of, number }, false)?;
    let open = world.mirror.sales.iter().filter(|(id, other)| {
        **id != sale && other.merchant == deal.merchant && other.state == SaleState::Open && other.due() > 0
    });
    let open: Vec<u128> = open.map(|(id, _)| *id).collect();
    if !open.is_empty() {
        let sale = world.rng.pick(&open);
        world.wish(merchant, Ask::Credit { sale, of, number }, false)?;
    }
    Ok(())
}

/// The sales whose returns paid for a sale, and for those, and so on.
fn behind(world: &World, sale: u128) -> Vec<u128> {
    let mut found = vec![sale];
    let mut place = 0;
    while let Some(deal) = found.get(place).map(|id| world.mirror.sales.get(id)) {
        let origins = deal.into_iter().flat_map(|deal| deal.tenders.values()).filter_map(|ten| Some(ten.credit?.0));
        let new: Vec<u128> = origins.filter(|id| !found.contains(id)).collect();
        found.extend(new);
        place += 1;
    }
    found
}

/// A customer comes back with some of it, now and then with more than there was, or to two tills at once.
fn bring_back(world: &mut World, merchant: usize, sale: u128, deal: &Deal) -> Checked {
    if world.rng.chance(500) {
        return Ok(());
    }
    if deal.buyer.0 != 0 && world.rng.chance(400) {
        let points = world.rng.between(1, 12);
        world.wish(merchant, Ask::Redeem { customer: deal.buyer.0, points }, false)?;
    }
    let mut lines = Vec::new();
    for (number, (_, quantity, ..)) in &deal.lines {
        if world.rng.chance(600) {
            lines.push((*number, world.rng.between(1, quantity / 1_000) * 1_000));
        }
    }
    let register = world.shops[merchant].registers[world.rng.below(2)].uuid().as_u128();
    let back = Bringing { sale, lines, behind: behind(world, sale) };
    let ask = if world.rng.chance(350) {
        // Whoever exchanges goes on at the till: pays the difference, or thinks better of it.
        let sale = EXCHANGED | u128::from(world.rng.next());
        let lines = some_lines(world, merchant);
        world.invite(Person::Seller { merchant, sale, register, is_opened: true, patience: 6 }, 2_000);
        Ask::Exchange { register, back, sale, lines }
    } else {
        Ask::Return { register, back, is_restocked: world.rng.chance(800), is_owed: world.rng.chance(300) }
    };
    if world.rng.chance(250) {
        world.wish(merchant, ask.clone(), false)?;
    }
    world.wish(merchant, ask, false)?;
    Ok(())
}

/// Every id is the other merchant's; nothing of it may be found.
fn steal(world: &mut World, merchant: usize) -> Checked {
    let other = 1 - merchant;
    let of_other = |(id, pay): (&u128, &Pay)| (pay.merchant == other).then_some(*id);
    let payments: Vec<u128> = world.mirror.payments.iter().filter_map(of_other).collect();
    let sales = world.mirror.sales.iter().filter(|(_, deal)| deal.merchant == other);
    let sales: Vec<u128> = sales.map(|(id, _)| *id).collect();
    let (own, foreign) = (world.shops[merchant].clone(), world.shops[other].clone());
    let register = own.registers[0].uuid().as_u128();
    let mut asks = vec![
        Ask::Create {
            register: foreign.registers[0].uuid().as_u128(),
            connection: own.connections[0].uuid().as_u128(),
            sale: None,
            amount: Some(10),
            is_two_step: false,
        },
        Ask::Create {
            register,
            connection: foreign.connections[0].uuid().as_u128(),
            sale: None,
            amount: Some(10),
            is_two_step: false,
        },
        Ask::Move {
            article: foreign.articles[0].0.uuid().as_u128(),
            location: foreign.location.uuid().as_u128(),
            quantity: 1_000,
        },
    ];
    asks.extend(foreign.customer.map(|id| Ask::Redeem { customer: id.uuid().as_u128(), points: 1 }));
    if !payments.is_empty() {
        let payment = world.rng.pick(&payments);
        let captured: Vec<u128> =
            payments.iter().copied().filter(|id| world.mirror.payments[id].captured > 0).collect();
        let taken = if captured.is_empty() { payment } else { world.rng.pick(&captured) };
        asks.push(Ask::Refund { payment: taken, amount: None });
        asks.push(Ask::Void { payment: taken });
        asks.push(Ask::Cancel { payment });
    }
    if !sales.is_empty() {
        let open: Vec<u128> =
            sales.iter().copied().filter(|id| world.mirror.sales[id].state == SaleState::Open).collect();
        let sale = if open.is_empty() { world.rng.pick(&sales) } else { world.rng.pick(&open) };
        asks.push(Ask::VoidSale { sale });
        let any = world.rng.pick(&sales);
        let back = Bringing { sale: any, lines: vec![(1, 1_000)], behind: Vec::new() };
        asks.push(Ask::Return { register, back, is_restocked: true, is_owed: false });
        let mut returned = sales.iter().copied().filter(|id| !world.mirror.sales[id].backs.is_empty());
        let mut mine = world.mirror.sales.iter().filter(|(_, deal)| deal.merchant == merchant);
        if let (Some(of), Some((sale, _))) = (returned.next_back(), mine.next_back()) {
            asks.push(Ask::Credit { sale: *sale, of, number: 1 });
        }
        asks.push(Ask::Discount { sale, discount: off(Target::Sale, Reduction::BasisPoints(500)) });
        asks.push(Ask::Cash { sale, register, amount: 1, given: 1 });
        asks.push(Ask::Open { register, sale, lines: vec![(own.articles[2].0.uuid().as_u128(), 1_000)] });
    }
    let ask = asks.swap_remove(world.rng.below(asks.len()));
    world.wish(merchant, ask, true)?;
    Ok(())
}
