//! `/v1/sales`: what is sold, rung at once or left open.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use domain::call::Role;
use domain::external_ref::{self, ExternalId, Subject};
use domain::id::{ArticleId, CustomerId, LocationId, MerchantId, RegisterId, ReturnId, SaleId};
use domain::metadata::{self, Metadata};
use domain::money::Currency;
use domain::sale::{
    AddCash, AddCoupon, AddDiscount, AddLine, AddReturnCredit, Consumption, NewLine, NewSale, NewTender, OpenSale,
    PutCustomer, RemoveCoupon, RemoveDiscount, RemoveLine, RingSale, Sale, Standing, SwitchConsumption, VoidSale,
};
use serde::Deserialize;

use super::Route;
use super::article_json::article_ref;
use super::auth::authenticate;
use super::body::{Asked, Head, Nothing, Segments, query};
use super::discount_json::DiscountIn;
use super::error::{Kind, Problem};
use super::external_ref::{RefIn, asked_for, referred, require_alone};
use super::idempotency::KeyRule;
use super::json::{self, Page, QuantityIn};
use super::metadata::{MetadataIn, noted};
use super::sale_json::{Shape, answer_created, answer_ok, body_whole};
use super::submit::{ok, submit};
use crate::app::App;
use crate::disk;
use crate::shop::Shop;

