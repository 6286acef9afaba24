//! `/v1/reports/day`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{On, TestHub};
use crate::world::{World, on_both_engines, text};

on_each_engine! {
    a_random_day_is_reported_as_its_sales_were_answered,
    what_is_asked_wrongly_is_refused,
}

on_both_engines!(electronic_tenders_refunds_and_doubt_are_told_apart);

/// Sales of a story: enough for a day and the next.
const SALES: u32 = 48;

/// Numbers that look random and are the same for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }
}

/// What a register wrote down of a day, from the answers it got.
#[derive(Default)]
struct Notes {
    count: i64,
    gross: i64,
    tax: i64,
    rates: BTreeMap<i64, [i64; 3]>,
    cash: [i64; 3],
    voided: i64,
    /// What was taken off: of how many lines, how much.
    off: [i64; 2],
    /// Returns: how many, their worth, their tax.
    back: [i64; 3],
    receipts: BTreeMap<String, Vec<String>>,
}

fn int(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| panic!("{value} is no integer"))
}

impl Notes {
    fn note(&mut self, sale: &Value) {
        if sale["state"] == "voided" {
            self.voided += 1;
            return;
        }
        self.count += 1;
        self.gross += int(&sale["total_minor"]);
        self.tax += int(&sale["tax_minor"]);
        for off in sale["lines"].as_array().unwrap().iter().filter_map(|line| line.get("discount_minor")) {
            self.off = [self.off[0] + 1, self.off[1] + int(off)];
        }
        for total in sale["taxes"].as_array().unwrap() {
            let rate = self.rates.entry(int(&total["rate_basis_points"])).or_default();
            for (sum, name) in rate.iter_mut().zip(["net_minor", "tax_minor", "gross_minor"]) {
                *sum += int(&total[name]);
            }
        }
        for tender in sale["tenders"].as_array().unwrap() {
            let [count, given, change] = &mut self.cash;
            *count += 1;
            *given += int(&tender["given_minor"]);
            *change += int(&tender["change_minor"]);
        }
        self.receipts.entry(text(&sale["register_id"])).or_default().push(text(&sale["receipt_number"]));
    }

    fn note_return(&mut self, back: &Value) {
        for (sum, more) in self.back.iter_mut().zip([1, int(&back["total_minor"]), int(&back["tax_minor"])]) {
            *sum += more;
        }
        self.receipts.entry(text(&back["register_id"])).or_default().push(text(&back["receipt_number"]));
    }

    /// What the hub has to report of it.
    fn currency(&self) -> Value {
        let taxes: Vec<Value> = self
            .rates
            .iter()
            .map(|(rate, [net, tax, gross])| {
                json!({ "rate_basis_points": rate, "net_minor": net, "tax_minor": tax, "gross_minor": gross })
            })
            .collect();
        let [count, given, change] = self.cash;
        json!({
            "currency": "JPY",
            "sales": {
                "count": self.count, "gross_minor": self.gross, "net_minor": self.gross - self.tax,
                "tax_minor": self.tax,
            },
            "taxes": taxes,
            "discounts": { "count": self.off[0], "amount_minor": self.off[1] },
            "tenders": {
                "cash": {
                    "count": count, "given_minor": given, "change_minor": change, "refunded_minor": self.back[1],
                    "net_minor": given - change - self.back[1],
                },
                "electronic": [],
                "return_credit": { "count": 0, "amount_minor": 0 },
            },
            "refunds": { "count": 0, "amount_minor": 0 },
            "returns": {
                "count": self.back[0], "gross_minor": self.back[1], "net_minor": self.back[1] - self.back[2],
                "tax_minor": self.back[2],
            },
            "unreferenced_returns": { "count": 0, "gross_minor": 0, "net_minor": 0, "tax_minor": 0 },
            "voided": { "count": self.voided },
            "payments_in_doubt": { "count": 0, "at_risk_minor": 0 },
        })
    }

    fn ranges(&self, hub: &TestHub) -> Value {
        let ranges = hub.shop.registers.iter().enumerate().filter_map(|(place, register)| {
            let mut numbers = self.receipts.get(&register.to_string())?.clone();
            numbers.sort();
            Some(json!({
                "register_id": register.to_string(), "register": format!("T{}", place + 1), "count": numbers.len(),
                "first": numbers.first(), "last": numbers.last(),
            }))
        });
        ranges.collect()
    }
}

