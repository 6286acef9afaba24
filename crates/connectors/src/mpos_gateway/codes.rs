//! The gateway's statuses in our words. A status that is not in the table is `Unknown`, never `Declined`.

use domain::money::Currency;
use domain::payment::{Approval, Kind, Outcome, Reason};

/// Where an order stands: the documents' table of statuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Approved,
    Declined(&'static str),
    Processing,
    /// The gateway itself does not know, or uses a word that is new to us.
    Unknown,
}

/// The meaning of a status. One that is missing is `processing`, as the vendor's own library reads it.
pub(super) fn status(word: Option<&str>) -> Status {
    match word {
        Some("approved") => Status::Approved,
        Some("declined") => Status::Declined("declined_by_provider"),
        Some("filtered") => Status::Declined("filtered_by_provider"),
        // "Declined because something went wrong technically".
        Some("error") => Status::Declined("error_at_provider"),
        Some("processing") | None => Status::Processing,
        Some(_) => Status::Unknown,
    }
}

/// What the order was asked for last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Sale,
    Preauth,
    Capture,
    /// The promise was given back.
    Cancel,
    /// Money was given back.
    Reversal,
    Other,
}

/// The meaning of a `transaction-type`. Where it is missing the order was asked for nothing but its charge.
pub(super) fn stage(word: Option<&str>, charge: Kind) -> Stage {
    match word {
        Some("sale") => Stage::Sale,
        Some("preauth") => Stage::Preauth,
        Some("capture") => Stage::Capture,
        Some("cancel") => Stage::Cancel,
        Some("reversal") => Stage::Reversal,
        None if charge == Kind::Authorize => Stage::Preauth,
        None => Stage::Sale,
        Some(_) => Stage::Other,
    }
}

/// The facts of an order.
pub(super) struct Facts<'a> {
    pub status: Status,
    pub stage: Stage,
    /// What is left of the order after captures and returns, in minor units.
    pub amount_minor: Option<i64>,
    /// What the order was begun with.
    pub initial_minor: Option<i64>,
    pub order_id: Option<&'a str>,
}

impl Facts<'_> {
    fn approved(&self, amount_minor: Option<i64>) -> Outcome {
        match amount_minor {
            Some(approved_minor) if approved_minor >= 0 => {
                let provider_reference = self.order_id.map(str::to_owned);
                Outcome::Approved(Approval { approved_minor, provider_reference, funding: None })
            }
            _ => Outcome::Unknown,
        }
    }

    /// Said of the charge. Whatever was asked of an order later, its charge was approved before.
    pub fn charge(&self) -> Outcome {
        match (self.stage, self.status) {
            (Stage::Sale | Stage::Preauth, Status::Approved) => self.approved(self.initial_minor.or(self.amount_minor)),
            (Stage::Capture | Stage::Cancel | Stage::Reversal, _) => self.approved(self.initial_minor),
            (Stage::Sale | Stage::Preauth, Status::Declined(reason)) => declined(reason),
            (Stage::Sale | Stage::Preauth, Status::Processing) => Outcome::Pending,
            (Stage::Sale | Stage::Preauth, Status::Unknown) | (Stage::Other, _) => Outcome::Unknown,
        }
    }

    /// Said of the capture. A promise has one capture, so a capture that is told is that one.
    pub fn capture(&self, asked_minor: i64) -> Outcome {
        match (self.stage, self.status) {
            (Stage::Capture, Status::Approved) => self.approved(self.amount_minor),
            (Stage::Capture, Status::Declined(reason)) => declined(reason),
            (Stage::Capture, Status::Processing) => Outcome::Pending,
            (Stage::Preauth, Status::Approved) => Outcome::NotFound,
            (Stage::Cancel, Status::Approved) => declined("authorization_expired"),
            // What was given back was taken before; how much it was nobody says any more.
            (Stage::Reversal, Status::Approved) if self.amount_minor.is_some() => self.approved(Some(asked_minor)),
            _ => Outcome::Unknown,
        }
    }

    /// Said of what undoes all of the order. `is_ours`: the gateway's last word is about this request and no other.
    pub fn undoing(&self, asked_minor: i64, is_ours: bool) -> Outcome {
        match (self.stage, self.status) {
            (Stage::Cancel | Stage::Reversal, Status::Approved) => self.approved(Some(asked_minor)),
            (Stage::Cancel | Stage::Reversal, Status::Processing) => Outcome::Pending,
            (Stage::Cancel | Stage::Reversal, Status::Declined(reason)) if is_ours => declined(reason),
            (Stage::Sale | Stage::Preauth | Stage::Capture, Status::Approved) => Outcome::NotFound,
            _ => Outcome::Unknown,
        }
    }

    /// Said of a refund, of which the gateway keeps no reference: what is left of the order tells whether it was done.
    /// `captured_minor` was taken and `refunded_minor` given back before it.
    pub fn refund(&self, asked_minor: i64, captured_minor: i64, refunded_minor: i64, is_ours: bool) -> Outcome {
        let returned_minor = self.amount_minor.map(|left| captured_minor.saturating_sub(left));
        match (self.stage, self.status) {
            (Stage::Reversal, Status::Processing) => Outcome::Pending,
            (Stage::Reversal, Status::Declined(reason)) if is_ours => declined(reason),
            (Stage::Reversal, Status::Approved) => match returned_minor {
                Some(returned) if returned == refunded_minor.saturating_add(asked_minor) => {
                    self.approved(Some(asked_minor))
                }
                // Only an earlier one was done. If none was, the amount is not what we take it for: nothing follows.
                Some(returned) if returned == refunded_minor && refunded_minor > 0 => Outcome::NotFound,
                _ => Outcome::Unknown,
            },
            (Stage::Sale | Stage::Capture, Status::Approved) if refunded_minor == 0 && returned_minor == Some(0) => {
                Outcome::NotFound
            }
            _ => Outcome::Unknown,
        }
    }
}

