//! v2 at the played WeChat Pay: XML of one level, signed by the shared key.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::desk::Spoilt;
use super::http::Reply;
use super::ledger::{Interface, Order, Wanted, WantedRefund};
use super::problem::Problem;
use super::sign::Came;
use super::v3::{is_customer_code, is_number, refund_id, transaction_id};
use super::{Shared, clock, sign};
use crate::paypay::Fault;

/// What is said, by name.
type Words = BTreeMap<String, String>;

/// What every request says.
const ALWAYS: [&str; 5] = ["appid", "mch_id", "nonce_str", "sign", "sign_type"];

impl Shared {
    /// Answers a request of v2; `has_certificate` says whether its connection has shown the merchant's.
    pub fn answer_v2(self: &Arc<Self>, came: &Came<'_>, has_certificate: bool) -> Result<Reply, Spoilt> {
        if came.method != "POST" {
            return Err(Problem::ParamError.into());
        }
        let words = read(came.body).ok_or(Problem::ParamError)?;
        let word = |name: &str| words.get(name).map(String::as_str).unwrap_or_default();
        if word("sign").is_empty() || word("sign") != sign::v2(&words, &self.options.api_key) {
            return Err(Problem::SignError.into());
        }
        if word("appid") != self.options.appid || word("mch_id") != self.options.mchid {
            return Err(Problem::MchNotExists.into());
        }
        if came.path.starts_with("/secapi/") && !has_certificate {
            return Err(Problem::CertError.into());
        }
        let only = |names: &[&str]| {
            let is_known = |name: &String| ALWAYS.contains(&name.as_str()) || names.contains(&name.as_str());
            if words.keys().all(is_known) { Ok(()) } else { Err(Problem::ParamError) }
        };
        match came.path {
            "/pay/micropay" => {
                only(&[
                    "out_trade_no",
                    "auth_code",
                    "body",
                    "device_info",
                    "fee_type",
                    "spbill_create_ip",
                    "total_fee",
                ])?;
                self.micropay(&words)
            }
            "/pay/orderquery" => {
                only(&["out_trade_no"])?;
                let order = self.ledger().find(word("out_trade_no"))?.clone();
                Ok(self.success(order_told(word("out_trade_no"), &order)))
            }
            "/secapi/pay/reverse" => {
                only(&["out_trade_no"])?;
                let done = self.reverse(word("out_trade_no"))?;
                Ok(self.success(said(&[("recall", "N")])).spoilt_by(done.fault))
            }
            "/secapi/pay/refund" => {
                only(&["out_trade_no", "out_refund_no", "refund_fee", "refund_fee_type", "total_fee"])?;
                self.new_refund_v2(&words)
            }
            "/pay/refundquery" => {
                only(&["out_refund_no"])?;
                let (of, order, refund) = self.ledger().find_refund(word("out_refund_no"))?;
                let told = [
                    ("out_trade_no", of),
                    ("total_fee", order.amount.to_string()),
                    ("refund_count", "1".to_owned()),
                    ("out_refund_no_0", refund.number.clone()),
                    ("refund_id_0", refund_id(refund.id)),
                    ("refund_fee_0", refund.amount.to_string()),
                    ("refund_status_0", "SUCCESS".to_owned()),
                ];
                Ok(self.success(told.map(|(name, value)| (name.to_owned(), value)).into()))
            }
            _ => Err(Problem::NotFound.into()),
        }
    }

    fn micropay(&self, words: &Words) -> Result<Reply, Spoilt> {
        let word = |name: &str| words.get(name).cloned().unwrap_or_default();
        let amount = word("total_fee").parse().ok().filter(|amount| *amount > 0).ok_or(Problem::ParamError)?;
        let is_whole = !word("body").is_empty() && !word("spbill_create_ip").is_empty() && word("fee_type").len() == 3;
        if !is_whole || !is_number(&word("out_trade_no")) {
            return Err(Problem::ParamError.into());
        }
        if !is_customer_code(&word("auth_code")) {
            return Err(Problem::AuthCodeInvalid.into());
        }
        let wanted = Wanted {
            interface: Interface::V2,
            number: word("out_trade_no"),
            amount,
            currency: word("fee_type"),
            description: word("body"),
            notify_url: None,
        };
        let done = self.charge(&wanted)?;
        let reply = match done.told {
            Ok(order) => {
                let mut told = order_told(&wanted.number, &order);
                // What was paid has no state in this answer.
                told.remove("trade_state");
                self.success(told)
            }
            Err(problem) => self.failure(problem),
        };
        Ok(reply.spoilt_by(done.fault))
    }

