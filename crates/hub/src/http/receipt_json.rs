//! The JSON of a receipt.

use domain::id::{ReceiptId, ReturnId, SaleId};
use domain::money::{Currency, Quantity, UnitPrice};
use domain::receipt::{self, GivenBack, IssuedReceipt, Paid, Receipt, ReturnOf};
use domain::tax::PriceMode;
use domain::time::Timestamp;
use serde::Serialize;
use storage::Answer;

use super::json;
use super::sale_json::Tax;

/// The answer to the command that issued a receipt.
pub fn answer_created(issued: &IssuedReceipt) -> Answer {
    json::answer(201, issued.id, json::to_bytes(&Shape::of_listed(issued)))
}

/// A receipt; in a list it stands without its content.
#[derive(Serialize)]
pub struct Shape<'a> {
    id: ReceiptId,
    object: &'static str,
    sale_id: SaleId,
    return_id: Option<ReturnId>,
    number: u32,
    kind: &'static str,
    is_copy: bool,
    addressee: Option<&'a str>,
    proviso: Option<&'a str>,
    locale: &'static str,
    issued_by: &'a str,
    #[serde(serialize_with = "json::instant")]
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Content<'a>>,
}

impl<'a> Shape<'a> {
    /// That it was given.
    pub fn of_listed(issued: &'a IssuedReceipt) -> Self {
        let (addressee, proviso) = issued.kind.texts();
        Self {
            id: issued.id,
            object: "receipt",
            sale_id: issued.sale,
            return_id: issued.kind.return_number().map(|number| ReturnId { sale: issued.sale, number }),
            number: issued.number,
            kind: issued.kind.as_str(),
            is_copy: issued.is_copy,
            addressee,
            proviso,
            locale: issued.locale.as_str(),
            issued_by: &issued.issued_by,
            created_at: issued.issued_at,
            content: None,
        }
    }

    /// With all that stands on it.
    pub fn of(issued: &'a IssuedReceipt, receipt: &'a Receipt) -> Self {
        Self { content: Some(Content::of(receipt)), ..Self::of_listed(issued) }
    }
}

#[derive(Serialize)]
struct Content<'a> {
    receipt_number: &'a str,
    sold_at_local: String,
    issued_at_local: String,
    merchant: &'a str,
    legal_name: Option<&'a str>,
    registration_number: Option<&'a str>,
    is_qualified_invoice: bool,
    location: &'a str,
    address: &'a [String],
    phone: Option<&'a str>,
    register: &'a str,
    consumption: &'static str,
    currency: Currency,
    prices_include_tax: bool,
    lines: Vec<Line<'a>>,
    taxes: Vec<Tax>,
    total_minor: i64,
    tax_minor: i64,
    tenders: Vec<Tender<'a>>,
    needs_revenue_stamp: bool,
    /// What only the receipt of a return says.
    #[serde(rename = "return", skip_serializing_if = "Option::is_none")]
    returned: Option<Returned<'a>>,
}

impl<'a> Content<'a> {
    fn of(receipt: &'a Receipt) -> Self {
        Self {
            receipt_number: &receipt.receipt_number,
            sold_at_local: receipt.sold_at.to_string(),
            issued_at_local: receipt.issued_at.to_string(),
            merchant: &receipt.merchant,
            legal_name: receipt.legal_name.as_deref(),
            registration_number: receipt.registration_number.as_ref().map(|number| number.as_str()),
            is_qualified_invoice: receipt.is_qualified_invoice(),
            location: &receipt.place.name,
            address: &receipt.place.address,
            phone: receipt.place.phone.as_deref(),
            register: &receipt.register,
            consumption: receipt.consumption.as_str(),
            currency: receipt.currency,
            prices_include_tax: receipt.price_mode == PriceMode::Inclusive,
            lines: receipt.lines.iter().map(Line::of).collect(),
            taxes: receipt.rates.iter().map(Tax::of).collect(),
            total_minor: receipt.total.gross_minor,
            tax_minor: receipt.total.tax_minor,
            tenders: receipt.paid.iter().map(Tender::of).collect(),
            needs_revenue_stamp: receipt.needs_stamp,
            returned: receipt.returned.as_ref().map(Returned::of),
        }
    }
}

