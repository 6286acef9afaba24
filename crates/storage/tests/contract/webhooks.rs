//! Webhooks as they lie in a store: what is taken up, what is due and in which order, what is old, what does not fit.

use domain::id::{EventId, WebhookDeliveryId, WebhookEndpointId};
use domain::time::Timestamp;
use domain::webhook_delivery::{
    Attempt, BeginTurn, Fact, FanOut, RecordAttempts, Recorded, Redrive, State, Told, WebhookDelivery,
};
use domain::webhook_endpoint::{CreateEndpoint, DeleteEndpoint, WebhookEndpoint};
use storage::Cell;
use uuid::Uuid;

use crate::audit::tamper;
use crate::living::{DAY_MS, now, prune};
use crate::support::rows::cell;
use crate::support::shop::{MERCHANT, Shop, text};
use crate::support::store::{all, block_on};

on!([sqlite postgres memory] [
    a_delivery_is_kept_as_it_is
    old_deliveries_are_deleted_by_their_state
    what_does_not_fit_is_found
]);

// The simulator's memory has no reader.
on!(@only read_sqlite sqlite [
    an_endpoint_with_work_is_found_until_it_is_done
    the_next_of_each_subject_is_found
]);
on!(@only read_postgres postgres [
    an_endpoint_with_work_is_found_until_it_is_done
    the_next_of_each_subject_is_found
]);

const ENDPOINT: WebhookEndpointId = WebhookEndpointId::from_uuid(Uuid::from_u128(0xe0));

fn a_create(cursor: i64) -> CreateEndpoint {
    CreateEndpoint {
        id: ENDPOINT,
        merchant: MERCHANT,
        url: "https://example.jp/hook".to_owned(),
        kinds: vec!["sale.*".to_owned()],
        description: String::new(),
        is_active: true,
        is_ordered: true,
        cursor,
        secret: vec![0, 1, 255],
    }
}

/// Deliveries of events 2, 3 … about these subjects, which need not be the events of the shop.
fn take_up(shop: &mut Shop, subjects: &[&str]) {
    shop.run(a_create(1));
    let fact = |(index, subject): (usize, &&str)| Fact {
        number: index as i64 + 2,
        event: EventId::from_uuid(Uuid::from_u128(index as u128)),
        kind: "sale.opened".to_owned(),
        subject: (*subject).to_owned(),
    };
    let facts: Vec<Fact> = subjects.iter().enumerate().map(fact).collect();
    assert!(shop.run(FanOut { endpoint: ENDPOINT, after: 1, facts }).is_moved);
}

fn ids(shop: &Shop) -> Vec<WebhookDeliveryId> {
    all(&shop.store, "webhook_delivery").iter().map(|row| text(&row[0]).parse().unwrap()).collect()
}

fn record(shop: &mut Shop, fence: i64, delivery: WebhookDeliveryId, status: u16) -> (WebhookDelivery, WebhookEndpoint) {
    let told = Told::Answered { status, retry_after_ms: None };
    match shop.run(RecordAttempts { endpoint: ENDPOINT, fence, attempts: vec![Attempt { delivery, told }] }) {
        Recorded::Counted { mut deliveries, endpoint } => (deliveries.remove(0), endpoint),
        Recorded::LeaseLost => panic!("the lease is lost"),
    }
}

fn begin(shop: &mut Shop) -> i64 {
    shop.run(BeginTurn { endpoint: ENDPOINT }).unwrap().fence
}

/// Each state goes through the store and back: what a later command loads is what the one before left.
fn a_delivery_is_kept_as_it_is(shop: &mut Shop) {
    take_up(shop, &["sal_1"]);
    let (fence, id) = (begin(shop), ids(shop)[0]);
    let (failed, endpoint) = record(shop, fence, id, 429);
    assert!(matches!(failed.state, State::Pending { .. }) && endpoint.paused_until.is_some());
    let (dead, endpoint) = record(shop, fence, id, 410);
    assert_eq!((dead.state, dead.attempts, dead.status), (State::Dead, 2, Some(410)));
    assert_eq!((endpoint.secret, endpoint.strain), (vec![0, 1, 255], 1));
    assert_eq!(shop.run(Redrive { deliveries: vec![id] }), 1);
    let (delivered, _) = record(shop, fence, id, 200);
    assert_eq!((delivered.state, delivered.attempts, delivered.version), (State::Delivered, 1, 5));
}