/// Plays one customer; the sale as it stands at the end, unless it was left open.
async fn serve(hub: &TestHub, dice: &mut Dice) -> Option<Value> {
    let key = &hub.shop.cashier;
    let line = |article: String, quantity: u64| json!({ "article_id": article, "quantity": quantity.to_string() });
    // Above one yen, which the first of two tenders pays, whatever is taken off.
    let mut lines = vec![line(hub.shop.rice.to_string(), 10 + dice.roll(990))];
    for _ in 0..dice.roll(3) {
        lines.push(line(hub.shop.bag.to_string(), 1 + dice.roll(9)));
        lines.push(line(hub.shop.tea.to_string(), 1 + dice.roll(3)));
    }
    let register = hub.shop.registers[usize::try_from(dice.roll(2)).unwrap()].to_string();
    let given = 10_000 + dice.roll(10_000);
    let mut body = json!({ "register_id": register, "lines": lines });
    if dice.roll(3) == 0 {
        body["discounts"] = json!([{ "basis_points": 1 + dice.roll(1_000), "reason": "regular" }]);
    }
    let fate = dice.roll(8);
    if fate < 5 {
        body["tenders"] = json!([{ "kind": "cash", "given_minor": given }]);
        return Some(hub.post(key, "/v1/sales", body).await.expect(201));
    }
    let opened = hub.post(key, "/v1/sales", body).await.expect(201);
    let path = format!("/v1/sales/{}", text(&opened["id"]));
    match fate {
        5 => Some(hub.post(key, &format!("{path}/void"), json!({})).await.expect(200)),
        6 => {
            let first = json!({ "kind": "cash", "amount_minor": 1, "given_minor": 1 });
            hub.post(key, &format!("{path}/tenders"), first).await.expect(200);
            let rest = json!({ "kind": "cash", "given_minor": given });
            Some(hub.post(key, &format!("{path}/tenders"), rest).await.expect(200))
        }
        _ => None,
    }
}

/// One in four brings the first line back, to either register.
async fn bring_back(hub: &TestHub, dice: &mut Dice, sale: &Value) -> Option<Value> {
    if sale["state"] == "voided" || dice.roll(4) > 0 {
        return None;
    }
    let register = hub.shop.registers[usize::try_from(dice.roll(2)).unwrap()].to_string();
    let line = &sale["lines"][0];
    let lines = json!([{ "number": line["number"], "quantity": line["quantity"] }]);
    let path = format!("/v1/sales/{}/returns", text(&sale["id"]));
    let body = json!({ "register_id": register, "lines": lines });
    Some(hub.post(&hub.shop.cashier, &path, body).await.expect(201))
}

/// The day of an instant in Tokyo.
fn day_of(instant: &Value) -> String {
    let instant: jiff::Timestamp = instant.as_str().unwrap().parse().unwrap();
    instant.in_tz("Asia/Tokyo").unwrap().date().to_string()
}

async fn a_random_day_is_reported_as_its_sales_were_answered(on: On) {
    let hub = TestHub::start(on).await;
    let seed = u64::from_le_bytes(hub::clock::random_bytes());
    eprintln!("seed {seed}");
    let mut dice = Dice(seed);
    for (article, quantity) in [(hub.shop.rice, 100_000), (hub.shop.tea, 1_000)] {
        let receipt = json!({
            "location_id": hub.shop.location.to_string(), "article_id": article.to_string(), "kind": "receipt",
            "quantity": quantity,
        });
        hub.post(&hub.shop.manager, "/v1/stock-movements", receipt).await.expect(201);
    }
    let mut days: BTreeMap<String, Notes> = BTreeMap::new();
    for _ in 0..SALES {
        if let Some(sale) = serve(&hub, &mut dice).await {
            days.entry(day_of(&sale["closed_at"])).or_default().note(&sale);
            if let Some(back) = bring_back(&hub, &mut dice, &sale).await {
                days.entry(day_of(&back["created_at"])).or_default().note_return(&back);
            }
        }
        // From nine in the evening into the next day, where the test turns the clock.
        hub.hand.advance(Duration::from_secs(60 * dice.roll(14)));
    }
    for (day, notes) in &days {
        let path = format!("/v1/reports/day?date={day}&location_id={}", hub.shop.location);
        let report = hub.get(&hub.shop.viewer, &path).await.expect(200);
        assert_eq!(report["currencies"], json!([notes.currency()]));
        assert_eq!(report["receipts"], notes.ranges(&hub));
        assert_eq!((&report["date"], &report["zone"]), (&json!(day), &json!("Asia/Tokyo")));
        let mut everywhere = hub.get(&hub.shop.viewer, &format!("/v1/reports/day?date={day}")).await.expect(200);
        assert_eq!(everywhere["location_id"], Value::Null);
        everywhere["location_id"] = report["location_id"].clone();
        assert_eq!(everywhere, report);
    }
    let cash: i64 = days.values().map(|notes| notes.cash[1] - notes.cash[2] - notes.back[1]).sum();
    assert_eq!(hub.drawers().await, cash);
    let today = hub.get(&hub.shop.viewer, "/v1/reports/day").await.expect(200);
    assert!(days.keys().all(|day| day.as_str() <= today["date"].as_str().unwrap()));
    hub.stop().await;
}