#[derive(Serialize)]
struct Line<'a> {
    name: &'a str,
    quantity: Quantity,
    unit_price: UnitPrice,
    amount_minor: i64,
    discounts: Vec<Discount<'a>>,
    tax_rate_basis_points: u32,
    is_reduced: bool,
}

/// What is taken off a line.
#[derive(Serialize)]
struct Discount<'a> {
    promotion: Option<&'a str>,
    basis_points: Option<u32>,
    amount_minor: i64,
}

impl<'a> Discount<'a> {
    fn of(discount: &'a receipt::Discount) -> Self {
        let receipt::Discount { promotion, basis_points, amount_minor } = discount;
        Self { promotion: promotion.as_deref(), basis_points: *basis_points, amount_minor: *amount_minor }
    }
}

impl<'a> Line<'a> {
    fn of(line: &'a receipt::Line) -> Self {
        let receipt::Line { name, quantity, unit_price, amount_minor, discounts, rate, is_reduced } = line;
        Self {
            name,
            quantity: *quantity,
            unit_price: *unit_price,
            amount_minor: *amount_minor,
            discounts: discounts.iter().map(Discount::of).collect(),
            tax_rate_basis_points: rate.0,
            is_reduced: *is_reduced,
        }
    }
}

/// How a part of the sale was paid.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Tender<'a> {
    Cash { amount_minor: i64, given_minor: i64, change_minor: i64 },
    Recorded { amount_minor: i64 },
    Electronic { amount_minor: i64, provider: Option<&'a str>, provider_reference: Option<&'a str> },
    ReturnCredit { amount_minor: i64, return_receipt_number: Option<&'a str> },
}

impl<'a> Tender<'a> {
    fn of(paid: &'a Paid) -> Self {
        match paid {
            Paid::Cash { amount_minor, given_minor, change_minor } => {
                Self::Cash { amount_minor: *amount_minor, given_minor: *given_minor, change_minor: *change_minor }
            }
            Paid::Elsewhere { amount_minor } => Self::Recorded { amount_minor: *amount_minor },
            Paid::Electronic { amount_minor, provider, reference } => Self::Electronic {
                amount_minor: *amount_minor,
                provider: provider.as_deref(),
                provider_reference: reference.as_deref(),
            },
            Paid::ReturnCredit { amount_minor, receipt_number } => {
                Self::ReturnCredit { amount_minor: *amount_minor, return_receipt_number: receipt_number.as_deref() }
            }
        }
    }
}

/// Of which sale goods came back, and how the money did.
#[derive(Serialize)]
struct Returned<'a> {
    returned_at_local: String,
    sale_receipt_number: &'a str,
    refunds: Vec<Refund<'a>>,
    due_minor: i64,
}

impl<'a> Returned<'a> {
    fn of(origin: &'a ReturnOf) -> Self {
        Self {
            returned_at_local: origin.returned_at.to_string(),
            sale_receipt_number: &origin.sale_receipt_number,
            refunds: origin.given_back.iter().map(Refund::of).collect(),
            due_minor: origin.due_minor,
        }
    }
}

/// How a part of it went back.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Refund<'a> {
    Cash { amount_minor: i64 },
    Recorded { amount_minor: i64 },
    Electronic { amount_minor: i64, provider: Option<&'a str>, provider_reference: Option<&'a str>, is_pending: bool },
    ReturnCredit { amount_minor: i64, receipt_number: Option<&'a str> },
}

impl<'a> Refund<'a> {
    fn of(part: &'a GivenBack) -> Self {
        match part {
            GivenBack::Cash { amount_minor } => Self::Cash { amount_minor: *amount_minor },
            GivenBack::Elsewhere { amount_minor } => Self::Recorded { amount_minor: *amount_minor },
            GivenBack::Electronic { amount_minor, provider, reference, is_pending } => Self::Electronic {
                amount_minor: *amount_minor,
                provider: provider.as_deref(),
                provider_reference: reference.as_deref(),
                is_pending: *is_pending,
            },
            GivenBack::ReturnCredit { amount_minor, receipt_number } => {
                Self::ReturnCredit { amount_minor: *amount_minor, receipt_number: receipt_number.as_deref() }
            }
        }
    }
}
