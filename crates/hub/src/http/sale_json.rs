//! The JSON of a sale.

use domain::external_ref::{ExternalRef, Subject};
use domain::id::{
    ArticleId, CustomerId, LocationId, OperatorId, PaymentId, RegisterId, ReturnId, SaleId, ShiftId, TenderId,
};
use domain::metadata::Metadata;
use domain::money::{Currency, Quantity, UnitPrice};
use domain::promotion::CouponCode;
use domain::returns::Returned;
use domain::sale::{Consumption, Discounts, Sale, SaleLine, Standing, State, Tender, TenderKind};
use domain::tax::TaxTotal;
use domain::time::Timestamp;
use serde::Serialize;
use storage::Answer;

use super::discount_json::{Discount, LineDiscount};
use super::elsewhere_json::ElsewhereOut;
use super::external_ref::RefOut;
use super::json;

/// The answer to a command that made a sale.
pub fn answer_created(standing: &Standing) -> Answer {
    answer(201, standing)
}

/// The answer to a command that changed a sale.
pub fn answer_ok(standing: &Standing) -> Answer {
    answer(200, standing)
}

fn answer(status: u16, standing: &Standing) -> Answer {
    json::answer_fitting(status, standing.sale.id, Shape::of(standing, true), |_| Shape::of(standing, false))
}

/// The body of a sale with its lines, of which `returned` has come back, and with the ids under which others know it.
pub fn body_whole(standing: &Standing, returned: &Returned, refs: &[ExternalRef]) -> Vec<u8> {
    let lines = standing.lines.iter().map(|line| {
        let returned = returned.get(&line.number).copied();
        Line { returned, ..Line::of(line, &standing.sale) }
    });
    let external_refs = RefOut::all(refs, Subject::Sale(standing.sale.id));
    json::to_bytes(&Shape { lines: Some(Some(lines.collect())), external_refs, ..Shape::of(standing, false) })
}

/// A sale; in a list it stands without its parts.
#[derive(Serialize)]
pub struct Shape<'a> {
    id: SaleId,
    object: &'static str,
    state: &'static str,
    register_id: RegisterId,
    location_id: LocationId,
    operator_id: Option<OperatorId>,
    shift_id: Option<ShiftId>,
    /// Left out where nobody knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_id: Option<CustomerId>,
    /// Left out where none are given, and before the sale is completed.
    #[serde(skip_serializing_if = "Option::is_none")]
    points_earned: Option<i64>,
    currency: Currency,
    /// Left out where the goods are taken away.
    #[serde(skip_serializing_if = "Option::is_none")]
    consumption: Option<&'static str>,
    total_minor: i64,
    tax_minor: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    due_minor: Option<i64>,
    /// Left out in a list, and where the customer showed none.
    #[serde(skip_serializing_if = "Option::is_none")]
    coupons: Option<Vec<&'a CouponCode>>,
    /// Left out in a list, and where nothing is taken off.
    #[serde(skip_serializing_if = "Option::is_none")]
    discounts: Option<Vec<Discount<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    taxes: Option<Vec<Tax>>,
    /// Left out in a list, and null where there are too many for an answer that is stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    lines: Option<Option<Vec<Line<'a>>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenders: Option<Vec<Part>>,
    receipt_number: Option<&'a str>,
    note: &'a str,
    /// Left out where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a Metadata>,
    /// Only where one sale is read, and it has some.
    #[serde(skip_serializing_if = "Option::is_none")]
    external_refs: Option<Vec<RefOut<'a>>>,
    /// Left out of what was sold here.
    #[serde(skip_serializing_if = "Option::is_none")]
    elsewhere: Option<ElsewhereOut<'a>>,
    #[serde(serialize_with = "json::instant")]
    created_at: Timestamp,
    #[serde(serialize_with = "json::instant_option")]
    closed_at: Option<Timestamp>,
    version: i64,
}

impl<'a> Shape<'a> {
    /// The sale without its parts.
    pub fn of_listed(sale: &'a Sale) -> Self {
        let Sale { id, register, location, currency, total_minor, tax_minor, opened_at, closed_at, version, .. } =
            *sale;
        Self {
            id,
            object: "sale",
            state: sale.state.as_str(),
            register_id: register,
            location_id: location,
            operator_id: sale.operator,
            shift_id: sale.shift.map(|number| ShiftId { register, number }),
            customer_id: sale.customer(),
            points_earned: sale.points().filter(|_| sale.state == State::Completed).map(|(_, points)| points),
            currency,
            consumption: (sale.consumption == Consumption::EatIn).then_some(sale.consumption.as_str()),
            total_minor,
            tax_minor,
            due_minor: None,
            coupons: None,
            discounts: None,
            taxes: None,
            lines: None,
            tenders: None,
            receipt_number: sale.receipt_number.as_deref(),
            note: &sale.note,
            metadata: sale.metadata.shown(),
            external_refs: None,
            elsewhere: sale.elsewhere.as_ref().map(|told| ElsewhereOut::of(told, opened_at)),
            created_at: opened_at,
            closed_at,
            version,
        }
    }

