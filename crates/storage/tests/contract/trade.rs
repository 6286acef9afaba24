//! The commands of a shop, whole, on every store.

use domain::call::Call;
use domain::id::{ArticleId, MovementId};
use domain::money::{Currency, Quantity};
use domain::payment::{
    self, Approval, CreatePayment, Funding, OperationState, Outcome, PresentedCode, RecordOutcome, Witness,
};
use domain::sale::{AddCash, AddLine, NewTender, OpenSale, RemoveLine, State, VoidSale};
use domain::stock::{Movement, MovementKind};
use domain::time::Timestamp;
use domain::work::{Key, UnitOfWork};

use crate::support::command::{a_sale, act, an_article, article_id, receive, sale_id, sell};
use crate::support::rows::cell;
use crate::support::shop::{CONNECTION, LOCATION, MERCHANT, REGISTER, RICE, Shop, TEA, int};
use crate::support::store::all;

on!([sqlite postgres memory] [
    a_sale_is_opened_changed_and_paid_in_parts
    a_sale_that_is_voided_gives_its_stock_back
    receipt_numbers_follow_each_other_within_one_batch
    a_payment_completes_its_sale
    a_sale_of_many_lines_is_rung_at_once
    a_sale_of_many_articles_that_run_low_is_rung_at_once
]);

fn a_sale_is_opened_changed_and_paid_in_parts(shop: &mut Shop) {
    let sale = sale_id(1);
    shop.run(OpenSale { id: Some(sale), sale: a_sale(&[(RICE, 2), (TEA, 1)]) });
    shop.run(AddLine { merchant: MERCHANT, sale, article: RICE.into(), quantity: Quantity(3_000) });
    shop.run(RemoveLine { merchant: MERCHANT, sale, number: 2 });
    shop.run(AddCash { merchant: MERCHANT, sale, amount_minor: Some(200), given_minor: 200 });
    let standing = shop.run(AddCash { merchant: MERCHANT, sale, amount_minor: None, given_minor: 1_000 });
    assert_eq!((standing.sale.state, standing.sale.total_minor), (State::Completed, 500));
    assert_eq!(standing.sale.receipt_number.as_deref(), Some("K1-00000001"));
    assert_eq!((shop.on_hand(RICE), shop.on_hand(TEA)), (95, 1));
    let levels = all(&shop.store, "stock_level");
    assert!(levels.iter().all(|level| int(cell("stock_level", level, "reserved")) == 0));
}

fn a_sale_that_is_voided_gives_its_stock_back(shop: &mut Shop) {
    let sale = sale_id(1);
    shop.run(OpenSale { id: Some(sale), sale: a_sale(&[(TEA, 1)]) });
    assert_eq!(
        crate::support::shop::refused(shop.submit(crate::support::shop::plain(), sell(2, TEA))),
        "stock_insufficient"
    );
    shop.run(VoidSale { merchant: MERCHANT, sale });
    shop.run(sell(3, TEA));
    assert_eq!(shop.on_hand(TEA), 0);
}

fn receipt_numbers_follow_each_other_within_one_batch(shop: &mut Shop) {
    let answers: Vec<_> = (0..50).map(|n| shop.send(crate::support::shop::plain(), sell(n, RICE))).collect();
    shop.committer.step();
    for (n, answer) in answers.into_iter().enumerate() {
        let standing = crate::support::shop::got(answer).unwrap().reply.unwrap().unwrap();
        assert_eq!(standing.sale.receipt_number, Some(format!("K1-{:08}", n + 1)));
    }
    assert_eq!(shop.on_hand(RICE), 50);
}

