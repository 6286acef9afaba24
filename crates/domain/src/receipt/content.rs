//! What stands on a receipt, in no language: names, numbers and amounts. Taken from the sale as it is stored; where tax and
//! totals do not come out as the sale has them there is no receipt.

use std::fmt;

use super::{IssuedReceipt, Kind, ReturnOf};
use crate::guard;
use crate::id::{PaymentId, ReturnId, SaleId};
use crate::merchant::{Location, Merchant, Register, RegistrationNumber};
use crate::money::{Currency, Quantity, UnitPrice, line_amount};
use crate::payment::{Operation, Payment};
use crate::sale::{Cause, Consumption, Discounts, SaleLine, Standing, Tender, TenderKind, TenderState};
use crate::tax::{PriceMode, REDUCED, TaxRate, TaxTotal, Totals, totals};

/// From here on a receipt for cash, without tax, bears a revenue stamp, in yen.
const STAMP_FROM_YEN: i64 = 50_000;

/// What stands on a receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// What it is, and to whom a formal one is made out.
    pub kind: Kind,
    /// Whether one of the kind was given before.
    pub is_copy: bool,
    /// When it was given, by the shop's clock.
    pub issued_at: CivilTime,
    /// The sale, which the QR code leads back to.
    pub sale: SaleId,
    /// The number of the sale, or of the return, in the series of its register.
    pub receipt_number: String,
    /// When the sale was completed, by the shop's clock.
    pub sold_at: CivilTime,
    /// The merchant's name.
    pub merchant: String,
    /// Its name in the company register.
    pub legal_name: Option<String>,
    /// Makes the receipt a qualified invoice.
    pub registration_number: Option<RegistrationNumber>,
    /// The shop.
    pub place: Place,
    /// The register's name.
    pub register: String,
    /// Where the goods are eaten.
    pub consumption: Consumption,
    /// The currency of all amounts.
    pub currency: Currency,
    /// Whether the amounts of the lines contain the tax.
    pub price_mode: PriceMode,
    /// What was sold, or came back.
    pub lines: Vec<Line>,
    /// What each tax rate comes to.
    pub rates: Vec<TaxTotal>,
    /// What all of it comes to.
    pub total: Totals,
    /// How it was paid; of a return nothing was.
    pub paid: Vec<Paid>,
    /// Whether a revenue stamp belongs on it.
    pub needs_stamp: bool,
    /// What only the receipt of a return says.
    pub returned: Option<ReturnOf>,
}

/// A shop as a receipt names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its name.
    pub name: String,
    /// The lines of its address.
    pub address: Vec<String>,
    /// Its telephone number.
    pub phone: Option<String>,
}

/// One line of what was sold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its name then.
    pub name: String,
    /// How much.
    pub quantity: Quantity,
    /// Price of one unit then.
    pub unit_price: UnitPrice,
    /// What it comes to, as priced, in minor units; what is taken off it stands below it.
    pub amount_minor: i64,
    /// What is taken off it.
    pub discounts: Vec<Discount>,
    /// Tax rate then.
    pub rate: TaxRate,
    /// Whether it bears the mark of the reduced rate.
    pub is_reduced: bool,
}

/// What is taken off a line. The reason of a discount by hand is the shop's own business and is not printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discount {
    /// The name of the promotion that gives it; `None` where it was given by hand.
    pub promotion: Option<String>,
    /// The part of the price that was given off by hand, in basis points; `None` where it was an amount.
    pub basis_points: Option<u32>,
    /// What it comes to, in minor units.
    pub amount_minor: i64,
}

/// How a part of the sale was paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Paid {
    /// With coins and notes.
    Cash {
        /// The part that it paid, in minor units.
        amount_minor: i64,
        /// What was handed over, in minor units.
        given_minor: i64,
        /// What went back, in minor units.
        change_minor: i64,
    },
    /// By a provider.
    Electronic {
        /// The part that it paid, in minor units.
        amount_minor: i64,
        /// Who took it; `None` where the records do not say.
        provider: Option<String>,
        /// The provider's own id for it.
        reference: Option<String>,
    },
    /// With what the shop owed for goods that came back.
    ReturnCredit {
        /// The part that it paid, in minor units.
        amount_minor: i64,
        /// The number of the return's receipt; `None` where the records do not say.
        receipt_number: Option<String>,
    },
    /// Elsewhere, in whatever way.
    Elsewhere {
        /// The part that it paid, in minor units.
        amount_minor: i64,
    },
}

/// A document of the register that a receipt names: the other half of an exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OtherReceipt {
    /// Of a return.
    Return(ReturnId, String),
    /// Of a sale.
    Sale(SaleId, String),
}