    /// The sale with its parts; its lines may be too many for an answer that is stored.
    pub fn of(standing: &'a Standing, has_lines: bool) -> Self {
        Self {
            due_minor: Some(standing.due_minor),
            coupons: coupons_of(&standing.sale.discounts),
            discounts: Discount::all(&standing.sale.discounts),
            taxes: Some(standing.taxes.iter().map(Tax::of).collect()),
            lines: Some(has_lines.then(|| standing.lines.iter().map(|line| Line::of(line, &standing.sale)).collect())),
            tenders: Some(standing.tenders.iter().map(Part::of).collect()),
            ..Self::of_listed(&standing.sale)
        }
    }
}

/// What one rate amounts to.
#[derive(Serialize)]
pub struct Tax {
    rate_basis_points: u32,
    net_minor: i64,
    tax_minor: i64,
    gross_minor: i64,
}

impl Tax {
    /// Of the receipt, or of many.
    pub fn of(total: &TaxTotal) -> Self {
        let TaxTotal { rate, net_minor, tax_minor, gross_minor, .. } = *total;
        Self { rate_basis_points: rate.0, net_minor, tax_minor, gross_minor }
    }
}

/// The codes of the coupons of a sale; `None` where it has none.
fn coupons_of(discounts: &Discounts) -> Option<Vec<&CouponCode>> {
    let codes: Vec<_> = discounts.coupons.iter().map(|taken| &taken.code).collect();
    if codes.is_empty() { None } else { Some(codes) }
}

#[derive(Serialize)]
struct Line<'a> {
    number: u32,
    article_id: ArticleId,
    name: &'a str,
    quantity: Quantity,
    unit_price: UnitPrice,
    tax_class: &'a str,
    tax_rate_basis_points: u32,
    amount_minor: i64,
    /// Left out, as what it is the sum of, where nothing is taken off.
    #[serde(skip_serializing_if = "Option::is_none")]
    discount_minor: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    discounts: Option<Vec<LineDiscount<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    returned: Option<Quantity>,
}

impl<'a> Line<'a> {
    fn of(line: &'a SaleLine, sale: &'a Sale) -> Self {
        let SaleLine { number, article, quantity, unit_price, tax_rate, amount_minor, .. } = *line;
        let SaleLine { name, tax_class, .. } = line;
        let tax_rate_basis_points = tax_rate.0;
        Self {
            number,
            article_id: article,
            name,
            quantity,
            unit_price,
            tax_class,
            tax_rate_basis_points,
            amount_minor,
            discount_minor: Some(line.discount_minor).filter(|amount_minor| *amount_minor > 0),
            discounts: LineDiscount::all(&sale.discounts, number),
            returned: None,
        }
    }
}

/// A tender: how a part of the sale is paid.
#[derive(Serialize)]
struct Part {
    id: TenderId,
    kind: &'static str,
    state: &'static str,
    amount_minor: i64,
    given_minor: Option<i64>,
    change_minor: Option<i64>,
    payment_id: Option<PaymentId>,
    /// Left out where no return paid it.
    #[serde(skip_serializing_if = "Option::is_none")]
    return_id: Option<ReturnId>,
}

impl Part {
    fn of(tender: &Tender) -> Self {
        let Tender { id, amount_minor, .. } = *tender;
        let (kind, state) = (tender.kind.as_str(), tender.state.as_str());
        let none = Self {
            id,
            kind,
            state,
            amount_minor,
            given_minor: None,
            change_minor: None,
            payment_id: None,
            return_id: None,
        };
        match tender.kind {
            TenderKind::Cash { given_minor, change_minor } => {
                Self { given_minor: Some(given_minor), change_minor: Some(change_minor), ..none }
            }
            TenderKind::Electronic { payment } => Self { payment_id: Some(payment), ..none },
            TenderKind::ReturnCredit { origin, cash_minor: _ } => Self { return_id: Some(origin), ..none },
            TenderKind::Recorded => none,
        }
    }
}