async fn what_is_asked_wrongly_is_refused(on: On) {
    let hub = TestHub::start(on).await;
    let sold = hub.post(&hub.shop.cashier, "/v1/sales", hub.a_sale(1, 150)).await.expect(201);
    let day = day_of(&sold["closed_at"]);
    let path = format!("/v1/reports/day?date={day}");
    let count = |report: &Value| int(&report["currencies"][0]["sales"]["count"]);
    assert_eq!(count(&hub.get(&hub.shop.viewer, &path).await.expect(200)), 1);
    let of_other = hub.get(&hub.other.viewer, &path).await.expect(200);
    assert_eq!((count(&of_other), &of_other["receipts"]), (0, &json!([])));
    let elsewhere = format!("{path}&location_id={}", hub.other.location);
    hub.get(&hub.shop.viewer, &elsewhere).await.expect_problem(404, "location_not_found");
    for wrong in ["date=2025-02-30", "date=yesterday", "date=", "date=9999-12-31", "location_id=x", "day=2025-01-01"] {
        let path = format!("/v1/reports/day?{wrong}");
        hub.get(&hub.shop.viewer, &path).await.expect_problem(400, "query_invalid");
    }
    hub.stop().await;
}

async fn electronic_tenders_refunds_and_doubt_are_told_apart(world: World) {
    let article = world.stocked_article(500, 10).await;
    let sale = world.open_sale(&article, 2).await;
    let body = json!({
        "register_id": world.shop.register.to_string(), "connection_id": world.shop.sandbox.to_string(),
        "sale_id": sale,
    });
    let paid = world.post_and_wait("/v1/payments", &body).await.expect(201);
    let refund = format!("/v1/payments/{}/refunds", text(&paid["id"]));
    world.post_and_wait(&refund, &json!({ "amount_minor": 300 })).await.expect(201);
    let doubted = world.begin_payment(world.shop.slip, 1_903).await;
    world.wait_for_state(&doubted, "needs_person").await;
    let report = world.get(&format!("/v1/reports/day?date={}", day_of(&paid["created_at"]))).await.expect(200);
    let day = &report["currencies"][0];
    assert_eq!(day["sales"]["gross_minor"], 1_000);
    assert_eq!(
        day["tenders"],
        json!({
            "cash": { "count": 0, "given_minor": 0, "change_minor": 0, "refunded_minor": 0, "net_minor": 0 },
            "electronic": [{ "provider": "sandbox", "count": 1, "amount_minor": 1_000 }],
            "return_credit": { "count": 0, "amount_minor": 0 },
        })
    );
    assert_eq!(day["refunds"], json!({ "count": 1, "amount_minor": 300 }));
    let at_risk = json!({ "count": 1, "at_risk_minor": 1_903 });
    assert_eq!((&day["payments_in_doubt"], &report["open_exceptions"]), (&at_risk, &at_risk));
    let listed = world.get("/v1/payments?in_doubt=true").await.expect(200);
    let ids: Vec<String> = listed["data"].as_array().unwrap().iter().map(|payment| text(&payment["id"])).collect();
    assert_eq!(ids, [doubted.as_str()]);
    assert_eq!(world.get("/v1/payments?in_doubt=false").await.expect(200)["data"].as_array().unwrap().len(), 2);
    world.close().await;
}
