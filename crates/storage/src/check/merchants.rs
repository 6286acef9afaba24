//! Merchants: what they say of themselves on receipts.

use domain::merchant::Merchant;

use super::Report;
use super::source::{Records, Source};
use crate::error::EngineError;

/// A company's registration number has its check digit.
pub fn issuers(source: &mut dyn Source, report: &mut Report) -> Result<(), EngineError> {
    let mut merchants = Records::<Merchant>::new(source, report)?;
    while let Some(merchant) = merchants.next(source, report)? {
        let number = merchant.issuer.registration_number.as_ref();
        if number.is_some_and(|number| !merchant.issuer.is_sole_proprietor && !number.has_check_digit()) {
            report.find("registration_number", merchant.id, "the check digit is wrong".to_owned());
        }
    }
    Ok(())
}