pub(super) fn declined(reason: &str) -> Outcome {
    Outcome::Declined(Reason(reason.to_owned()))
}

/// An amount in major units with a dot, in minor ones. `None` for one that has more decimals than the currency.
pub(super) fn minor(text: &str, currency: Currency) -> Option<i64> {
    let places = usize::from(currency.decimals());
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    // Zeros behind the last decimal change nothing: some gateways write two decimals of every currency.
    let kept = fraction.get(..places.min(fraction.len()))?;
    let rest = fraction.get(kept.len()..)?;
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) || rest.bytes().any(|byte| byte != b'0') {
        return None;
    }
    format!("{whole}{kept:0<places$}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_that_is_new_to_us_is_unknown() {
        for word in ["unknown", "APPROVED", "chargeback", "x"] {
            assert_eq!(status(Some(word)), Status::Unknown, "{word}");
        }
        assert_eq!(status(None), Status::Processing);
        assert_eq!(stage(Some("fraud"), Kind::Purchase), Stage::Other);
        assert_eq!(stage(None, Kind::Authorize), Stage::Preauth);
    }

    #[test]
    fn amounts_are_read_in_the_decimals_of_their_currency() {
        let [jpy, eur, kwd] = ["JPY", "EUR", "KWD"].map(|code| Currency::parse(code).unwrap());
        for (text, currency, expected) in [
            ("10.42", eur, Some(1_042)),
            ("0.94", eur, Some(94)),
            ("10.1", eur, Some(1_010)),
            ("10", eur, Some(1_000)),
            ("10.420", eur, Some(1_042)),
            ("10.421", eur, None),
            ("1200", jpy, Some(1_200)),
            ("1200.00", jpy, Some(1_200)),
            ("1200.50", jpy, None),
            ("1.234", kwd, Some(1_234)),
            ("-1.00", eur, None),
            ("1,00", eur, None),
            (".50", eur, None),
            ("99999999999999999999", jpy, None),
        ] {
            assert_eq!(minor(text, currency), expected, "{text} {currency}");
        }
    }

    fn facts(stage: Stage, status: Status, amount_minor: i64) -> Facts<'static> {
        Facts { status, stage, amount_minor: Some(amount_minor), initial_minor: Some(1_000), order_id: None }
    }

    #[test]
    fn a_refund_is_known_by_what_is_left_and_never_guessed() {
        use Status::Approved;
        let done = |outcome: &Outcome| matches!(outcome, Outcome::Approved(approval) if approval.approved_minor == 300);
        // Stage, left, given back before.
        assert!(done(&facts(Stage::Reversal, Approved, 700).refund(300, 1_000, 0, true)));
        assert!(done(&facts(Stage::Reversal, Approved, 500).refund(300, 1_000, 200, true)));
        assert_eq!(facts(Stage::Reversal, Approved, 800).refund(300, 1_000, 200, true), Outcome::NotFound);
        assert_eq!(facts(Stage::Sale, Approved, 1_000).refund(300, 1_000, 0, true), Outcome::NotFound);
        // The amount does not change with what is given back, as it does not with every gateway, or somebody else gave back.
        for (stage, left, before) in
            [(Stage::Reversal, 1_000, 0), (Stage::Reversal, 300, 0), (Stage::Sale, 1_000, 200), (Stage::Other, 700, 0)]
        {
            assert_eq!(facts(stage, Approved, left).refund(300, 1_000, before, true), Outcome::Unknown, "{stage:?}");
        }
        assert_eq!(facts(Stage::Reversal, Status::Declined("x"), 800).refund(300, 1_000, 200, false), Outcome::Unknown);
    }

    #[test]
    fn a_charge_that_was_given_back_was_approved_before() {
        for stage in [Stage::Capture, Stage::Cancel, Stage::Reversal] {
            let outcome = facts(stage, Status::Declined("x"), 700).charge();
            assert!(matches!(outcome, Outcome::Approved(approval) if approval.approved_minor == 1_000), "{stage:?}");
        }
        assert_eq!(facts(Stage::Sale, Status::Unknown, 5).charge(), Outcome::Unknown);
    }
}
