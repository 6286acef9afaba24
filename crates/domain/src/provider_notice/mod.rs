//! What a provider told by itself and no rule of ours makes an outcome of: a refund that somebody made in its portal, a
//! chargeback, a dispute, a settlement. It is kept as it was told, once, so that whoever has to act, and a rule that is
//! written later, find it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role};
use crate::exception;
use crate::guard;
use crate::id::{ConnectionId, MerchantId, PaymentId, ProviderNoticeId};
use crate::money::{AMOUNT_MINOR_MAX, format_minor};
use crate::payment::Payment;
use crate::time::Timestamp;
use crate::work::{Key, Stop, UnitOfWork};

/// Longest id that a provider may give its notice, in characters; more is cut off.
pub const NOTICE_ID_CHARS_MAX: usize = 128;
/// The most fields that are kept of a notice.
pub const FIELDS_MAX: usize = 64;
/// Longest name of a field, and longest value, in characters; more is cut off.
pub const FIELD_CHARS_MAX: usize = 256;

/// What a notice is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Money was given back, and not by this hub.
    Refund,
    /// A customer's bank has taken the money back.
    Chargeback,
    /// A customer complains; money may follow.
    Dispute,
    /// The provider has settled, or has a file about it.
    Settlement,
    /// Anything else.
    Other,
}

impl Kind {
    /// The words in the database and in the API.
    pub const WORDS: [&'static str; 5] = ["refund", "chargeback", "dispute", "settlement", "other"];

    /// The word in the database and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refund => "refund",
            Self::Chargeback => "chargeback",
            Self::Dispute => "dispute",
            Self::Settlement => "settlement",
            Self::Other => "other",
        }
    }

    /// The kind of that name.
    pub fn parse(text: &str) -> Option<Self> {
        let all = [Self::Refund, Self::Chargeback, Self::Dispute, Self::Settlement, Self::Other];
        all.into_iter().find(|kind| kind.as_str() == text)
    }

    /// Whether a payment that it is about may not be what the books say.
    const fn contradicts_books(self) -> bool {
        matches!(self, Self::Refund | Self::Chargeback | Self::Dispute)
    }
}

/// One notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderNotice {
    /// Of which connection.
    pub connection: ConnectionId,
    /// What the provider calls it: told again under the same id it is the same.
    pub notice_id: String,
    /// Its id with us.
    pub id: ProviderNoticeId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// What it is about.
    pub kind: Kind,
    /// The payment of ours that it names, if it names one.
    pub payment: Option<PaymentId>,
    /// How much money it is about, in minor units of the payment's currency, where it says so.
    pub amount_minor: Option<i64>,
    /// Whether the provider has signed it. What it has not may come from anybody in its networks.
    pub is_signed: bool,
    /// What it says, by the provider's own names, without what is about the person who paid.
    pub fields: BTreeMap<String, String>,
    /// When it was first told.
    pub received_at: Timestamp,
    /// Row version.
    pub version: i64,
}

/// Keeps what a provider told. The same again changes nothing.
#[derive(Debug, Clone)]
pub struct KeepNotice {
    /// Of which connection.
    pub connection: ConnectionId,
    /// What the provider calls it.
    pub notice_id: String,
    /// What it is about.
    pub kind: Kind,
    /// The payment that it names.
    pub payment: Option<PaymentId>,
    /// How much money it is about, in minor units.
    pub amount_minor: Option<i64>,
    /// Whether the provider has signed it.
    pub is_signed: bool,
    /// What it says.
    pub fields: Vec<(String, String)>,
}

/// `provider_notice.received`.
#[derive(Serialize)]
struct Received<'a> {
    connection: ConnectionId,
    payment: Option<PaymentId>,
    kind: &'static str,
    notice_id: &'a str,
    amount_minor: Option<i64>,
    is_signed: bool,
}

impl KeepNotice {
    fn key(&self) -> (ConnectionId, String) {
        let id = cut(&self.notice_id, NOTICE_ID_CHARS_MAX);
        (self.connection, guard::redact(&id).unwrap_or(id))
    }

    /// The payment that it names, if it is one of this connection.
    fn find_payment<'a>(&self, work: &'a UnitOfWork, call: &Call<'_>) -> Option<&'a Payment> {
        let payment = work.payments.find(call.merchant, &self.payment?);
        payment.filter(|payment| payment.connection == self.connection)
    }

    /// What is kept of what it says: nothing that could be a card's number, whatever it is.
    fn fields(&self) -> BTreeMap<String, String> {
        let kept = |text: &String| {
            let text = cut(text, FIELD_CHARS_MAX);
            guard::redact(&text).unwrap_or(text)
        };
        self.fields.iter().take(FIELDS_MAX).map(|(name, value)| (kept(name), kept(value))).collect()
    }
}

/// A text without what no database keeps, no longer than it may be.
fn cut(text: &str, chars: usize) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(chars).collect()
}

impl Command for KeepNotice {
    type Reply = ProviderNotice;

