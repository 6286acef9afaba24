//! What stands on the receipt of a return, beside what every receipt says: of which sale goods came back, and how the money
//! went back. With a registered issuer it is a qualified return invoice (適格返還請求書).

use super::content::{CivilTime, Line, Mismatch, OtherReceipt, PaidBy, Place, Receipt};
use super::{IssuedReceipt, Kind};
use crate::guard;
use crate::id::{PaymentId, ReturnId};
use crate::merchant::{Location, Merchant, Register};
use crate::payment::Operation;
use crate::returns::{Refund, RefundKind, RefundState, ReturnLine, Standing};
use crate::sale::{Sale, SaleLine};
use crate::tax::{REDUCED, totals};

/// What only the receipt of a return says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnOf {
    /// The return.
    pub id: ReturnId,
    /// When the goods came back, by the shop's clock.
    pub returned_at: CivilTime,
    /// The number of the sale that they were sold with.
    pub sale_receipt_number: String,
    /// How the money went back; what a provider refused, and what a sale that was given up did not take, is left out.
    pub given_back: Vec<GivenBack>,
    /// What the customer is still owed, in minor units.
    pub due_minor: i64,
}

/// How a part of what a return is worth went back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GivenBack {
    /// Out of a drawer.
    Cash {
        /// How much, in minor units.
        amount_minor: i64,
    },
    /// By a provider.
    Electronic {
        /// How much, in minor units.
        amount_minor: i64,
        /// Who gives it back; `None` where the records do not say.
        provider: Option<String>,
        /// The provider's own id for it.
        reference: Option<String>,
        /// The provider has not said for certain yet.
        is_pending: bool,
    },
    /// As a part of what other goods cost.
    ReturnCredit {
        /// How much, in minor units.
        amount_minor: i64,
        /// The number of the receipt of those goods; `None` before they are paid for.
        receipt_number: Option<String>,
    },
    /// Elsewhere, in whatever way.
    Elsewhere {
        /// How much, in minor units.
        amount_minor: i64,
    },
}

/// The records that the receipt of a return is made from.
#[derive(Debug, Clone, Copy)]
pub struct ReturnParts<'a> {
    /// That it was given.
    pub issued: &'a IssuedReceipt,
    /// When, by the shop's clock.
    pub issued_at: CivilTime,
    /// The sale that the goods were sold with.
    pub sale: &'a Sale,
    /// When it was completed, by the shop's clock.
    pub sold_at: CivilTime,
    /// Its lines, those that were removed included.
    pub sale_lines: &'a [SaleLine],
    /// The return.
    pub standing: &'a Standing,
    /// When it was made, by the shop's clock.
    pub returned_at: CivilTime,
    /// Whose it is.
    pub merchant: &'a Merchant,
    /// Where the goods came back.
    pub location: &'a Location,
    /// The register that took them.
    pub register: &'a Register,
    /// Who took the payments of the sale.
    pub paid_by: &'a [PaidBy],
    /// The refunds of payments that gave it back.
    pub operations: &'a [Operation],
    /// The other halves of exchanges that it names.
    pub others: &'a [OtherReceipt],
}

impl Receipt {
    /// The receipt of a return. None is printed whose parts do not come to what the return says.
    pub fn of_return(parts: ReturnParts<'_>) -> Result<Self, Mismatch> {
        let ReturnParts { issued, sale, standing, merchant, location, register, .. } = parts;
        let origin = &standing.origin;
        let total = totals(&standing.taxes).map_err(|_| Mismatch)?;
        let is_other = issued.kind.return_number() != Some(origin.id.number) || origin.id.sale != sale.id;
        if is_other || (total.gross_minor, total.tax_minor) != (origin.total_minor, origin.tax_minor) {
            return Err(Mismatch);
        }
        let lines = standing.lines.iter().map(|line| Line::of_returned(line, parts.sale_lines));
        let given_back = standing.refunds.iter().filter_map(|(refund, state)| parts.given_back(refund, *state));
        Ok(Self {
            kind: issued.kind.clone(),
            is_copy: issued.is_copy,
            issued_at: parts.issued_at,
            sale: sale.id,
            receipt_number: origin.receipt_number.clone(),
            sold_at: parts.sold_at,
            merchant: merchant.name.clone(),
            legal_name: merchant.issuer.legal_name.clone(),
            registration_number: merchant.issuer.registration_number.clone(),
            place: Place::of(location),
            register: register.name.clone(),
            consumption: sale.consumption,
            currency: origin.currency,
            price_mode: sale.tax_terms.price_mode,
            lines: lines.collect::<Result<_, _>>()?,
            rates: standing.taxes.clone(),
            total,
            paid: Vec::new(),
            needs_stamp: false,
            returned: Some(ReturnOf {
                id: origin.id,
                returned_at: parts.returned_at,
                sale_receipt_number: sale.receipt_number.clone().ok_or(Mismatch)?,
                given_back: given_back.collect(),
                due_minor: standing.due_minor,
            }),
        })
    }

    /// When what it is about happened, by the shop's clock: the sale, or the return.
    pub fn happened_at(&self) -> CivilTime {
        self.returned.as_ref().map_or(self.sold_at, |origin| origin.returned_at)
    }
}

impl ReturnParts<'_> {
    fn given_back(&self, refund: &Refund, state: RefundState) -> Option<GivenBack> {
        let (amount_minor, is_pending) = match state {
            RefundState::Failed => return None,
            RefundState::Pending => (refund.amount_minor, true),
            RefundState::Paid(paid_minor) => (paid_minor, false),
        };
        let operation = match refund.kind {
            RefundKind::Cash { .. } => return Some(GivenBack::Cash { amount_minor }),
            RefundKind::ReturnCredit { sale, .. } => {
                let receipt_number = OtherReceipt::of_sale(self.others, sale);
                return Some(GivenBack::ReturnCredit { amount_minor, receipt_number });
            }
            RefundKind::Recorded => return Some(GivenBack::Elsewhere { amount_minor }),
            RefundKind::Electronic { operation } => operation,
        };
        let approval = self.operations.iter().find(|known| known.id == operation)?.state.approval();
        let reference = approval.and_then(|approval| approval.provider_reference.clone());
        Some(GivenBack::Electronic {
            amount_minor,
            provider: self.provider(operation.payment),
            // As one that a person keyed may look like a card number.
            reference: reference.map(|text| guard::redact(&text).unwrap_or(text)),
            is_pending,
        })
    }

    fn provider(&self, payment: PaymentId) -> Option<String> {
        self.paid_by.iter().find(|by| by.payment == payment).map(|by| by.provider.clone())
    }
}

impl Line {
    /// What came back of a line of the sale, with the price and the mark that it had there.
    fn of_returned(line: &ReturnLine, sold: &[SaleLine]) -> Result<Self, Mismatch> {
        let sold = sold.iter().find(|sold| sold.number == line.number).ok_or(Mismatch)?;
        Ok(Self {
            name: line.name.clone(),
            quantity: line.quantity,
            unit_price: sold.unit_price,
            amount_minor: line.amount_minor,
            discounts: Vec::new(),
            rate: line.tax_rate,
            is_reduced: sold.tax_class == REDUCED,
        })
    }
}

impl Kind {
    /// The number of the return that a return's receipt is about, within its sale.
    pub const fn return_number(&self) -> Option<u32> {
        match self {
            Self::Receipt | Self::Formal { .. } => None,
            Self::Return { number } => Some(*number),
        }
    }
}
