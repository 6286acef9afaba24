//! What promotions and coupons come to on a sale, while it is open and when it is rung.

use crate::call::Role;
use crate::money::{Currency, Quantity};
use crate::promotion::{CreatePromotion, NewCoupon, NewPromotion, Rule};
use crate::returns::{CreateReturn, Exchange, NewReturnLine};
use crate::sale::{
    AddCash, AddCoupon, AddDiscount, AddLine, NewDiscount, NewSale, NewTender, Reduction, RemoveCoupon, RemoveLine,
    RingSale, Standing, State, Target, VoidSale,
};
use crate::testing::{BAG, LOCATION, MERCHANT, NOW, REGISTER, TEA, World, a_sale, line, sale_id};

/// Three teas for the price of two, for a minute.
fn a_shop() -> World {
    let mut world = World::new();
    let promotion = NewPromotion {
        name: "Three teas for two".to_owned(),
        rule: Rule::TakeAndPay { take: 3, pay: 2 },
        articles: vec![TEA],
        locations: Vec::new(),
        coupon: None,
        priority: 1,
        valid_from: None,
        valid_until: Some(NOW.plus_ms(60_000)),
        is_active: true,
    };
    world.run(&CreatePromotion { merchant: MERCHANT, promotion }).unwrap();
    world
}

fn given(standing: &Standing) -> Vec<(&str, i64)> {
    let promotions = standing.sale.discounts.promotions.iter();
    promotions.map(|given| (given.name.as_str(), given.shares.iter().map(|share| share.amount_minor).sum())).collect()
}

fn another_tea() -> AddLine {
    AddLine { merchant: MERCHANT, sale: sale_id(1), article: TEA.into(), quantity: Quantity(1_000) }
}

#[test]
fn a_sale_that_is_rung_is_given_its_promotions_in_one_round() {
    let mut world = a_shop().acting_as(Role::Cashier);
    let tenders = vec![NewTender::Cash { amount_minor: None, given_minor: 303 }];
    let sale = a_sale(&[line(TEA, 3_000), line(BAG, 1_000)]);
    let ring = RingSale { id: sale_id(1), currency: Currency::JPY, sale, tenders };
    let standing = world.run(&ring).unwrap();
    assert_eq!((world.rounds, standing.sale.total_minor), (1, 303));
    assert_eq!(given(&standing), [("Three teas for two", 150)]);
    assert_eq!(standing.lines.iter().map(|line| line.discount_minor).collect::<Vec<_>>(), [150, 0]);
    // 300 yen at 8 %, within.
    assert_eq!(standing.taxes[0].tax_minor, 22);
}

#[test]
fn an_open_sale_is_worked_out_anew_when_its_lines_change() {
    let mut world = a_shop().opening_sale(&[line(TEA, 2_000)]);
    assert_eq!(given(&world.standing(sale_id(1))), []);
    let third = world.run(&another_tea()).unwrap();
    assert_eq!((given(&third), third.sale.total_minor), (vec![("Three teas for two", 150)], 300));
    let removed = world.run(&RemoveLine { merchant: MERCHANT, sale: sale_id(1), number: 2 }).unwrap();
    assert_eq!((given(&removed), removed.sale.total_minor), (vec![], 300));
    assert_eq!(removed.lines[0].discount_minor, 0);
}

#[test]
fn what_was_given_stays_until_the_lines_change_after_its_time() {
    let mut world = a_shop().opening_sale(&[line(TEA, 3_000)]);
    world.advance_ms(60_000);
    assert_eq!(world.standing(sale_id(1)).sale.total_minor, 300);
    let late = world.run(&another_tea()).unwrap();
    assert_eq!((given(&late), late.sale.total_minor), (vec![], 600));
}

#[test]
fn a_discount_by_hand_is_of_what_promotions_leave_and_so_is_its_limit() {
    let mut world = a_shop().opening_sale(&[line(TEA, 3_000)]).acting_as(Role::Cashier);
    let off = |amount_minor| {
        let reduction = Reduction::AmountMinor(amount_minor);
        let discount = NewDiscount { target: Target::Line(1), reduction, reason: "dented".to_owned() };
        AddDiscount { merchant: MERCHANT, sale: sale_id(1), discount }
    };
    assert_eq!(world.refused(&off(31)).code(), "discount_beyond_limit");
    let standing = world.run(&off(30)).unwrap();
    assert_eq!((standing.sale.total_minor, standing.lines[0].discount_minor), (270, 180));
    let mut world = world.acting_as(Role::Manager);
    assert_eq!(world.refused(&off(271)).code(), "discount_exceeds_amount");
    world.run(&off(270)).unwrap();
}

