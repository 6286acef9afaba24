//! When the last customer has gone: what is in doubt comes to an end, a shelf is counted, the drawers are.

use std::time::{Duration, Instant};

use anyhow::bail;
use serde_json::{Value, json};

use super::answers::{Counted, Done, Payment, Stocktake};
use super::api::Post;
use super::goods::{GREEN_TEA, ONIGIRI, RARE, TOWEL, UMBRELLA};
use super::shop::Shop;
use super::tally::{Tally, quantity};

/// The longest wait for the last payment to come to rest: the sandbox's `resolve_by`, and as much again for hubs that die.
const REST_WAIT: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What is counted.
const SHELF: [usize; 5] = [UMBRELLA, TOWEL, ONIGIRI, GREEN_TEA, RARE];
/// One umbrella was carried out without being paid for.
const MISSING: (usize, i64) = (UMBRELLA, 1_000);

/// All payments, as soon as none is in doubt any more and the late one was given back, or when the patience is over.
pub async fn wait_for_rest(shop: &Shop, tally: &Tally) -> anyhow::Result<Vec<Payment>> {
    let deadline = Instant::now() + REST_WAIT;
    loop {
        let payments: Vec<Payment> = shop.manager.list("/v1/payments").await?;
        let is_late_back = late(tally, &payments).is_none_or(Payment::is_given_back);
        if (is_late_back && !payments.iter().any(Payment::is_open)) || Instant::now() >= deadline {
            return Ok(payments);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// The payment that was approved late.
pub fn late<'a>(tally: &Tally, payments: &'a [Payment]) -> Option<&'a Payment> {
    let (id, _) = tally.late.as_ref()?;
    payments.iter().find(|payment| payment.id == *id)
}

/// Counts a shelf, and takes what was found into the books; gives what was counted.
pub async fn take_stock(shop: &Shop, tally: &Tally) -> anyhow::Result<Vec<Counted>> {
    let named: Vec<Value> = SHELF.iter().map(|place| json!({ "article_id": shop.articles[*place] })).collect();
    let body = json!({ "location_id": shop.location.id, "articles": named, "note": "The shelf by the door" });
    let post = Post { path: "/v1/stocktakes", key: "demo-stocktake", body };
    let stocktake: Stocktake = shop.manager.post(&post).await?.read(201)?;
    let path = format!("/v1/stocktakes/{}", stocktake.id);
    let lines: Vec<Value> = SHELF.iter().map(|place| count(shop, tally, *place)).collect();
    let post = Post { path: &format!("{path}/lines"), key: "demo-stocktake-count", body: json!({ "lines": lines }) };
    shop.cashier.post(&post).await?.read::<Done>(201)?;
    let body = json!({ "uncounted": "leave" });
    let post = Post { path: &format!("{path}/close"), key: "demo-stocktake-close", body };
    shop.manager.post(&post).await?.read::<Done>(202)?;
    let deadline = Instant::now() + REST_WAIT;
    while shop.manager.get_at_rest::<Stocktake>(&path).await?.state != "closed" {
        if Instant::now() >= deadline {
            bail!("the stocktake {} does not come to its end", stocktake.id);
        }
    }
    shop.manager.list(&format!("{path}/lines")).await
}

fn count(shop: &Shop, tally: &Tally, place: usize) -> Value {
    let sold = tally.sold.get(&shop.articles[place]).copied().unwrap_or(0);
    let (missing, by) = MISSING;
    let counted = shop.opening[place] - sold - if place == missing { by } else { 0 };
    json!({ "barcode": shop.goods[place].barcode, "counted": quantity(counted) })
}
