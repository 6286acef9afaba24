//! Who comes to the shop, and to which register: mostly people with cash, some who pay electronically, and one each of what
//! a day has besides. The plan is made before the day, so that the day is the same however its two registers take turns.

use std::collections::BTreeMap;

use super::cart::{Cart, TAKE_AND_PAY};
use super::dice::Dice;
use super::goods::{
    GREEN_TEA, Goods, ICE_CREAM, LATTE, ONIGIRI, PLUM_ONIGIRI, RARE, RARE_PIECES, RED_WINE, RICE, SAKE, SECOND_CHOICE,
    TOWEL,
};
use super::hours::{HOUR, minute_of};

/// What happens with a customer. Every scene ends in one completed sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scene {
    /// Rung and paid in one request.
    Cash,
    /// An open sale, its lines, a payment: on the terminal, where the register has one.
    Electronic,
    /// The shop shows the code of a wallet, and the customer pays it.
    WalletShown,
    /// The customer shows the code of a wallet, and the register scans it.
    WalletScanned,
    /// The payment is declined; the customer pays cash.
    Declined,
    /// The provider's reply is lost after it took the money.
    LostReply,
    /// The same at a wallet, whose customer showed a code.
    WalletLostReply,
    /// The customer has to confirm first.
    PendingThenApproved,
    /// The provider takes the money after it said that it knows of nothing; the customer has paid cash by then.
    LateApproval,
    /// Paid electronically, all of it brought back, and the money given back by the provider.
    Return,
    /// Paid in cash, a part of it brought back, and the money given back out of the drawer.
    PartReturn,
    /// Line by line, one taken off again, paid by cash.
    StepByStep,
    /// More than there is; refused; the customer takes less.
    StockOut,
    /// Wants the last piece, in the moment in which the other register sells it too.
    LastPiece,
    /// The register sends the same sale twice, as after a lost answer.
    Repeat,
    /// The plug of the terminal is pulled after the card was charged.
    PlugPulled,
    /// Keyed into a stand-alone terminal by hand.
    KeyedByHand,
    /// Takes enough for the promotion.
    Promotion,
    /// The goods are dented: something off by hand.
    Discount,
    /// Eats in the shop: another tax on the same goods.
    EatIn,
    /// A customer of the house, who earns points.
    Regular,
    /// The same customer again, who spends some of them.
    Redeem,
    /// Comes back with the purse: takes up at this register what was parked at the other.
    TakeUp,
}

/// The scenes that are played once each, in the order of the day, and at which register.
const SPECIAL: [(Scene, usize); 19] = [
    (Scene::EatIn, 0),
    (Scene::Regular, 1),
    (Scene::Promotion, 0),
    (Scene::LostReply, 1),
    (Scene::LateApproval, 0),
    (Scene::WalletLostReply, 1),
    (Scene::Repeat, 1),
    (Scene::PendingThenApproved, 0),
    (Scene::Return, 1),
    (Scene::StockOut, 0),
    (Scene::TakeUp, 1),
    (Scene::PartReturn, 0),
    (Scene::StepByStep, 1),
    (Scene::LastPiece, 0),
    (Scene::LastPiece, 1),
    (Scene::KeyedByHand, 0),
    (Scene::Discount, 1),
    (Scene::PlugPulled, 0),
    (Scene::Redeem, 1),
];

/// How many registers there are.
pub const REGISTERS: usize = 2;
/// Fewer would not have room for every scene, more would be a bench.
pub const SALES_MIN: u64 = 40;
pub const SALES_MAX: u64 = 100_000;

/// Goods come in whole boxes of so many, or of so many kilograms.
const BOX: i64 = 20_000;
/// What is on the shelf at least when all customers have gone: one piece, for what is rung by mistake.
const SPARE: i64 = 1_000;

/// Somebody with a cart.
#[derive(Debug, Clone)]
pub struct Customer {
    /// From 1 on.
    pub number: u64,
    /// What happens.
    pub scene: Scene,
    /// What is bought.
    pub cart: Cart,
}

/// What a register does.
#[derive(Debug, Clone)]
pub enum What {
    /// Serves somebody.
    Serve(Customer),
    /// Sets a sale aside, for the customer who will take it up at the other register.
    Park(Customer),
    /// Puts banknotes into the safe.
    DropIntoSafe,
    /// The manager takes petty cash out of the drawer.
    BuyStamps,
}

impl What {
    /// What it is called where it went wrong.
    pub fn words(&self) -> String {
        match self {
            Self::Serve(customer) => format!("Customer {} ({:?})", customer.number, customer.scene),
            Self::Park(customer) => format!("Customer {}, parked,", customer.number),
            Self::DropIntoSafe => "The drop into the safe".to_owned(),
            Self::BuyStamps => "The stamps".to_owned(),
        }
    }
}

/// Something to do from that minute of the day on.
#[derive(Debug, Clone)]
pub struct Visit {
    pub minute: u32,
    pub what: What,
}

/// The day.
pub struct Plan {
    /// How many sales it has.
    pub sales: u64,
    /// What each register does, one after the other.
    pub visits: [Vec<Visit>; REGISTERS],
}

impl Plan {
    /// The day of a seed with so many sales.
    pub fn of(seed: u64, sales: u64, goods: &[Goods]) -> Self {
        let mut visits = [Vec::new(), Vec::new()];
        visits[0].push(Visit { minute: 15 * HOUR, what: What::DropIntoSafe });
        visits[1].push(Visit { minute: 16 * HOUR, what: What::BuyStamps });
        for number in 1..=sales {
            let minute = minute_of(number, sales);
            let (scene, register) = scene_of(number, sales);
            let cart = special_cart(scene).unwrap_or_else(|| Cart::drawn(goods, Dice::of(seed, number)));
            let customer = Customer { number, scene, cart };
            if scene == Scene::TakeUp {
                visits[1 - register].push(Visit { minute, what: What::Park(customer.clone()) });
            }
            visits[register].push(Visit { minute, what: What::Serve(customer) });
        }
        for own in &mut visits {
            own.sort_by_key(|visit| visit.minute);
        }
        Self { sales, visits }
    }