/// The routes of sales.
pub fn routes() -> Vec<Route> {
    vec![
        Route::post("/v1/sales", create),
        Route::get("/v1/sales", list),
        Route::get("/v1/sales/{id}", get),
        Route::patch("/v1/sales/{id}", change),
        Route::post("/v1/sales/{id}/lines", add_line),
        Route::delete("/v1/sales/{id}/lines/{number}", remove_line),
        Route::post("/v1/sales/{id}/coupons", add_coupon),
        Route::delete("/v1/sales/{id}/coupons/{code}", remove_coupon),
        Route::post("/v1/sales/{id}/discounts", add_discount),
        Route::delete("/v1/sales/{id}/discounts/{number}", remove_discount),
        Route::post("/v1/sales/{id}/tenders", add_tender),
        Route::post("/v1/sales/{id}/void", void),
    ]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Draft {
    id: Option<SaleId>,
    register_id: RegisterId,
    currency: Option<Currency>,
    #[serde(default)]
    lines: Vec<Line>,
    consumption: Option<ConsumptionIn>,
    customer_id: Option<CustomerId>,
    #[serde(default)]
    coupons: Vec<String>,
    #[serde(default)]
    discounts: Vec<DiscountIn>,
    #[serde(default)]
    note: String,
    tenders: Option<Vec<TenderIn>>,
    #[serde(default)]
    external_refs: Vec<RefIn>,
    #[serde(default)]
    metadata: MetadataIn,
}

/// What is sold, apart from where and how it is paid.
pub(super) struct Goods {
    pub lines: Vec<Line>,
    pub consumption: Option<ConsumptionIn>,
    pub customer_id: Option<CustomerId>,
    pub coupons: Vec<String>,
    pub discounts: Vec<DiscountIn>,
    pub note: String,
}

impl Goods {
    /// The sale that it asks for, at a register.
    pub(super) fn asked(
        self,
        merchant: MerchantId,
        location: LocationId,
        register: RegisterId,
    ) -> Result<NewSale, Problem> {
        let lines = self.lines.into_iter().map(|line| {
            let QuantityIn(quantity) = line.quantity;
            Ok(NewLine { article: article_ref(line.article_id, line.barcode)?, quantity })
        });
        Ok(NewSale {
            merchant,
            location,
            register,
            lines: lines.collect::<Result<_, Problem>>()?,
            consumption: self.consumption.map(ConsumptionIn::meant).unwrap_or_default(),
            coupons: self.coupons,
            customer: self.customer_id,
            discounts: self.discounts.into_iter().map(DiscountIn::asked).collect::<Result<_, _>>()?,
            note: self.note,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    article_id: Option<ArticleId>,
    barcode: Option<String>,
    quantity: QuantityIn,
}

/// What is paid on the spot; a payment has a route of its own.
#[derive(Clone, Copy, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum TenderIn {
    Cash { given_minor: i64, amount_minor: Option<i64> },
    ReturnCredit { return_id: ReturnId, amount_minor: Option<i64> },
}

impl TenderIn {
    /// The tender that it asks for.
    pub(super) const fn asked(self) -> NewTender {
        match self {
            Self::Cash { given_minor, amount_minor } => NewTender::Cash { amount_minor, given_minor },
            Self::ReturnCredit { return_id: origin, amount_minor } => NewTender::ReturnCredit { origin, amount_minor },
        }
    }
}

/// Where the goods are eaten.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ConsumptionIn {
    TakeAway,
    EatIn,
}

impl ConsumptionIn {
    const fn meant(self) -> Consumption {
        match self {
            Self::TakeAway => Consumption::TakeAway,
            Self::EatIn => Consumption::EatIn,
        }
    }
}

async fn create(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Draft>::read(&app, request, Role::Cashier, KeyRule::Required).await?;
    disk::require_room(&app, &asked.envelope).await?;
    let (merchant, draft) = (asked.principal.merchant, asked.body);
    let shop = app.shops.find(&app.reader, merchant, draft.register_id).await?;
    let shop = shop.ok_or_else(|| Problem::not_found("register"))?;
    check_currency(draft.currency, shop)?;
    let Draft { lines, consumption, customer_id, coupons, discounts, note, .. } = draft;
    let goods = Goods { lines, consumption, customer_id, coupons, discounts, note };
    let sale = goods.asked(merchant, shop.location, draft.register_id)?;
    let Some(tenders) = draft.tenders else {
        let command = referred(merchant, OpenSale { id: draft.id, sale }, draft.external_refs, SALE, made);
        return submit(&app, asked.envelope, noted(command, draft.metadata, record), answer_created).await;
    };
    let id = draft.id.unwrap_or_else(|| SaleId::from_uuid(app.next_uuid()));
    let tenders = tenders.into_iter().map(TenderIn::asked).collect();
    let command = RingSale { id, currency: shop.currency, sale, tenders };
    let command = referred(merchant, command, draft.external_refs, SALE, made);
    submit(&app, asked.envelope, noted(command, draft.metadata, record), answer_created).await
}

/// Of which kind its references are.
const SALE: external_ref::Kind = external_ref::Kind::Sale;

fn made(standing: &Standing) -> Option<Subject> {
    Some(Subject::Sale(standing.sale.id))
}

fn record(standing: &mut Standing) -> Option<(metadata::Subject, &mut Metadata)> {
    Some((metadata::Subject::Sale(standing.sale.id), &mut standing.sale.metadata))
}

fn check_currency(asked: Option<Currency>, shop: Shop) -> Result<(), Problem> {
    let expected = shop.currency;
    match asked {
        Some(currency) if currency != expected => Err(Problem::new(
            Kind::CurrencyMismatch,
            format!("The merchant's sales are in {expected}. Use {expected}."),
        )),
        Some(_) | None => Ok(()),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    receipt_number: Option<String>,
    external_system: Option<String>,
    external_id: Option<String>,
    customer_id: Option<CustomerId>,
    #[serde(default)]
    order: Order,
    cursor: Option<String>,
    limit: Option<i64>,
}

/// Which way a list goes.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Order {
    #[default]
    Asc,
    Desc,
}

/// All, or those of a customer, page by page; or the one that has a receipt number, or none.
async fn list(State(app): State<App>, headers: HeaderMap, uri: Uri) -> Result<Response, Problem> {
    let principal = authenticate(&app, &headers).await?;
    let Wanted { receipt_number, external_system, external_id, customer_id, order, cursor, limit } = query(&uri)?;
    let external = asked_for(external_system.as_deref(), external_id.as_deref())?;
    let page = Page::new(cursor, limit);
    let (after, limit) = (page.after::<SaleId>()?, page.limit()?);
    if let Some(external) = external {
        require_alone(receipt_number.is_none() && customer_id.is_none() && after.is_empty())?;
        let found = find_known(&app, principal.merchant, &external).await?;
        return Ok(ok(json::to_bytes(&json::list(&found, limit, |sale| sale.id.to_string(), Shape::of_listed))));
    }
    let found = match (receipt_number, customer_id) {
        (None, Some(customer)) => {
            let from = (after, matches!(order, Order::Desc));
            app.reader.list_sales_of_customer(principal.merchant, customer, from, limit + 1).await?
        }
        (Some(_), Some(_)) => {
            return Err(Problem::new(Kind::QueryInvalid, "Give one of `receipt_number` and `customer_id`."));
        }
        (None, None) => match order {
            Order::Asc => app.reader.list_sales(principal.merchant, after, limit + 1).await?,
            Order::Desc => app.reader.list_sales_backwards(principal.merchant, after, limit + 1).await?,
        },
        (Some(_), None) if !after.is_empty() => {
            return Err(Problem::new(Kind::QueryInvalid, "A receipt number has no next page: leave out `cursor`."));
        }
        (Some(number), None) => {
            Vec::from_iter(app.reader.find_sale_by_receipt_number(principal.merchant, &number).await?)
        }
    };
    Ok(ok(json::to_bytes(&json::list(&found, limit, |sale| sale.id.to_string(), Shape::of_listed))))
}

/// The sale that another system knows under an id, or none.
async fn find_known(app: &App, merchant: MerchantId, external: &ExternalId) -> Result<Vec<Sale>, Problem> {
    let Some(Subject::Sale(id)) = app.reader.find_external_subject(merchant, external, SALE).await? else {
        return Ok(Vec::new());
    };
    Ok(Vec::from_iter(app.reader.find_sale(merchant, id).await?.map(|whole| whole.sale)))
}

async fn get(State(app): State<App>, segments: Segments, Head(headers): Head) -> Result<Response, Problem> {
    let merchant = authenticate(&app, &headers).await?.merchant;
    let found = app.reader.find_sale(merchant, segments.id(0, "sale")?).await?;
    let whole = found.ok_or_else(|| Problem::not_found("sale"))?;
    let standing = Standing::of(whole.sale, whole.lines, whole.tenders);
    let standing = standing.map_err(|_| Problem::new(Kind::Internal, "The sale's lines do not add up."))?;
    Ok(ok(body_whole(&standing, &whole.returned, &whole.external_refs)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Changes {
    consumption: Option<ConsumptionIn>,
    #[serde(default, deserialize_with = "json::present")]
    customer_id: Option<Option<CustomerId>>,
}

/// Two changes are two decisions, each with a name of its own in the audit chain.
async fn change(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Changes>::read(&app, request, Role::Cashier, KeyRule::Optional).await?;
    let (merchant, sale) = (asked.principal.merchant, segments.id(0, "sale")?);
    match (asked.body.consumption.map(ConsumptionIn::meant), asked.body.customer_id) {
        (Some(consumption), None) => {
            submit(&app, asked.envelope, SwitchConsumption { merchant, sale, consumption }, answer_ok).await
        }
        (None, Some(customer)) => {
            submit(&app, asked.envelope, PutCustomer { merchant, sale, customer }, answer_ok).await
        }
        _ => Err(Problem::new(Kind::BodyInvalid, "Change one of `consumption` and `customer_id` at a time.")),
    }
}

async fn add_line(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Line>::read(&app, request, Role::Cashier, KeyRule::Required).await?;
    let QuantityIn(quantity) = asked.body.quantity;
    let (merchant, sale) = (asked.principal.merchant, segments.id(0, "sale")?);
    let command =
        AddLine { merchant, sale, article: article_ref(asked.body.article_id, asked.body.barcode)?, quantity };
    submit(&app, asked.envelope, command, answer_ok).await
}

async fn remove_line(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Nothing>::read(&app, request, Role::Cashier, KeyRule::Optional).await?;
    let (merchant, sale) = (asked.principal.merchant, segments.id(0, "sale")?);
    let command = RemoveLine { merchant, sale, number: segments.id(1, "sale_line")? };
    submit(&app, asked.envelope, command, answer_ok).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CouponIn {
    code: String,
}

async fn add_coupon(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<CouponIn>::read(&app, request, Role::Cashier, KeyRule::Required).await?;
    let (merchant, sale) = (asked.principal.merchant, segments.id(0, "sale")?);
    submit(&app, asked.envelope, AddCoupon { merchant, sale, code: asked.body.code }, answer_ok).await
}

async fn remove_coupon(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Nothing>::read(&app, request, Role::Cashier, KeyRule::Optional).await?;
    let (merchant, sale) = (asked.principal.merchant, segments.id(0, "sale")?);
    let command = RemoveCoupon { merchant, sale, code: segments.id(1, "sale_coupon")? };
    submit(&app, asked.envelope, command, answer_ok).await
}

async fn add_discount(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<DiscountIn>::read(&app, request, Role::Cashier, KeyRule::Required).await?;
    let (merchant, sale) = (asked.principal.merchant, segments.id(0, "sale")?);
    let command = AddDiscount { merchant, sale, discount: asked.body.asked()? };
    submit(&app, asked.envelope, command, answer_ok).await
}

async fn remove_discount(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Nothing>::read(&app, request, Role::Cashier, KeyRule::Optional).await?;
    let (merchant, sale) = (asked.principal.merchant, segments.id(0, "sale")?);
    let command = RemoveDiscount { merchant, sale, number: segments.id(1, "sale_discount")? };
    submit(&app, asked.envelope, command, answer_ok).await
}

async fn add_tender(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<TenderIn>::read(&app, request, Role::Cashier, KeyRule::Required).await?;
    let (merchant, sale) = (asked.principal.merchant, segments.id(0, "sale")?);
    match asked.body {
        TenderIn::Cash { given_minor, amount_minor } => {
            submit(&app, asked.envelope, AddCash { merchant, sale, amount_minor, given_minor }, answer_ok).await
        }
        TenderIn::ReturnCredit { return_id: origin, amount_minor } => {
            submit(&app, asked.envelope, AddReturnCredit { merchant, sale, origin, amount_minor }, answer_ok).await
        }
    }
}

async fn void(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Nothing>::read(&app, request, Role::Cashier, KeyRule::Required).await?;
    let (merchant, sale) = (asked.principal.merchant, segments.id(0, "sale")?);
    submit(&app, asked.envelope, VoidSale { merchant, sale }, answer_ok).await
}
