//! `/v1/reports/day`: what a business day amounts to, and what needs somebody now.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use domain::id::{LocationId, RegisterId};
use domain::merchant::Merchant;
use domain::money::{Currency, Overflow};
use domain::sale;
use domain::tax::{Alike, tax_totals_together};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use storage::read::report::{Receipts, Returned, Span, Sum, Sums};

use super::Route;
use super::auth::authenticate;
use super::body::query;
use super::error::{Kind, Problem};
use super::json;
use super::sale_json::Tax;
use super::submit::ok;
use crate::app::App;
use crate::business_day::{self, BusinessDay};

/// The routes of reports.
pub fn routes() -> Vec<Route> {
    vec![Route::get("/v1/reports/day", day)]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    date: Option<String>,
    location_id: Option<LocationId>,
}

async fn day(State(app): State<App>, headers: HeaderMap, uri: Uri) -> Result<Response, Problem> {
    let merchant = authenticate(&app, &headers).await?.merchant;
    let Wanted { date, location_id } = query(&uri)?;
    let merchant = app.reader.find_merchant(merchant).await?.ok_or_else(|| Problem::not_found("merchant"))?;
    let now = app.reader.now(app.clock.now()).await?;
    let day = day_of(&merchant, date.as_deref(), now)?;
    if let Some(location) = location_id {
        app.reader.find_location(merchant.id, location).await?.ok_or_else(|| Problem::not_found("location"))?;
    }
    let BusinessDay { starts_at: from, ends_at: to, .. } = day;
    let sums = app.reader.sum_up(&Span { merchant: merchant.id, location: location_id, from, to }).await?;
    Ok(ok(day_report(&merchant, &day, location_id, &sums).map_err(|Overflow| too_large())?))
}

fn day_of(merchant: &Merchant, date: Option<&str>, now: Timestamp) -> Result<BusinessDay, Problem> {
    let zone = business_day::zone(&merchant.zone).map_err(|error| {
        tracing::error!(%error, "A merchant has no zone that the hub knows.");
        Problem::new(Kind::Internal, "The hub does not know the merchant's time zone. Report the request id.")
    })?;
    let wrong = || Problem::new(Kind::QueryInvalid, "The parameter `date` is a day, written YYYY-MM-DD.");
    let date = match date {
        Some(date) => business_day::parse(date).ok_or_else(wrong)?,
        None => business_day::today(now, &zone).map_err(|_| wrong())?,
    };
    BusinessDay::try_new(date, &zone).map_err(|_| wrong())
}

fn too_large() -> Problem {
    Problem::new(Kind::Internal, "The day's amounts are larger than the hub can count. Ask for one location.")
}

/// The report as it is answered; for the command line, which reads the database itself.
pub fn day_report(
    merchant: &Merchant,
    day: &BusinessDay,
    location_id: Option<LocationId>,
    sums: &Sums,
) -> Result<Vec<u8>, Overflow> {
    Report::of(merchant, day, location_id, sums).map(|report| json::to_bytes(&report))
}

#[derive(Serialize)]
struct Report<'a> {
    object: &'static str,
    date: String,
    zone: &'a str,
    location_id: Option<LocationId>,
    #[serde(serialize_with = "json::instant")]
    starts_at: Timestamp,
    #[serde(serialize_with = "json::instant")]
    ends_at: Timestamp,
    currencies: Vec<InCurrency<'a>>,
    open_exceptions: AtRisk,
    drawer: Drawer,
    receipts: Vec<Range<'a>>,
}