    fn new_refund_v2(self: &Arc<Self>, words: &Words) -> Result<Reply, Spoilt> {
        let word = |name: &str| words.get(name).cloned().unwrap_or_default();
        let number = |name: &str| word(name).parse::<i64>().ok().filter(|number| *number > 0);
        let wanted = WantedRefund {
            order: word("out_trade_no"),
            number: word("out_refund_no"),
            amount: number("refund_fee").ok_or(Problem::ParamError)?,
            total: number("total_fee").ok_or(Problem::ParamError)?,
            currency: word("refund_fee_type"),
            notify_url: None,
        };
        let done = self.refund(&wanted)?;
        let reply = match done.told {
            Ok(refund) => self.success(said(&[
                ("out_trade_no", &wanted.order),
                ("out_refund_no", &wanted.number),
                ("refund_id", &refund_id(refund.id)),
                ("refund_fee", &refund.amount.to_string()),
                ("total_fee", &wanted.total.to_string()),
            ])),
            Err(problem) => self.failure(problem),
        };
        Ok(reply.spoilt_by(done.fault))
    }

    fn success(&self, told: Words) -> Reply {
        self.told(told, &[("return_code", "SUCCESS"), ("return_msg", "OK"), ("result_code", "SUCCESS")])
    }

    /// What is not done. What does not get past the door is told of without a signature.
    pub fn failure(&self, problem: Problem) -> Reply {
        match problem.v2() {
            Some(code) => self.told(
                said(&[("err_code", code), ("err_code_des", "played")]),
                &[("return_code", "SUCCESS"), ("return_msg", "OK"), ("result_code", "FAIL")],
            ),
            None if problem == Problem::Unavailable => Reply::empty(problem.v3().0),
            None => Reply::xml(&written(&said(&[("return_code", "FAIL"), ("return_msg", problem.at_the_door())]))),
        }
    }

    fn told(&self, mut words: Words, more: &[(&str, &str)]) -> Reply {
        words.extend(said(more));
        words.insert("appid".to_owned(), self.options.appid.clone());
        words.insert("mch_id".to_owned(), self.options.mchid.clone());
        words.insert("nonce_str".to_owned(), self.nonce(32));
        words.insert("sign_type".to_owned(), "HMAC-SHA256".to_owned());
        let signature = sign::v2(&words, &self.options.api_key);
        words.insert("sign".to_owned(), signature);
        Reply::xml(&written(&words))
    }

    /// The answer after what was asked for was done all the same.
    pub fn error_after_commit(&self, is_v2: bool) -> Reply {
        let reply = if is_v2 { self.failure(Problem::SystemError) } else { Reply::problem(Problem::SystemError) };
        reply.spoilt_by(Fault::None)
    }
}

fn order_told(number: &str, order: &Order) -> Words {
    let mut told = said(&[
        ("out_trade_no", number),
        ("trade_type", "MICROPAY"),
        ("trade_state", order.trade_state()),
        ("trade_state_desc", "played"),
    ]);
    if let Some(transaction) = order.transaction {
        let amount = order.amount.to_string();
        let more = [
            ("transaction_id", transaction_id(transaction)),
            ("total_fee", amount.clone()),
            ("cash_fee", amount),
            ("fee_type", order.currency.clone()),
            ("time_end", clock::digits(order.paid_at_ms)),
        ];
        told.extend(more.map(|(name, value)| (name.to_owned(), value)));
    }
    told
}

fn said(pairs: &[(&str, &str)]) -> Words {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn written(words: &Words) -> String {
    let element = |(name, value): (&String, &String)| format!("<{name}><![CDATA[{value}]]></{name}>\n");
    format!("<xml>\n{}</xml>", words.iter().map(element).collect::<String>())
}

fn read(body: &[u8]) -> Option<Words> {
    let document = roxmltree::Document::parse(std::str::from_utf8(body).ok()?).ok()?;
    let root = Some(document.root_element()).filter(|root| root.has_tag_name("xml"))?;
    let element = |node: roxmltree::Node<'_, '_>| {
        let is_flat = node.children().all(|child| child.is_text());
        let text: String = node.children().filter_map(|child| child.text()).collect();
        is_flat.then(|| (node.tag_name().name().to_owned(), text))
    };
    root.children().filter(roxmltree::Node::is_element).map(element).collect()
}
