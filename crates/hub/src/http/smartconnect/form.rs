//! The forms of the protocol. Names of fields are taken in any case: its own pages write them in two ways.

use axum::body::Body;
use axum::http::{HeaderMap, header};
use domain::guard;
use domain::money::AMOUNT_MINOR_MAX;
use domain::smartconnect::PosIdentity;

use super::wrong::Wrong;
use crate::http::body::read_body;
use crate::http::error::{Kind, Problem};

/// Most digits of an amount: more is none that anybody pays.
const AMOUNT_DIGITS_MAX: usize = 15;

/// A form that was read.
pub struct Form {
    /// Its bytes, for the fingerprint of an idempotency key.
    pub bytes: Vec<u8>,
    fields: Vec<(String, String)>,
}

impl Form {
    /// Reads the body of a request.
    pub async fn read(headers: &HeaderMap, body: Body) -> Result<Self, Wrong> {
        let bytes = read_body(headers, body).await?.to_vec();
        let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let essence = value.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            let detail = "Send the body as `Content-Type: application/x-www-form-urlencoded`.";
            return Err(Problem::new(Kind::ContentTypeUnsupported, detail).into());
        }
        let fields = form_urlencoded::parse(&bytes);
        let fields = fields.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
        Ok(Self { bytes, fields })
    }

    /// A field that is there and not empty.
    pub fn find(&self, name: &str) -> Option<&str> {
        let (_, value) = self.fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(value.as_str()).filter(|value| !value.is_empty())
    }

    /// A field that has to be there.
    pub fn take(&self, name: &str) -> Result<String, Wrong> {
        let value = self.find(name).ok_or_else(|| Wrong::refused(format!("The field {name} is missing.")))?;
        if value.contains('\0') || guard::looks_like_card_number(value) {
            return Err(Wrong::refused(format!("The field {name} holds what looks like a card number, or a NUL.")));
        }
        Ok(value.to_owned())
    }

    /// What the register goes by.
    pub fn identity(&self) -> Result<PosIdentity, Wrong> {
        Ok(PosIdentity {
            register: self.take("POSRegisterID")?,
            business: self.take("POSBusinessName")?,
            vendor: self.take("POSVendorName")?,
        })
    }

    /// An amount, if it is there: a positive whole number of cents as text.
    pub fn amount(&self, name: &str) -> Result<Option<i64>, Wrong> {
        let Some(text) = self.find(name) else { return Ok(None) };
        let is_number = text.len() <= AMOUNT_DIGITS_MAX && text.bytes().all(|byte| byte.is_ascii_digit());
        let amount = if is_number { text.parse::<i64>().ok() } else { None };
        let amount = amount.filter(|amount| (1..=AMOUNT_MINOR_MAX).contains(amount));
        amount.map(Some).ok_or_else(|| {
            Wrong::refused(format!(
                "The field {name} is a positive whole number of cents, without a point or a sign: 1234."
            ))
        })
    }

    /// An amount that has to be there.
    pub fn take_amount(&self, name: &str) -> Result<i64, Wrong> {
        self.amount(name)?.ok_or_else(|| Wrong::refused(format!("The field {name} is missing.")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(text: &str) -> Form {
        let fields = form_urlencoded::parse(text.as_bytes());
        let fields = fields.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
        Form { bytes: Vec::new(), fields }
    }

    #[test]
    fn an_amount_is_a_whole_number_of_cents() {
        assert_eq!(form("AmountTotal=615").amount("AmountTotal").unwrap(), Some(615));
        assert_eq!(form("amounttotal=0100").take_amount("AmountTotal").unwrap(), 100);
        assert_eq!(form("AmountTotal=").amount("AmountTotal").unwrap(), None);
        for wrong in ["0", "-1", "%2B1", "1.00", "1,00", "1e3", "x", "99999999999999999999", "\u{ff11}"] {
            assert!(form(&format!("AmountTotal={wrong}")).amount("AmountTotal").is_err(), "{wrong}");
        }
        assert!(form("").take_amount("AmountTotal").is_err());
    }

    #[test]
    fn a_field_is_found_in_any_case_and_holds_no_card_number() {
        let found = form("posregisterid=a+b&POSBusinessName=%E8%8C%B6&POSVendorName=V").identity().unwrap();
        assert_eq!((found.register.as_str(), found.business.as_str()), ("a b", "茶"));
        assert!(form("POSRegisterID=4111111111111111").take("POSRegisterID").is_err());
        assert!(form("POSRegisterID=a%00").take("POSRegisterID").is_err());
    }
}