impl OtherReceipt {
    /// The number of the receipt of that return, among those that are known.
    pub(super) fn of_return(known: &[Self], id: ReturnId) -> Option<String> {
        known.iter().find_map(|other| match other {
            Self::Return(its, number) if *its == id => Some(number.clone()),
            Self::Return(..) | Self::Sale(..) => None,
        })
    }

    /// The number of the receipt of that sale, among those that are known.
    pub(super) fn of_sale(known: &[Self], id: SaleId) -> Option<String> {
        known.iter().find_map(|other| match other {
            Self::Sale(its, number) if *its == id => Some(number.clone()),
            Self::Return(..) | Self::Sale(..) => None,
        })
    }
}

/// Who took a payment, and what they call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaidBy {
    /// Which payment.
    pub payment: PaymentId,
    /// The connector's name.
    pub provider: String,
    /// The provider's own id for the charge.
    pub reference: Option<String>,
}

/// Who took a payment: the provider of its connection, and its reference for the charge that was approved. A reference that
/// looks like a card number, as a person may have keyed one, is not printed.
pub fn paid_by(payment: &Payment, operations: &[Operation], provider: &str) -> PaidBy {
    let charges =
        operations.iter().filter(|operation| operation.id.payment == payment.id && operation.kind.is_charge());
    let approvals = charges.filter_map(|charge| charge.state.approval());
    let reference = approvals.filter_map(|approval| approval.provider_reference.clone()).next_back();
    let reference = reference.map(|text| guard::redact(&text).unwrap_or(text));
    PaidBy { payment: payment.id, provider: provider.to_owned(), reference }
}

/// A time of day as the shop's clock shows it. Whoever prints knows the shop's time zone; the rules do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CivilTime {
    /// The year.
    pub year: i16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
}

impl fmt::Display for CivilTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { year, month, day, hour, minute } = self;
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}")
    }
}

/// The records that a receipt is made from.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a> {
    /// That it was given.
    pub issued: &'a IssuedReceipt,
    /// When, by the shop's clock.
    pub issued_at: CivilTime,
    /// The sale.
    pub standing: &'a Standing,
    /// When it was completed, by the shop's clock.
    pub sold_at: CivilTime,
    /// Whose it is.
    pub merchant: &'a Merchant,
    /// Where it was made.
    pub location: &'a Location,
    /// The register that rang it.
    pub register: &'a Register,
    /// Who took its payments.
    pub paid_by: &'a [PaidBy],
    /// The other halves of exchanges that it names.
    pub others: &'a [OtherReceipt],
}

/// The sale's parts do not come to what the sale says, or it is not completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mismatch;

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the parts of the sale do not come to its totals")
    }
}

impl std::error::Error for Mismatch {}

impl Receipt {
    /// The receipt of these records.
    pub fn of(parts: Parts<'_>) -> Result<Self, Mismatch> {
        let Parts { issued, issued_at, standing, sold_at, merchant, location, register, paid_by, others } = parts;
        let sale = &standing.sale;
        let total = totals(&standing.taxes).map_err(|_| Mismatch)?;
        let paid: Vec<Paid> = standing.tenders.iter().filter_map(|tender| Paid::of(tender, paid_by, others)).collect();
        let paid_minor = paid.iter().fold(0_i64, |sum, paid| sum.saturating_add(paid.amount_minor()));
        if (total.gross_minor, total.tax_minor, paid_minor) != (sale.total_minor, sale.tax_minor, sale.total_minor) {
            return Err(Mismatch);
        }
        Ok(Self {
            kind: issued.kind.clone(),
            is_copy: issued.is_copy,
            issued_at,
            sale: sale.id,
            receipt_number: sale.receipt_number.clone().ok_or(Mismatch)?,
            sold_at,
            merchant: merchant.name.clone(),
            legal_name: merchant.issuer.legal_name.clone(),
            registration_number: merchant.issuer.registration_number.clone(),
            place: Place::of(location),
            register: register.name.clone(),
            consumption: sale.consumption,
            currency: sale.currency,
            price_mode: sale.tax_terms.price_mode,
            lines: standing.lines.iter().map(|line| Line::of(line, &sale.discounts)).collect(),
            rates: standing.taxes.clone(),
            needs_stamp: needs_stamp(sale.currency, &paid, total),
            total,
            paid,
            returned: None,
        })
    }

    /// Whether it is a simplified qualified invoice: its issuer is registered.
    pub const fn is_qualified_invoice(&self) -> bool {
        self.registration_number.is_some()
    }

    /// What is taken off all lines together, in minor units.
    pub fn discount_minor(&self) -> i64 {
        let discounts = self.lines.iter().flat_map(|line| &line.discounts);
        discounts.fold(0, |sum, discount| sum.saturating_add(discount.amount_minor))
    }