/// A shop with a coupon of 10 % for so many sales.
fn a_shop_with_a_coupon(uses_max: Option<i64>) -> World {
    let mut world = World::new();
    let promotion = NewPromotion {
        name: "Autumn".to_owned(),
        rule: Rule::Percent { basis_points: 1_000 },
        articles: vec![TEA],
        locations: Vec::new(),
        coupon: Some(NewCoupon { code: "AUTUMN".to_owned(), uses_max }),
        priority: 1,
        valid_from: None,
        valid_until: Some(NOW.plus_ms(60_000)),
        is_active: true,
    };
    world.run(&CreatePromotion { merchant: MERCHANT, promotion }).unwrap();
    world
}

fn a_ring(number: u128, coupons: &[&str], given_minor: i64) -> RingSale {
    let coupons = coupons.iter().map(|code| (*code).to_owned()).collect();
    let sale = NewSale { coupons, ..a_sale(&[line(TEA, 2_000)]) };
    let tenders = vec![NewTender::Cash { amount_minor: None, given_minor }];
    RingSale { id: sale_id(number), currency: Currency::JPY, sale, tenders }
}

fn show(code: &str) -> AddCoupon {
    AddCoupon { merchant: MERCHANT, sale: sale_id(1), code: code.to_owned() }
}

fn use_count(world: &World) -> i64 {
    world.database.coupons.iter().map(|coupon| coupon.use_count).sum()
}

#[test]
fn only_who_shows_a_coupon_is_given_what_it_is_for() {
    let mut world = a_shop_with_a_coupon(Some(1));
    assert_eq!(world.run(&a_ring(1, &[], 300)).unwrap().sale.total_minor, 300);
    let standing = world.run(&a_ring(2, &["autumn"], 270)).unwrap();
    assert_eq!((standing.sale.total_minor, given(&standing)), (270, vec![("Autumn", 30)]));
    assert_eq!(use_count(&world), 1);
    assert_eq!(world.refused(&a_ring(3, &["AUTUMN"], 270)).code(), "coupon_used_up");
    for (coupons, code) in [
        (&["WINTER"][..], "coupon_unknown"),
        (&["10 %"], "coupon_unknown"),
        (&["4111 1111 1111 1111"], "coupon_unknown"),
        (&["AUTUMN", "autumn"], "coupon_twice"),
    ] {
        assert_eq!(a_shop_with_a_coupon(None).refused(&a_ring(3, coupons, 300)).code(), code);
    }
}

#[test]
fn a_coupon_is_used_from_the_moment_it_is_on_a_sale_until_it_is_off_again() {
    let mut world = a_shop_with_a_coupon(Some(1)).opening_sale(&[line(TEA, 2_000)]);
    let with = world.run(&show("autumn")).unwrap();
    assert_eq!((with.sale.total_minor, use_count(&world)), (270, 1));
    assert_eq!(world.refused(&show("AUTUMN")).code(), "coupon_used_up");
    let more = world.run(&another_tea()).unwrap();
    assert_eq!(more.sale.total_minor, 405);
    let off = RemoveCoupon { merchant: MERCHANT, sale: sale_id(1), code: "autumn".to_owned() };
    assert_eq!(world.run(&off).unwrap().sale.total_minor, 450);
    assert_eq!((use_count(&world), world.refused(&off).code()), (0, "sale_coupon_not_found".to_owned()));
    world.run(&show("AUTUMN")).unwrap();
    world.run(&VoidSale { merchant: MERCHANT, sale: sale_id(1) }).unwrap();
    assert_eq!(use_count(&world), 0);
}

#[test]
fn a_coupon_has_its_dates_and_can_be_called_off() {
    let mut world = a_shop_with_a_coupon(None).opening_sale(&[line(TEA, 2_000)]);
    world.advance_ms(60_000);
    assert_eq!(world.refused(&show("AUTUMN")).code(), "coupon_not_valid");
    assert_eq!(use_count(&world), 0);
}