fn old_deliveries_are_deleted_by_their_state(shop: &mut Shop) {
    take_up(shop, &["sal_1", "sal_2", "sal_3"]);
    let (fence, ids) = (begin(shop), ids(shop));
    record(shop, fence, ids[0], 200);
    record(shop, fence, ids[1], 410);
    let now = now(shop);
    let states = |shop: &Shop| -> Vec<String> {
        let rows = all(&shop.store, "webhook_delivery");
        rows.iter().map(|row| text(cell("webhook_delivery", row, "state")).to_owned()).collect()
    };
    for (days, left) in [(6, &["delivered", "dead", "pending"][..]), (8, &["dead", "pending"]), (31, &[])] {
        prune(shop, now + days * DAY_MS).unwrap();
        assert_eq!(states(shop), left, "{days} days");
    }
}

fn what_does_not_fit_is_found(shop: &mut Shop) {
    take_up(shop, &["sal_1"]);
    let any = |_: &storage::Row| true;
    tamper(shop, "webhook_delivery", "number", Cell::Int(3), any, &["webhook_delivery_number"]);
    tamper(shop, "webhook_delivery", "endpoint_id", Cell::text("whe_0"), any, &["row_readable"]);
    let stranger = Cell::display(WebhookEndpointId::from_uuid(Uuid::nil()));
    tamper(shop, "webhook_delivery", "endpoint_id", stranger, any, &["webhook_delivery_endpoint"]);
    tamper(shop, "webhook_delivery", "state", Cell::text("delivered"), any, &["row_readable"]);
    tamper(shop, "webhook_endpoint", "cursor_number", Cell::Int(1_000_000), any, &["webhook_cursor"]);
}

fn an_endpoint_with_work_is_found_until_it_is_done(shop: &mut Shop) {
    let reader = shop.store.reader().unwrap();
    let found = |at: i64| {
        let work = block_on(reader.list_webhook_work(Timestamp(at))).unwrap();
        work.into_iter().map(|work| (work.is_behind, work.has_due)).collect::<Vec<_>>()
    };
    let head = block_on(reader.last_event_number(MERCHANT)).unwrap();
    assert_eq!(found(now(shop)), []);
    shop.run(a_create(head));
    // Its own creation is an event, which it does not want.
    assert_eq!(found(now(shop)), [(true, false)]);
    let events = block_on(reader.list_events(MERCHANT, head, 10)).unwrap();
    let fact = |number, kind: &str| Fact {
        number,
        event: EventId::from_uuid(Uuid::nil()),
        kind: kind.to_owned(),
        subject: String::new(),
    };
    let facts = events.iter().map(|event| fact(event.number, &event.kind)).collect();
    shop.run(FanOut { endpoint: ENDPOINT, after: head, facts });
    assert_eq!(found(now(shop)), []);
    let facts = vec![fact(head + 2, "sale.opened")];
    shop.run(FanOut { endpoint: ENDPOINT, after: head + 1, facts });
    assert_eq!(found(now(shop)), [(false, true)]);
    let fence = begin(shop);
    assert_eq!(found(now(shop)), [], "somebody has the turn");
    assert_eq!(found(now(shop) + 60_001), [(false, true)], "and may have died");
    let id = ids(shop)[0];
    record(shop, fence, id, 503);
    assert_eq!(found(now(shop) + 1), []);
    shop.run(DeleteEndpoint { id: ENDPOINT });
    assert_eq!(found(now(shop) + 120_000), [(false, true)], "what waits for a deleted one is given up");
    // The cursor of this test is ahead of the shop's events.
    shop.is_tampered = true;
}

fn the_next_of_each_subject_is_found(shop: &mut Shop) {
    take_up(shop, &["sal_1", "sal_1", "sal_2", "sal_1"]);
    let reader = shop.store.reader().unwrap();
    let fence = begin(shop);
    let mut endpoint = block_on(reader.find_webhook_endpoint(MERCHANT, ENDPOINT)).unwrap().unwrap();
    let at = Timestamp(now(shop));
    let numbers = |endpoint: &WebhookEndpoint| -> Vec<i64> {
        let due = block_on(reader.list_due_deliveries(endpoint, at, 100)).unwrap();
        due.into_iter().filter_map(|due| due.delivery.number).collect()
    };
    assert_eq!(numbers(&endpoint), [2, 4]);
    let ids = ids(shop);
    record(shop, fence, ids[0], 500);
    assert_eq!(numbers(&endpoint), [4], "what failed holds up what follows it");
    record(shop, fence, ids[0], 200);
    assert_eq!(numbers(&endpoint), [3, 4]);
    endpoint.is_ordered = false;
    assert_eq!(numbers(&endpoint), [3, 4, 5]);
    assert_eq!(block_on(reader.count_pending_deliveries(ENDPOINT, 2)).unwrap(), 2);
}
