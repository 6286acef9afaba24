//! APIv3 at the played WeChat Pay: who may come in, what may be said, and what is answered.

use std::sync::Arc;

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::desk::{Done, Spoilt};
use super::http::Reply;
use super::ledger::{Interface, Order, Refund, Wanted, WantedRefund, Way};
use super::problem::Problem;
use super::sign::Came;
use super::{Options, Shared, clock, now_ms, sign};

/// How long a code can be paid where nobody says how long.
const CODE_LIVES_MS: i64 = 2 * 3_600_000;
/// Characters of an out_trade_no, and of an out_refund_no.
const NUMBER: std::ops::RangeInclusive<usize> = 6..=32;
const REFUND_NUMBER: std::ops::RangeInclusive<usize> = 1..=64;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Amount {
    total: i64,
    currency: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Native {
    appid: String,
    mchid: String,
    description: String,
    out_trade_no: String,
    #[serde(default)]
    time_expire: Option<String>,
    notify_url: String,
    amount: Amount,
    #[serde(default)]
    trade_type: Option<String>,
    #[serde(default)]
    merchant_category_code: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CodePay {
    appid: String,
    mchid: String,
    description: String,
    out_trade_no: String,
    payer: Payer,
    amount: Amount,
    scene_info: Scene,
    #[serde(default)]
    trade_type: Option<String>,
    #[serde(default)]
    merchant_category_code: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Payer {
    auth_code: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scene {
    #[serde(default)]
    device_id: Option<String>,
    store_info: Store,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Store {
    id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Undo {
    #[serde(default)]
    appid: Option<String>,
    mchid: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewRefund {
    #[serde(default)]
    appid: Option<String>,
    #[serde(default)]
    mchid: Option<String>,
    out_trade_no: String,
    out_refund_no: String,
    #[serde(default)]
    notify_url: Option<String>,
    amount: RefundAmount,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RefundAmount {
    refund: i64,
    total: i64,
    currency: String,
}

/// A request past the door.
struct Call<'a> {
    interface: Interface,
    query: &'a str,
    body: &'a [u8],
}

impl Call<'_> {
    fn read<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Problem> {
        serde_json::from_slice(self.body).map_err(|_| Problem::ParamError)
    }
}

/// How an order is told.
pub(super) fn order_told(options: &Options, number: &str, order: &Order) -> Value {
    let trade_type = if order.way == Way::Scanned { "MICROPAY" } else { "NATIVE" };
    let id = if order.interface == Interface::Global { "id" } else { "transaction_id" };
    let mut told = json!({
        "appid": options.appid, "mchid": options.mchid, "out_trade_no": number, "trade_type": trade_type,
        "trade_state": order.trade_state(), "trade_state_desc": "played",
    });
    if let Some(transaction) = order.transaction {
        told[id] = json!(transaction_id(transaction));
        told["success_time"] = json!(clock::written(order.paid_at_ms));
        told["amount"] = json!({
            "total": order.amount, "payer_total": order.amount, "currency": order.currency, "payer_currency": order.currency,
        });
    }
    told
}

/// What the code of an order says.
pub(super) fn code_url(number: &str) -> String {
    format!("weixin://wxpay/bizpayurl?pr={number}")
}

pub(super) fn transaction_id(number: u64) -> String {
    format!("42{number:026}")
}

pub(super) fn refund_id(number: u64) -> String {
    format!("50{number:026}")
}

fn refund_told(number: &str, order: &Order, refund: &Refund, status: &str) -> Value {
    let id = if order.interface == Interface::Global { "id" } else { "refund_id" };
    json!({
        id: refund_id(refund.id), "out_refund_no": refund.number, "out_trade_no": number,
        "transaction_id": order.transaction.map(transaction_id), "channel": "ORIGINAL", "status": status,
        "create_time": clock::written(now_ms()),
        "amount": {
            "total": order.amount, "refund": refund.amount, "payer_total": order.amount, "payer_refund": refund.amount,
            "currency": order.currency,
        },
    })
}

/// Whether a code is one that WeChat's wallets show.
pub(super) fn is_customer_code(code: &str) -> bool {
    let is_known = ["10", "11", "12", "13", "14", "15"].iter().any(|head| code.starts_with(head));
    code.len() == 18 && is_known && code.bytes().all(|byte| byte.is_ascii_digit())
}

impl Shared {
    /// Answers a request of APIv3.
    pub fn answer_v3(self: &Arc<Self>, came: &Came<'_>) -> Result<Reply, Spoilt> {
        if !sign::is_signed(came, &self.options.mchid, &self.merchant, now_ms().div_euclid(1_000)) {
            return Err(Problem::SignError.into());
        }
        let (path, query) = came.path.split_once('?').unwrap_or((came.path, ""));
        let interface = if path.starts_with("/v3/global/") { Interface::Global } else { Interface::Mainland };
        let call = Call { interface, query, body: came.body };
        let segments: Vec<&str> = path.split('/').skip(2).collect();
        let is_ours = |query: &str| query == format!("mchid={}", self.options.mchid);
        match (came.method, segments.as_slice()) {
            ("POST", ["pay" | "global", "transactions", "native"]) => self.native(&call),
            ("POST", ["pay", "transactions", "codepay"] | ["global", "micropay", "transactions", "pay"]) => {
                self.code_pay(&call)
            }
            ("GET", ["pay" | "global", "transactions", "out-trade-no", number]) if is_ours(call.query) => {
                let ledger = self.ledger();
                Ok(Reply::json(StatusCode::OK, &order_told(&self.options, number, ledger.find(number)?)))
            }
            ("POST", ["pay" | "global", "transactions", "out-trade-no", number, "close"]) => {
                self.check_undo(&call)?;
                Ok(self.close(number)?.reply(|()| Reply::empty(StatusCode::NO_CONTENT)))
            }
            (
                "POST",
                ["pay", "transactions", "out-trade-no", number, "reverse"]
                | ["global", "micropay", "transactions", "out-trade-no", number, "reverse"],
            ) => {
                self.check_undo(&call)?;
                let Options { appid, mchid, .. } = &self.options;
                let told = json!({ "appid": appid, "mchid": mchid, "out_trade_no": number });
                Ok(self.reverse(number)?.reply(|()| match interface {
                    Interface::Global => Reply::empty(StatusCode::NO_CONTENT),
                    _ => Reply::json(StatusCode::OK, &told),
                }))
            }
            ("POST", ["refund", "domestic", "refunds"] | ["global", "refunds"]) => self.new_refund(&call),
            ("GET", ["refund", "domestic", "refunds", number]) => self.told_refund(number),
            ("GET", ["global", "refunds", "out-refund-no", number]) if is_ours(call.query) => self.told_refund(number),
            _ => Err(Problem::NotFound.into()),
        }
    }

    /// What is the same in every order.
    fn wanted(&self, call: &Call<'_>, by: [&str; 2], number: String, amount: Amount) -> Result<Wanted, Problem> {
        if by != [self.options.appid.as_str(), self.options.mchid.as_str()] {
            return Err(Problem::MchNotExists);
        }
        let is_taken = call.interface == Interface::Global || amount.currency == self.options.mainland_currency;
        if amount.total <= 0 || !is_taken || !is_number(&number) {
            return Err(Problem::ParamError);
        }
        let Amount { total, currency } = amount;
        let description = String::new();
        Ok(Wanted { interface: call.interface, number, amount: total, currency, description, notify_url: None })
    }

    /// What only merchants outside of mainland China say.
    fn check_global(call: &Call<'_>, trade_type: &str, told: [Option<&str>; 2]) -> Result<(), Problem> {
        let is_right = match call.interface {
            Interface::Global => told[0] == Some(trade_type) && told[1].is_some_and(|code| code.len() == 4),
            _ => told == [None, None],
        };
        if is_right { Ok(()) } else { Err(Problem::ParamError) }
    }

    fn native(self: &Arc<Self>, call: &Call<'_>) -> Result<Reply, Spoilt> {
        let body: Native = call.read()?;
        Self::check_global(call, "NATIVE", [body.trade_type.as_deref(), body.merchant_category_code.as_deref()])?;
        if body.description.is_empty() || body.description.len() > 127 || body.notify_url.contains('?') {
            return Err(Problem::ParamError.into());
        }
        let until_ms = match &body.time_expire {
            Some(text) => clock::read(text).ok_or(Problem::ParamError)?,
            None => now_ms() + CODE_LIVES_MS,
        };
        let wanted = self.wanted(call, [&body.appid, &body.mchid], body.out_trade_no, body.amount)?;
        let wanted = Wanted { notify_url: Some(body.notify_url), description: body.description, ..wanted };
        let told = json!({ "code_url": code_url(&wanted.number) });
        Ok(self.show(&wanted, until_ms)?.reply(|()| Reply::json(StatusCode::OK, &told)))
    }

    fn code_pay(&self, call: &Call<'_>) -> Result<Reply, Spoilt> {
        let body: CodePay = call.read()?;
        Self::check_global(call, "MICROPAY", [body.trade_type.as_deref(), body.merchant_category_code.as_deref()])?;
        let is_placed = (1..=32).contains(&body.scene_info.store_info.id.len())
            && body.scene_info.device_id.as_ref().is_none_or(|id| id.len() <= 32);
        if body.description.is_empty() || body.description.len() > 127 || !is_placed {
            return Err(Problem::ParamError.into());
        }
        if !is_customer_code(&body.payer.auth_code) {
            return Err(Problem::AuthCodeInvalid.into());
        }
        let wanted = self.wanted(call, [&body.appid, &body.mchid], body.out_trade_no, body.amount)?;
        let wanted = Wanted { description: body.description, ..wanted };
        let told = |order: Order| Reply::json(StatusCode::OK, &order_told(&self.options, &wanted.number, &order));
        Ok(self.charge(&wanted)?.reply(told))
    }

    fn check_undo(&self, call: &Call<'_>) -> Result<(), Problem> {
        let body: Undo = call.read()?;
        let is_ours = body.mchid == self.options.mchid && body.appid.is_none_or(|appid| appid == self.options.appid);
        if is_ours { Ok(()) } else { Err(Problem::MchNotExists) }
    }

    fn new_refund(self: &Arc<Self>, call: &Call<'_>) -> Result<Reply, Spoilt> {
        let body: NewRefund = call.read()?;
        let by = [body.appid.as_deref(), body.mchid.as_deref()];
        let expected = [Some(self.options.appid.as_str()), Some(self.options.mchid.as_str())];
        if by != if call.interface == Interface::Global { expected } else { [None, None] } {
            return Err(Problem::MchNotExists.into());
        }
        if body.amount.refund <= 0 || !REFUND_NUMBER.contains(&body.out_refund_no.len()) {
            return Err(Problem::ParamError.into());
        }
        let wanted = WantedRefund {
            order: body.out_trade_no,
            number: body.out_refund_no,
            amount: body.amount.refund,
            total: body.amount.total,
            currency: body.amount.currency,
            notify_url: body.notify_url,
        };
        let done = self.refund(&wanted)?;
        let order = self.ledger().find(&wanted.order)?.clone();
        Ok(done.reply(|refund| Reply::json(StatusCode::OK, &refund_told(&wanted.order, &order, &refund, "PROCESSING"))))
    }

    fn told_refund(&self, number: &str) -> Result<Reply, Spoilt> {
        let (of, order, refund) = self.ledger().find_refund(number)?;
        Ok(Reply::json(StatusCode::OK, &refund_told(&of, &order, &refund, "SUCCESS")))
    }
}

/// Whether a text may be the number of an order.
pub(super) fn is_number(text: &str) -> bool {
    NUMBER.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-*".contains(&byte))
}

impl<T> Done<T> {
    /// The answer of APIv3, as it is spoilt on its way.
    fn reply(self, told: impl FnOnce(T) -> Reply) -> Reply {
        let reply = match self.told {
            Ok(done) => told(done),
            Err(problem) => Reply::problem(problem),
        };
        reply.spoilt_by(self.fault)
    }
}