    /// What is on the shelves in the morning, in thousandths, by place in the list of goods: as many boxes as the day needs.
    pub fn opening(&self, goods: &[Goods]) -> Vec<i64> {
        let mut wanted: BTreeMap<usize, i64> = BTreeMap::new();
        for visit in self.visits.iter().flatten() {
            let What::Serve(customer) = &visit.what else { continue };
            for (place, thousandths) in &customer.cart.lines {
                *wanted.entry(*place).or_default() += thousandths;
            }
        }
        let boxes = |place: usize| {
            let least = wanted.get(&place).copied().unwrap_or(0) + SPARE;
            (least + BOX - 1) / BOX * BOX
        };
        (0..goods.len()).map(|place| if place == RARE { RARE_PIECES * 1_000 } else { boxes(place) }).collect()
    }
}

/// What happens with the customer of that number, and where: the special ones are spread over the day.
fn scene_of(number: u64, sales: u64) -> (Scene, usize) {
    let register = usize::from(number.is_multiple_of(2));
    let special = SPECIAL.len() as u64;
    let found = SPECIAL.iter().zip(0..).find(|((_, at), place)| {
        let number_wanted = 1 + place * sales / special;
        let is_other = usize::from(number_wanted.is_multiple_of(2)) != *at;
        number == number_wanted + u64::from(is_other)
    });
    found.map_or_else(|| (ordinary(number), register), |(special, _)| *special)
}

/// Of twenty customers five pay electronically, two of them by wallet, and one is declined.
const fn ordinary(number: u64) -> Scene {
    match number % 20 {
        3 | 10 | 19 => Scene::Electronic,
        6 => Scene::WalletShown,
        15 => Scene::WalletScanned,
        9 => Scene::Declined,
        _ => Scene::Cash,
    }
}

/// What is bought where the scene is about it.
fn special_cart(scene: Scene) -> Option<Cart> {
    let pieces: &[(usize, i64)] = match scene {
        Scene::StockOut => &[(RARE, RARE_PIECES - 1)],
        // Whoever comes too late takes the other one.
        Scene::LastPiece => &[(RARE, 1)],
        Scene::Promotion => &[(GREEN_TEA, TAKE_AND_PAY.0), (ONIGIRI, 2)],
        Scene::Discount => &[(TOWEL, 1)],
        // Together 903 yen, by which the played wallets lose their reply.
        Scene::WalletLostReply => &[(ICE_CREAM, 3), (PLUM_ONIGIRI, 3)],
        Scene::EatIn => &[(ONIGIRI, 1), (LATTE, 1)],
        Scene::Regular => &[(RED_WINE, 1), (RICE, 1)],
        Scene::Redeem => &[(SAKE, 1)],
        _ => return None,
    };
    Some(Cart::of(pieces))
}

/// What the one of the two at the last piece takes who comes too late.
pub fn second_choice() -> Cart {
    Cart::of(&[(SECOND_CHOICE, 1)])
}

#[cfg(test)]
mod tests {
    use sandbox::paypay::Fault;

    use super::super::goods;
    use super::*;

    fn served(plan: &Plan) -> Vec<(usize, &Customer)> {
        let all = plan.visits.iter().enumerate();
        all.flat_map(|(register, visits)| {
            visits.iter().filter_map(move |visit| match &visit.what {
                What::Serve(customer) => Some((register, customer)),
                What::Park(_) | What::DropIntoSafe | What::BuyStamps => None,
            })
        })
        .collect()
    }

    #[test]
    fn every_special_scene_is_played_once_at_its_register() {
        let goods = goods::all().unwrap();
        for sales in [SALES_MIN, 41, 57, 60, 300, 5_000] {
            let plan = Plan::of(7, sales, &goods);
            let served = served(&plan);
            assert_eq!(served.len() as u64, sales);
            for special in SPECIAL {
                let times = served.iter().filter(|(at, customer)| (customer.scene, *at) == special).count();
                assert_eq!(times, 1, "{special:?} of {sales}");
            }
            assert!(plan.visits[0].iter().any(|visit| matches!(visit.what, What::Park(_))));
        }
    }

    #[test]
    fn a_wallet_loses_the_reply_that_it_is_to_lose() {
        let cart = special_cart(Scene::WalletLostReply).unwrap();
        let fault = Fault::of_amount(cart.total_minor(&goods::all().unwrap()));
        assert_eq!(fault, Fault::LoseReply);
    }

    #[test]
    fn a_seed_is_a_day_and_another_seed_another() {
        let goods = goods::all().unwrap();
        let total = |seed| {
            let plan = Plan::of(seed, 300, &goods);
            served(&plan).iter().map(|(_, customer)| customer.cart.total_minor(&goods)).sum::<i64>()
        };
        assert_eq!(total(1), total(1));
        assert_ne!(total(1), total(2));
    }

    #[test]
    fn the_morning_has_enough_of_everything_but_one() {
        let goods = goods::all().unwrap();
        let plan = Plan::of(1, 300, &goods);
        let opening = plan.opening(&goods);
        assert_eq!(opening[RARE], RARE_PIECES * 1_000);
        assert!(opening.iter().enumerate().all(|(place, stock)| place == RARE || stock % BOX == 0 && *stock > 0));
    }
}
