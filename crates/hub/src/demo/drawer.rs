//! A register's drawer: opened with a float, counted blind at the end, by a cashier who has to say what is in it before the
//! hub says what should be.

use anyhow::bail;
use serde_json::{Value, json};

use super::answers::{Done, Made, ShiftReport};
use super::api::Post;
use super::register::Register;

/// The float: pieces of each value in yen.
const FLOAT: [(i64, i64); 8] = [(5_000, 2), (1_000, 15), (500, 10), (100, 50), (50, 20), (10, 50), (5, 20), (1, 50)];
/// What coins and notes there are, the largest first.
const VALUES: [i64; 9] = [10_000, 5_000, 1_000, 500, 100, 50, 10, 5, 1];
/// What is dropped into the safe in the afternoon.
const DROP_MINOR: i64 = 10_000;
/// What the manager takes for stamps.
const STAMPS_MINOR: i64 = 630;
/// By how much the last register is short in the evening.
const SHORT_MINOR: i64 = 10;

impl Register<'_> {
    /// Opens the shift.
    pub async fn open_drawer(&mut self) -> anyhow::Result<()> {
        let float: Vec<Value> = FLOAT.iter().map(|(value, pieces)| counted(*value, *pieces)).collect();
        let body = json!({ "register_id": self.place.id, "float": float });
        let key = format!("demo-{}-open", self.place.name);
        self.shift = self.post("/v1/shifts", &key, body).await?.read::<Made>(201)?.id;
        self.tally.drawer_minor = float_minor();
        Ok(())
    }

    /// Banknotes go into the safe: a cashier may do that.
    pub async fn drop_into_safe(&mut self) -> anyhow::Result<()> {
        let body = json!({ "direction": "out", "purpose": "safe", "amount_minor": DROP_MINOR, "reason": "drop" });
        let key = format!("demo-{}-drop", self.place.name);
        self.post(&self.movements(), &key, body).await?.read::<Done>(201)?;
        self.tally.drawer_minor -= DROP_MINOR;
        Ok(())
    }

    /// The manager takes petty cash.
    pub async fn buy_stamps(&mut self) -> anyhow::Result<()> {
        let body =
            json!({ "direction": "out", "purpose": "expense", "amount_minor": STAMPS_MINOR, "reason": "stamps" });
        let key = format!("demo-{}-stamps", self.place.name);
        let post = Post { path: &self.movements(), key: &key, body };
        self.shop.manager.post(&post).await?.read::<Done>(201)?;
        self.tally.drawer_minor -= STAMPS_MINOR;
        Ok(())
    }

    /// Counts the drawer, leaves the float in it, and reads the Z report.
    pub async fn close_drawer(&mut self) -> anyhow::Result<ShiftReport> {
        let is_short = self.shop.registers.last().is_some_and(|last| last.id == self.place.id);
        let in_drawer = self.tally.drawer_minor - if is_short { SHORT_MINOR } else { 0 };
        let body = json!({ "count": count(in_drawer), "deposited_minor": in_drawer - float_minor() });
        let key = format!("demo-{}-close", self.place.name);
        self.post(&format!("/v1/shifts/{}/close", self.shift), &key, body).await?.read::<Made>(200)?;
        let report: ShiftReport = self.shop.manager.get(&format!("/v1/shifts/{}/report", self.shift)).await?;
        if report.kind != "z" {
            bail!("the report of a closed shift is not the Z report");
        }
        Ok(report)
    }

    fn movements(&self) -> String {
        format!("/v1/shifts/{}/cash-movements", self.shift)
    }
}

fn float_minor() -> i64 {
    FLOAT.iter().map(|(value, pieces)| value * pieces).sum()
}

fn counted(value_minor: i64, pieces: i64) -> Value {
    json!({ "value_minor": value_minor, "pieces": pieces })
}

/// An amount in as few pieces as there can be.
fn count(amount_minor: i64) -> Vec<Value> {
    let mut left = amount_minor;
    let pieces = VALUES.iter().map(|value| {
        let pieces = left / value;
        left %= value;
        counted(*value, pieces)
    });
    pieces.collect()
}