impl<'a> Report<'a> {
    fn of(
        merchant: &'a Merchant,
        day: &BusinessDay,
        location_id: Option<LocationId>,
        sums: &'a Sums,
    ) -> Result<Self, Overflow> {
        let currencies = currencies(merchant.currency, sums);
        let in_currency = |currency| InCurrency::of(currency, sums);
        Ok(Self {
            object: "day_report",
            date: day.date.to_string(),
            zone: &merchant.zone,
            location_id,
            starts_at: day.starts_at,
            ends_at: day.ends_at,
            currencies: currencies.into_iter().map(in_currency).collect::<Result<_, _>>()?,
            open_exceptions: AtRisk::of(sums.exceptions),
            drawer: Drawer { opened: sums.drawer.0, opened_without_sale: sums.drawer.1 },
            receipts: sums.receipts.iter().map(Range::of).collect(),
        })
    }
}

/// The merchant's currency, always and first, and those in which there is something to tell.
fn currencies(own: Currency, sums: &Sums) -> Vec<Currency> {
    let closed = sums.closed.iter().map(|closed| closed.currency);
    let returned = sums.returns.iter().chain(&sums.unreferenced_returns).map(|returned| returned.currency);
    let moved = sums.refunds.iter().chain(&sums.cash_refunds).chain(&sums.in_doubt).map(|(currency, _)| *currency);
    let mut found = vec![own];
    for currency in closed.chain(returned).chain(moved) {
        if !found.contains(&currency) {
            found.push(currency);
        }
    }
    found
}

/// All amounts of one currency.
#[derive(Serialize)]
pub(super) struct InCurrency<'a> {
    currency: Currency,
    sales: Taxed,
    taxes: Vec<Tax>,
    discounts: Amount,
    tenders: Tenders<'a>,
    refunds: Amount,
    returns: Taxed,
    unreferenced_returns: Taxed,
    voided: Voided,
    payments_in_doubt: AtRisk,
}

impl<'a> InCurrency<'a> {
    /// The sums of one currency.
    pub(super) fn of(currency: Currency, sums: &'a Sums) -> Result<Self, Overflow> {
        let of_state = |state| sums.closed.iter().find(|closed| closed.currency == currency && closed.state == state);
        let completed = of_state(sale::State::Completed);
        let by_currency = |sums: &[(Currency, Sum)]| {
            sums.iter().find(|(other, _)| *other == currency).map(|(_, sum)| *sum).unwrap_or_default()
        };
        let alike = sums.receipts_alike.iter().filter(|(other, _)| *other == currency);
        let alike: Vec<Alike> = alike.map(|(_, alike)| *alike).collect();
        let back = |returns: &[Returned]| {
            let of_currency = returns.iter().find(|returned| returned.currency == currency);
            Taxed::of(of_currency.map(|returned| (returned.count, returned.total_minor, returned.tax_minor)))
        };
        Ok(Self {
            currency,
            sales: Taxed::of(completed.map(|sales| (sales.count, sales.total_minor, sales.tax_minor)))?,
            taxes: tax_totals_together(&alike)?.iter().map(Tax::of).collect(),
            discounts: Amount::of(by_currency(&sums.discounts)),
            tenders: Tenders::of(currency, sums),
            refunds: Amount::of(by_currency(&sums.refunds)),
            returns: back(&sums.returns)?,
            unreferenced_returns: back(&sums.unreferenced_returns)?,
            voided: Voided { count: of_state(sale::State::Voided).map_or(0, |sales| sales.count) },
            payments_in_doubt: AtRisk::of(by_currency(&sums.in_doubt)),
        })
    }
}

/// What was sold, or what came back of it, with its tax.
#[derive(Serialize)]
struct Taxed {
    count: i64,
    gross_minor: i64,
    net_minor: i64,
    tax_minor: i64,
}

impl Taxed {
    /// Of a count, a gross and its tax.
    fn of(sums: Option<(i64, i64, i64)>) -> Result<Self, Overflow> {
        let (count, gross_minor, tax_minor) = sums.unwrap_or_default();
        Ok(Self { count, gross_minor, net_minor: gross_minor.checked_sub(tax_minor).ok_or(Overflow)?, tax_minor })
    }
}

