//! What the hub answers, as far as the demo reads it.

use serde::Deserialize;

/// Whatever was made: the demo wants to know its id.
#[derive(Debug, Deserialize)]
pub struct Made {
    pub id: String,
}

/// Whatever was set: that it was is enough.
#[derive(Debug, Deserialize)]
pub struct Done {}

#[derive(Debug, Clone, Deserialize)]
pub struct Sale {
    pub id: String,
    pub state: String,
    pub register_id: String,
    pub total_minor: i64,
    pub due_minor: Option<i64>,
    pub receipt_number: Option<String>,
    pub points_earned: Option<i64>,
    #[serde(default)]
    pub discounts: Vec<Discount>,
    #[serde(default)]
    pub taxes: Vec<Tax>,
    #[serde(default)]
    pub lines: Vec<Line>,
    #[serde(default)]
    pub tenders: Vec<Tender>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Discount {
    pub kind: String,
    pub amount_minor: i64,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Tax {
    pub rate_basis_points: u32,
    pub net_minor: i64,
    pub tax_minor: i64,
    pub gross_minor: i64,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Line {
    pub number: u32,
    pub article_id: String,
    pub quantity: String,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Tender {
    pub kind: String,
    pub state: String,
    pub amount_minor: i64,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Return {
    pub id: String,
    pub total_minor: i64,
    pub next_action: String,
    pub lines: Vec<Line>,
    pub refunds: Vec<Refund>,
    pub receipt_number: String,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Refund {
    pub kind: String,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Payment {
    pub id: String,
    pub state: String,
    pub connection_id: String,
    pub captured_minor: i64,
    pub refunded_minor: i64,
    #[serde(default)]
    pub next_action: String,
    #[serde(default)]
    pub customer_charged: String,
    #[serde(default)]
    pub operations: Vec<Operation>,
}

impl Payment {
    /// All of the money was taken and has gone back.
    pub const fn is_given_back(&self) -> bool {
        self.captured_minor > 0 && self.refunded_minor == self.captured_minor
    }

    /// Nobody can tell yet how it ends.
    pub fn is_open(&self) -> bool {
        matches!(self.state.as_str(), "in_progress" | "in_doubt" | "needs_person")
    }
}

#[derive(Debug, Clone, Deserialize)]
pub struct Operation {
    pub witness: Option<String>,
}

/// Something that needs a person, or needed one.
#[derive(Debug, Clone, Deserialize)]
pub struct Exception {
    pub kind: String,
    pub subject: String,
    pub reason: String,
    pub owner: String,
    pub resolution: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Level {
    pub article_id: String,
    pub on_hand: String,
    pub reserved: String,
    pub available: String,
    pub reorder_at: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Points {
    pub points: i64,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Stocktake {
    pub id: String,
    pub state: String,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Counted {
    pub article_id: String,
    pub counted: Option<String>,
    pub expected: Option<String>,
    pub difference: Option<String>,
}

/// The Z report of a shift.
#[derive(Debug, Clone, Deserialize)]
pub struct ShiftReport {
    pub kind: String,
    pub shift: Shift,
    pub drawer: Drawer,
    pub totals: Totals,
    pub receipts: Option<Receipts>,
    pub in_doubt: Vec<Doubt>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Doubt {}

#[derive(Debug, Clone, Deserialize)]
pub struct Shift {
    pub float_minor: i64,
    pub closing: Option<Closing>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Closing {
    pub counted_minor: i64,
    pub expected_minor: i64,
    pub difference_minor: i64,
    pub deposited_minor: i64,
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Drawer {
    pub sales_minor: i64,
    pub refunds_minor: i64,
    pub paid_in_minor: i64,
    pub paid_out_minor: i64,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Totals {
    pub sales: Taxed,
    pub taxes: Vec<Tax>,
    pub discounts: Amount,
    pub tenders: Tenders,
    pub refunds: Amount,
    pub returns: Taxed,
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Taxed {
    pub count: u64,
    pub gross_minor: i64,
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Amount {
    pub count: u64,
    pub amount_minor: i64,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Tenders {
    pub cash: Cash,
    pub electronic: Vec<Electronic>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Cash {
    pub count: u64,
    pub given_minor: i64,
    pub change_minor: i64,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Electronic {
    pub provider: String,
    pub count: u64,
    pub amount_minor: i64,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Receipts {
    pub count: u64,
    pub first: String,
    pub last: String,
}
