//! Parked sales: each that waits is a parked sale of its location, and each parked sale waits.

use domain::sale::{ParkedSale, Sale, State};

use super::Report;
use super::source::{Records, Source};
use crate::error::EngineError;

/// Compares what waits with the sales.
pub fn parked_sales(source: &mut dyn Source, report: &mut Report) -> Result<(), EngineError> {
    let mut sales = Records::<Sale>::new(source, report)?;
    let mut parked = Records::<ParkedSale>::new(source, report)?;
    while let Some(sale) = sales.next(source, report)? {
        let of_sale = parked.children(&sale.id, |parked| parked.sale, source, report)?;
        let waits = of_sale.iter().any(|parked| parked.taken_up_at.is_none());
        report.expect_equal("parked_sale_waits", sale.id, &waits, &(sale.state == State::Parked));
        for parked in of_sale {
            let (place, of_sale) = ((parked.merchant, parked.location), (sale.merchant, sale.location));
            report.expect_equal("parked_sale_place", sale.id, &place, &of_sale);
        }
    }
    while let Some(parked) = parked.next(source, report)? {
        report.find("child_has_parent", parked.sale, "a row of parked_sale has no parent".to_owned());
    }
    Ok(())
}