    /// What the lines come to before anything is taken off, as priced, in minor units.
    pub fn before_discounts_minor(&self) -> i64 {
        self.lines.iter().fold(0, |sum, line| sum.saturating_add(line.amount_minor))
    }

    /// Whether a line bears the mark of the reduced rate, so that the mark has to be explained.
    pub fn has_reduced(&self) -> bool {
        self.lines.iter().any(|line| line.is_reduced)
    }

    /// Whether a rate is that of lines with the mark.
    pub fn is_reduced(&self, rate: TaxRate) -> bool {
        self.lines.iter().any(|line| line.is_reduced && line.rate == rate)
    }
}

impl Place {
    pub(super) fn of(location: &Location) -> Self {
        let contact = location.contact.clone();
        Self { name: location.name.clone(), address: contact.address, phone: contact.phone }
    }
}

impl Line {
    fn of(line: &SaleLine, discounts: &Discounts) -> Self {
        let discounts = discounts.of_line(line.number).map(|(cause, amount_minor)| Discount::of(cause, amount_minor));
        Self {
            discounts: discounts.collect(),
            name: line.name.clone(),
            quantity: line.quantity,
            unit_price: line.unit_price,
            amount_minor: line.amount_minor,
            rate: line.tax_rate,
            is_reduced: line.tax_class == REDUCED,
        }
    }

    /// Whether the price of one, times how many, is what it comes to: goods that came back may be worth less.
    pub fn is_at_unit_price(&self) -> bool {
        line_amount(self.quantity, self.unit_price) == Ok(self.amount_minor)
    }
}

impl Discount {
    fn of(cause: Cause<'_>, amount_minor: i64) -> Self {
        let (promotion, basis_points) = match cause {
            Cause::Promotion(given) => (Some(given.name.clone()), None),
            Cause::ByHand(discount) => (None, discount.reduction.basis_points()),
        };
        Self { promotion, basis_points, amount_minor }
    }
}

impl Paid {
    /// What a tender says on a receipt; nothing where it came to nothing.
    fn of(tender: &Tender, paid_by: &[PaidBy], others: &[OtherReceipt]) -> Option<Self> {
        let amount_minor = tender.amount_minor;
        match (tender.state, tender.kind) {
            (TenderState::Pending | TenderState::Failed, _) => None,
            (TenderState::Paid, TenderKind::Cash { given_minor, change_minor }) => {
                Some(Self::Cash { amount_minor, given_minor, change_minor })
            }
            (TenderState::Paid, TenderKind::Recorded) => Some(Self::Elsewhere { amount_minor }),
            (TenderState::Paid, TenderKind::Electronic { payment }) => {
                let by = paid_by.iter().find(|by| by.payment == payment);
                let (provider, reference) = (by.map(|by| by.provider.clone()), by.and_then(|by| by.reference.clone()));
                Some(Self::Electronic { amount_minor, provider, reference })
            }
            (TenderState::Paid, TenderKind::ReturnCredit { origin, .. }) => {
                Some(Self::ReturnCredit { amount_minor, receipt_number: OtherReceipt::of_return(others, origin) })
            }
        }
    }

    /// The part of the sale that it paid, in minor units.
    pub const fn amount_minor(&self) -> i64 {
        match self {
            Self::Cash { amount_minor, .. }
            | Self::Electronic { amount_minor, .. }
            | Self::ReturnCredit { amount_minor, .. }
            | Self::Elsewhere { amount_minor } => *amount_minor,
        }
    }
}

/// Whether a revenue stamp (収入印紙) belongs on the receipt: from 50,000 yen in cash on, without the tax, which the receipt
/// shows apart. What was paid electronically needs none and says so by naming its provider, and what a return paid was received
/// before; of a sale that was paid in several ways the cash bears its share of the tax. This is the rule of the Stamp Tax Act, table 1, number 17, as shops apply it; it
/// was not held against the text of the act.
fn needs_stamp(currency: Currency, paid: &[Paid], total: Totals) -> bool {
    let cash = paid.iter().filter(|paid| matches!(paid, Paid::Cash { .. }));
    let cash_minor = cash.fold(0_i64, |sum, paid| sum.saturating_add(paid.amount_minor()));
    let (net, gross) = (i128::from(total.net_minor), i128::from(total.gross_minor));
    // cash x net / gross >= the limit, without a division.
    let (share, limit) = (i128::from(cash_minor).saturating_mul(net), i128::from(STAMP_FROM_YEN).saturating_mul(gross));
    currency == Currency::JPY && gross > 0 && share >= limit
}