    fn name(&self) -> &'static str {
        "provider_notice.keep"
    }

    fn keys(&self) -> Vec<Key> {
        let (connection, notice_id) = self.key();
        let keys = [Key::Connection(connection), Key::ProviderNotice(connection, notice_id)];
        keys.into_iter().chain(self.payment.map(Key::Payment)).collect()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<ProviderNotice, Stop<command::Refusal>> {
        require_role(call, Role::System)?;
        work.require(self.keys())?;
        let key = self.key();
        if let Some(known) = work.provider_notices.find(call.merchant, &key) {
            return Ok(known.clone());
        }
        if work.connections.find(call.merchant, &self.connection).is_none() {
            return Err(not_found("connection", self.connection));
        }
        let payment = self.find_payment(work, call).cloned();
        let notice = ProviderNotice {
            connection: self.connection,
            notice_id: key.1,
            id: ProviderNoticeId::from_uuid(call.next_uuid()),
            merchant: call.merchant,
            kind: self.kind,
            payment: payment.as_ref().map(|payment| payment.id),
            amount_minor: self.amount_minor.filter(|amount| (0..=AMOUNT_MINOR_MAX).contains(amount)),
            is_signed: self.is_signed,
            fields: self.fields(),
            received_at: call.now,
            version: 1,
        };
        tell(work, call, &notice);
        if let Some(payment) = payment.filter(|_| notice.is_signed && notice.kind.contradicts_books()) {
            ask_person(work, call, &notice, &payment);
        }
        work.provider_notices.insert(notice.clone());
        Ok(notice)
    }
}

fn tell(work: &mut UnitOfWork, call: &mut Call<'_>, notice: &ProviderNotice) {
    let told = Received {
        connection: notice.connection,
        payment: notice.payment,
        kind: notice.kind.as_str(),
        notice_id: &notice.notice_id,
        amount_minor: notice.amount_minor,
        is_signed: notice.is_signed,
    };
    work.emit(call, "provider_notice.received", notice.id, &told);
}

/// The books know nothing of it: a person finds out who did it and puts them right.
fn ask_person(work: &mut UnitOfWork, call: &mut Call<'_>, notice: &ProviderNotice, payment: &Payment) {
    let at_risk_minor = notice.amount_minor.unwrap_or(payment.captured_minor);
    let reason = format!(
        "The provider tells of a {} of this payment, which this hub did not ask for ({} {}; notice {}). Look it up in the \
         provider's portal and find out who did.",
        notice.kind.as_str(),
        format_minor(at_risk_minor, payment.currency),
        payment.currency,
        notice.id,
    );
    exception::open(work, call, payment.id, exception::Kind::NotAskedFor, reason, at_risk_minor);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exception::Kind::NotAskedFor;
    use crate::payment::shop::{CONNECTION, Shop};
    use crate::testing::MERCHANT;

    fn refund_of(payment: PaymentId) -> KeepNotice {
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        KeepNotice {
            connection: CONNECTION,
            notice_id: "refund-1".to_owned(),
            kind: Kind::Refund,
            payment: Some(payment),
            amount_minor: Some(300),
            is_signed: true,
            fields: vec![field("refund_fee", "300"), field("note", "of 4111 1111 1111 1111")],
        }
    }

    #[test]
    fn a_refund_made_elsewhere_is_kept_once_and_a_person_is_asked() {
        let mut shop = Shop::new();
        let payment = shop.captured();
        let kept = shop.run(&refund_of(payment.id)).unwrap();
        assert_eq!((kept.payment, kept.amount_minor), (Some(payment.id), Some(300)));
        assert_eq!(kept.fields["refund_fee"], "300");
        assert!(!kept.fields["note"].contains("4111"), "no number of a card is kept");
        assert_eq!(shop.exception(payment.id, NotAskedFor).at_risk_minor, 300);
        assert_eq!(shop.payment(payment.id), payment, "the books are not moved by it");
        assert!(!shop.writes(|shop| shop.run(&refund_of(payment.id))), "told again it is the same");
    }

    #[test]
    fn what_names_no_payment_of_the_connection_or_is_not_signed_asks_nobody() {
        let mut shop = Shop::new();
        let payment = shop.captured();
        let unsigned = KeepNotice { notice_id: "1".to_owned(), is_signed: false, ..refund_of(payment.id) };
        let nowhere = PaymentId::from_uuid(uuid::Uuid::nil());
        let of_nothing = KeepNotice { notice_id: "2".to_owned(), payment: Some(nowhere), ..refund_of(payment.id) };
        let settled = KeepNotice { notice_id: "3".to_owned(), kind: Kind::Settlement, ..refund_of(payment.id) };
        assert_eq!(shop.run(&unsigned).unwrap().payment, Some(payment.id));
        assert_eq!(shop.run(&of_nothing).unwrap().payment, None);
        assert_eq!(shop.run(&settled).unwrap().kind, Kind::Settlement);
        assert!(shop.world.database.exceptions.find(MERCHANT, &(payment.id.to_string(), NotAskedFor)).is_none());
    }

    #[test]
    fn an_amount_that_no_journal_could_hold_and_an_endless_text_are_not_kept() {
        let mut shop = Shop::new();
        let payment = shop.captured();
        let long = vec![("x".repeat(999), "y\u{0}".repeat(999))];
        let absurd = KeepNotice { amount_minor: Some(-1), fields: long, ..refund_of(payment.id) };
        let kept = shop.run(&absurd).unwrap();
        assert_eq!(kept.amount_minor, None);
        assert_eq!(kept.fields, [("x".repeat(FIELD_CHARS_MAX), "y".repeat(FIELD_CHARS_MAX))].into());
        assert_eq!(shop.exception(payment.id, NotAskedFor).at_risk_minor, payment.captured_minor);
    }

    #[test]
    fn only_the_hub_keeps_notices_and_only_of_connections_of_the_merchant() {
        let mut shop = Shop::new();
        let payment = shop.captured();
        let told = refund_of(payment.id);
        assert_eq!(shop.clone().acting_as(Role::Manager).refused(&told), "role_too_low");
        assert_eq!(shop.of_other_merchant().refused(&told), "connection_not_found");
    }

    #[test]
    fn words_are_read_back() {
        assert!(Kind::WORDS.iter().all(|word| Kind::parse(word).is_some_and(|kind| kind.as_str() == *word)));
        assert_eq!(Kind::parse("nothing"), None);
    }
}