#[test]
fn a_coupon_on_a_sale_that_is_paid_so_far_completes_it() {
    let mut world = a_shop_with_a_coupon(None).opening_sale(&[line(TEA, 2_000)]);
    let cash = |amount_minor| AddCash {
        merchant: MERCHANT,
        sale: sale_id(1),
        amount_minor: Some(amount_minor),
        given_minor: amount_minor,
    };
    world.run(&cash(270)).unwrap();
    assert_eq!(world.run(&show("AUTUMN")).unwrap().sale.state, State::Completed);
    let mut world = a_shop_with_a_coupon(None).opening_sale(&[line(TEA, 2_000)]);
    world.run(&cash(271)).unwrap();
    assert_eq!(world.refused(&show("AUTUMN")).code(), "sale_total_below_tenders");
    assert_eq!(use_count(&world), 0);
}

/// Tea and a bag together for 100 yen.
fn a_shop_with_a_bundle() -> World {
    let mut world = World::new();
    let promotion = NewPromotion {
        name: "Tea to go".to_owned(),
        rule: Rule::Bundle { pieces: vec![TEA, BAG], price_minor: 100 },
        articles: Vec::new(),
        locations: Vec::new(),
        coupon: None,
        priority: 1,
        valid_from: None,
        valid_until: None,
        is_active: true,
    };
    world.run(&CreatePromotion { merchant: MERCHANT, promotion }).unwrap();
    world
}

#[test]
fn a_line_that_makes_the_whole_cheaper_does_not_undercut_what_is_paid() {
    let cash = |amount_minor| AddCash {
        merchant: MERCHANT,
        sale: sale_id(1),
        amount_minor: Some(amount_minor),
        given_minor: amount_minor,
    };
    let a_bag = AddLine { merchant: MERCHANT, sale: sale_id(1), article: BAG.into(), quantity: Quantity(1_000) };
    let mut world = a_shop_with_a_bundle().opening_sale(&[line(TEA, 1_000)]);
    world.run(&cash(101)).unwrap();
    assert_eq!(world.refused(&a_bag).code(), "sale_total_below_tenders");
    assert_eq!(world.standing(sale_id(1)).sale.total_minor, 150);
    let mut world = a_shop_with_a_bundle().opening_sale(&[line(TEA, 1_000)]);
    world.run(&cash(100)).unwrap();
    let standing = world.run(&a_bag).unwrap();
    assert_eq!((standing.sale.state, standing.sale.total_minor, standing.due_minor), (State::Completed, 100, 0));
}

/// So many thousandths of the tea come back.
fn bring_back(quantity: i64) -> CreateReturn {
    CreateReturn {
        merchant: MERCHANT,
        location: LOCATION,
        register: REGISTER,
        sale: sale_id(1),
        lines: vec![NewReturnLine { number: 1, quantity: Quantity(quantity), is_restocked: true }],
        reason: String::new(),
        refunds: None,
        foreseen: Vec::new(),
    }
}

#[test]
fn a_coupon_is_given_back_once_nothing_is_kept_of_what_it_gave() {
    let mut world = a_shop_with_a_coupon(Some(1));
    world.run(&a_ring(1, &["AUTUMN"], 270)).unwrap();
    world.run(&bring_back(1_000)).unwrap();
    assert_eq!(use_count(&world), 1);
    assert_eq!(world.refused(&a_ring(2, &["AUTUMN"], 270)).code(), "coupon_used_up");
    world.run(&bring_back(1_000)).unwrap();
    assert_eq!(use_count(&world), 0);
    world.run(&a_ring(2, &["AUTUMN"], 270)).unwrap();
    assert_eq!(use_count(&world), 1);
}

#[test]
fn an_exchange_of_all_takes_its_coupon_along() {
    let mut world = a_shop_with_a_coupon(Some(1));
    world.run(&a_ring(1, &["AUTUMN"], 270)).unwrap();
    let RingSale { id, currency, sale, .. } = a_ring(2, &["AUTUMN"], 270);
    let exchange = Exchange { back: bring_back(2_000), id, currency, sale, tenders: Some(Vec::new()) };
    let made = world.run(&exchange).unwrap();
    assert_eq!((made.sale.sale.total_minor, use_count(&world)), (270, 1));
}