/// A sale of one piece of tea that a payment has paid.
pub fn pay_by_card(shop: &mut Shop) {
    let sale = sale_id(1);
    shop.run(OpenSale { id: Some(sale), sale: a_sale(&[(TEA, 1)]) });
    let begun = shop.run(CreatePayment {
        merchant: MERCHANT,
        location: LOCATION,
        register: REGISTER,
        connection: CONNECTION,
        sale: Some(sale),
        amount_minor: None,
        currency: Currency::JPY,
        is_two_step: false,
        reference: String::new(),
        is_scanned: false,
    });
    let funding = Some(Funding { paid_by_customer_minor: 90, paid_by_provider_minor: 10, receivable_minor: 100 });
    let approval = Approval { approved_minor: 100, provider_reference: Some("prv-1".to_owned()), funding };
    let code = PresentedCode {
        text: "https://qr.test/1".to_owned(),
        provider_code_id: "code-1".to_owned(),
        expires_at: Some(Timestamp(300_000)),
    };
    let moved = shop.run(RecordOutcome {
        operation: begun.operations[0].id,
        witness: Witness::Reply,
        outcome: Outcome::Approved(approval),
        presented: Some(code),
        asked_at: Timestamp(0),
        is_unreachable: false,
        fence: None,
        hint: Vec::new(),
    });
    assert_eq!(moved.payment.state, payment::State::Captured);
    assert!(moved.payment.presented_code.is_some());
}

fn a_payment_completes_its_sale(shop: &mut Shop) {
    pay_by_card(shop);
    let sales = all(&shop.store, "sale");
    assert_eq!(*cell("sale", &sales[0], "state"), storage::Cell::text(State::Completed.as_str()));
    let operations = all(&shop.store, "operation");
    let approved = OperationState::Approved(Approval { approved_minor: 100, provider_reference: None, funding: None });
    assert_eq!(*cell("operation", &operations[0], "state"), storage::Cell::text(approved.as_str()));
    assert_eq!(shop.on_hand(TEA), 0);
}

fn a_sale_of_many_lines_is_rung_at_once(shop: &mut Shop) {
    shop.run(receive(RICE, 400));
    let mut sale = sell(1, RICE);
    sale.sale = a_sale(&[(RICE, 1); 500]);
    sale.tenders = vec![NewTender::Cash { amount_minor: None, given_minor: 50_000 }];
    assert_eq!(shop.run(sale).sale.total_minor, 50_000);
    assert_eq!(all(&shop.store, "sale_line").len(), 500);
}

fn a_sale_of_many_articles_that_run_low_is_rung_at_once(shop: &mut Shop) {
    let articles: Vec<ArticleId> = (0..500).map(|number| article_id(1_000 + number)).collect();
    let made = articles.clone();
    shop.run(act("articles", [], move |work, _| {
        made.iter().for_each(|article| work.articles.insert(an_article(*article)));
        Ok(())
    }));
    let keys = articles.iter().flat_map(|article| [Key::Article(*article), Key::StockLevel(LOCATION, *article)]);
    let keys = keys.chain([Key::Location(LOCATION)]);
    let filled = articles.clone();
    shop.run(act("shelves", keys.collect::<Vec<_>>(), move |work, call| {
        filled.iter().for_each(|article| fill(work, call, *article));
        Ok(())
    }));
    let lines: Vec<_> = articles.iter().map(|article| (*article, 1)).collect();
    let mut sale = sell(1, RICE);
    sale.sale = a_sale(&lines);
    sale.tenders = vec![NewTender::Cash { amount_minor: None, given_minor: 50_000 }];
    shop.run(sale);
    let told = all(&shop.store, "event").into_iter();
    let told = told.filter(|row| *cell("event", row, "kind") == storage::Cell::text("stock.below_threshold"));
    assert_eq!(told.count(), articles.len());
}

/// One piece on the shelf, and a threshold of one.
fn fill(work: &mut UnitOfWork, call: &mut Call<'_>, article: ArticleId) {
    let piece = Quantity(1_000);
    let level = work.stock_levels.find_mut(MERCHANT, &(LOCATION, article)).unwrap();
    (level.on_hand, level.reorder_at) = (piece, Some(piece));
    work.movements.append(Movement {
        id: MovementId::from_uuid(call.next_uuid()),
        merchant: MERCHANT,
        location: LOCATION,
        article,
        kind: MovementKind::Receipt,
        quantity: piece,
        reason: String::new(),
        document: None,
        occurred_at: None,
        origin: None,
        recorded_at: call.now,
    });
}