#[derive(Serialize)]
struct Tenders<'a> {
    cash: Cash,
    electronic: Vec<Electronic<'a>>,
    return_credit: Amount,
    /// Left out where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    recorded: Option<Elsewhere>,
}

impl<'a> Tenders<'a> {
    fn of(currency: Currency, sums: &'a Sums) -> Self {
        let cash = sums.cash.iter().find(|cash| cash.currency == currency);
        let (count, given_minor, change_minor) =
            cash.map_or((0, 0, 0), |cash| (cash.count, cash.given_minor, cash.change_minor));
        let refunded = sums.cash_refunds.iter().find(|(other, _)| *other == currency);
        let refunded_minor = refunded.map_or(0, |(_, sum)| sum.amount_minor);
        let credited = sums.return_credits.iter().find(|(other, _)| *other == currency);
        let electronic = sums.electronic.iter().filter(|electronic| electronic.currency == currency);
        Self {
            cash: Cash {
                count,
                given_minor,
                change_minor,
                refunded_minor,
                net_minor: given_minor.saturating_sub(change_minor).saturating_sub(refunded_minor),
            },
            electronic: electronic
                .map(|electronic| Electronic { provider: &electronic.provider, sum: Amount::of(electronic.sum) })
                .collect(),
            return_credit: Amount::of(credited.map(|(_, sum)| *sum).unwrap_or_default()),
            recorded: Elsewhere::of(currency, sums),
        }
    }
}

/// What went through the drawers: `given - change - refunded = net`, which is what the drawers hold more than before.
#[derive(Serialize)]
struct Cash {
    count: i64,
    given_minor: i64,
    change_minor: i64,
    refunded_minor: i64,
    net_minor: i64,
}

/// What was paid and given back elsewhere: `amount - refunded = net`.
#[derive(Serialize)]
struct Elsewhere {
    count: i64,
    amount_minor: i64,
    refunded_minor: i64,
    net_minor: i64,
}

impl Elsewhere {
    fn of(currency: Currency, sums: &Sums) -> Option<Self> {
        let find = |sums: &[(Currency, Sum)]| sums.iter().find(|(other, _)| *other == currency).map(|(_, sum)| *sum);
        let (paid, refunded) = (find(&sums.recorded), find(&sums.recorded_refunds));
        let is_there = paid.is_some() || refunded.is_some();
        let (Sum { count, amount_minor }, refunded) = (paid.unwrap_or_default(), refunded.unwrap_or_default());
        let refunded_minor = refunded.amount_minor;
        let net_minor = amount_minor.saturating_sub(refunded_minor);
        is_there.then_some(Self { count, amount_minor, refunded_minor, net_minor })
    }
}

#[derive(Serialize)]
struct Electronic<'a> {
    provider: &'a str,
    #[serde(flatten)]
    sum: Amount,
}

#[derive(Serialize)]
struct Amount {
    count: i64,
    amount_minor: i64,
}

impl Amount {
    const fn of(Sum { count, amount_minor }: Sum) -> Self {
        Self { count, amount_minor }
    }
}

#[derive(Serialize)]
struct Voided {
    count: i64,
}

#[derive(Serialize)]
struct AtRisk {
    count: i64,
    at_risk_minor: i64,
}

impl AtRisk {
    const fn of(Sum { count, amount_minor }: Sum) -> Self {
        Self { count, at_risk_minor: amount_minor }
    }
}

/// How often drawers were opened by the hub.
#[derive(Serialize)]
struct Drawer {
    opened: i64,
    opened_without_sale: i64,
}

/// The receipts of one register.
#[derive(Serialize)]
pub(super) struct Range<'a> {
    register_id: RegisterId,
    register: &'a str,
    count: i64,
    first: &'a str,
    last: &'a str,
}

impl<'a> Range<'a> {
    /// What a register gave.
    pub(super) fn of(receipts: &'a Receipts) -> Self {
        let Receipts { register, name, count, first, last } = receipts;
        Self { register_id: *register, register: name, count: *count, first, last }
    }
}
