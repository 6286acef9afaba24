//! `/v1/sales/{id}/returns` and `/v1/returns`: goods that come back, and the money that goes back for them.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use domain::call::Role;
use domain::command::{Command, Refusal};
use domain::external_ref::{self, ExternalRef, Subject};
use domain::id::{ArticleId, LocationId, PaymentId, RegisterId, ReturnId, SaleId};
use domain::metadata::{self, Metadata};
use domain::money::{Currency, Quantity};
use domain::payment::{Task, settle_job};
use domain::returns::{
    AddRefund, CreateReturn, History, Moved, NewRefund, NewReturnLine, RETURNS_MAX, Refund, RefundKind, RefundState,
    ReturnLine, SALES_BEHIND_MAX, Standing, Way,
};
use domain::sale::TenderKind;
use domain::time::Timestamp;
use domain::work::Key;
use serde::{Deserialize, Serialize};
use storage::{Answer, Envelope};
use tokio::time::Instant;

use super::Route;
use super::auth::{Principal, authenticate};
use super::body::{Asked, Segments, query};
use super::elsewhere_json::ElsewhereOut;
use super::error::{Kind, Problem, refusal_answer};
use super::external_ref::{RefIn, RefOut, asked_for, referred};
use super::idempotency::KeyRule;
use super::json::{self, Message, QuantityIn};
use super::metadata::{MetadataIn, noted};
use super::patience::Patience;
use super::payment::{check_environment, one_time};
use super::prefer;
use super::sale_json::Tax;
use super::submit::{ok, respond};
use crate::app::App;
use crate::carried_on::CarriedOn;
use crate::provider::{OneTime, start_all_with};

/// The routes of returns.
pub fn routes() -> Vec<Route> {
    vec![
        Route::post("/v1/sales/{id}/returns", create),
        Route::get("/v1/sales/{id}/returns", list),
        Route::get("/v1/returns", find),
        Route::get("/v1/returns/{id}", get),
        Route::post("/v1/returns/{id}/refunds", add_refund),
    ]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Draft {
    register_id: RegisterId,
    lines: Vec<LineIn>,
    #[serde(default)]
    reason: String,
    refunds: Option<Vec<RefundIn>>,
    #[serde(default)]
    external_refs: Vec<RefIn>,
    #[serde(default)]
    metadata: MetadataIn,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LineIn {
    number: u32,
    quantity: QuantityIn,
    #[serde(default = "json::yes")]
    is_restocked: bool,
}

impl LineIn {
    /// The line that it asks for.
    pub(super) fn asked(self) -> NewReturnLine {
        let Self { number, quantity: QuantityIn(quantity), is_restocked } = self;
        NewReturnLine { number, quantity, is_restocked }
    }
}

#[derive(Deserialize, Clone, Copy)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum RefundIn {
    Cash { amount_minor: Option<i64> },
    Electronic { payment_id: PaymentId, amount_minor: Option<i64> },
}

impl RefundIn {
    /// The refund that it asks for.
    pub(super) const fn asked(self) -> NewRefund {
        match self {
            Self::Cash { amount_minor } => NewRefund { way: Way::Cash, amount_minor },
            Self::Electronic { payment_id, amount_minor } => {
                NewRefund { way: Way::Electronic(payment_id), amount_minor }
            }
        }
    }
}

async fn create(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Draft>::read(&app, request, Role::Cashier, KeyRule::Required).await?;
    let (merchant, body) = (asked.principal.merchant, asked.body);
    let shop = app.shops.find(&app.reader, merchant, body.register_id).await?;
    let shop = shop.ok_or_else(|| Problem::not_found("register"))?;
    let sale = segments.id(0, "sale")?;
    let foreseen = check_reach(&app, &asked.principal, sale, "sale").await?;
    let command = CreateReturn {
        merchant,
        location: shop.location,
        register: body.register_id,
        sale,
        lines: body.lines.into_iter().map(LineIn::asked).collect(),
        reason: body.reason,
        refunds: body.refunds.map(|refunds| refunds.into_iter().map(RefundIn::asked).collect()),
        foreseen,
    };
    let made = |moved: &Moved| Some(Subject::Return(moved.standing.origin.id));
    let command = referred(merchant, command, body.external_refs, external_ref::Kind::Return, made);
    let command = noted(command, body.metadata, |moved| {
        let origin = &mut moved.standing.origin;
        Some((metadata::Subject::Return(origin.id), &mut origin.metadata))
    });
    commit(&app, asked.envelope, command, encode, |moved| moved.tasks.clone(), one_time(&asked.headers)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Another {
    register_id: RegisterId,
    refund: RefundIn,
}

async fn add_refund(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Another>::read(&app, request, Role::Cashier, KeyRule::Required).await?;
    let Another { register_id: register, refund } = asked.body;
    let origin: ReturnId = segments.id(0, "return")?;
    let foreseen = check_reach(&app, &asked.principal, origin.sale, "return").await?;
    let command = AddRefund { merchant: asked.principal.merchant, origin, register, refund: refund.asked(), foreseen };
    commit(&app, asked.envelope, command, encode, |moved| moved.tasks.clone(), one_time(&asked.headers)).await
}

/// A key for tests gives nothing back by a live provider, nor the other way round. With which providers a completed sale
/// was paid does not change, nor which returns paid for it; so the records that giving back needs are told at once.
pub(super) async fn check_reach(
    app: &App,
    principal: &Principal,
    sale: SaleId,
    noun: &'static str,
) -> Result<Vec<Key>, Problem> {
    let (mut sales, mut keys, mut place) = (vec![sale], Vec::new(), 0);
    while let Some(sale) = sales.get(place).copied() {
        let found = app.reader.find_sale(principal.merchant, sale).await?.ok_or_else(|| Problem::not_found(noun))?;
        keys.push(Key::Sale(sale));
        for tender in found.tenders {
            match tender.kind {
                TenderKind::Cash { .. } | TenderKind::Recorded => {}
                TenderKind::Electronic { payment } => keys.extend(reach(app, principal, payment).await?),
                TenderKind::ReturnCredit { origin, .. } => {
                    if !sales.contains(&origin.sale) && sales.len() < SALES_BEHIND_MAX {
                        sales.push(origin.sale);
                    }
                }
            }
        }
        place += 1;
    }
    Ok(keys)
}

/// The records that a refund of the payment needs, if the key reaches its provider.
async fn reach(app: &App, principal: &Principal, payment: PaymentId) -> Result<[Key; 3], Problem> {
    let found = app.reader.find_payment(principal.merchant, payment).await?;
    let connection = found.ok_or_else(|| Problem::not_found("payment"))?.payment.connection;
    check_environment(app, principal, connection).await?;
    Ok([Key::Payment(payment), Key::Job(settle_job(payment)), Key::Connection(connection)])
}

/// Commits a command about a return and starts what it asks of providers, also when the caller goes away meanwhile.
pub(super) async fn commit<C>(
    app: &App,
    envelope: Envelope,
    command: C,
    encode: fn(Result<&C::Reply, &Refusal>) -> Answer,
    tasks: fn(&C::Reply) -> Vec<Task>,
    one_time: OneTime,
) -> Result<Response, Problem>
where
    C: Command + Send + Sync + 'static,
    C::Reply: Send + Sync + 'static,
{
    let app = app.clone();
    let work = async move {
        let committed = app.committer.submit(envelope, command, encode).await?;
        if let Some(Ok(reply)) = &committed.reply {
            start_all_with(&app, tasks(reply), &one_time);
        }
        Ok::<_, Problem>(committed)
    };
    let committed = CarriedOn::new(work).await?;
    Ok(respond(committed.answer, committed.reply.is_none()))
}

fn encode(reply: Result<&Moved, &Refusal>) -> Answer {
    let standing = match reply {
        Ok(moved) => &moved.standing,
        Err(refusal) => return refusal_answer(refusal),
    };
    json::answer_fitting(201, standing.origin.id, Shape::of(standing), |_| Shape::of_command(standing, false))
}

async fn list(State(app): State<App>, segments: Segments, headers: HeaderMap) -> Result<Response, Problem> {
    let merchant = authenticate(&app, &headers).await?.merchant;
    let sale = segments.id(0, "sale")?;
    let history = app.reader.find_returns(merchant, sale).await?;
    let history = history.ok_or_else(|| Problem::not_found("sale"))?;
    let standings = history.returns.iter().filter_map(|one| standing_of(&history, one.id.number).transpose());
    let standings = standings.collect::<Result<Vec<_>, _>>()?;
    let refs = app.reader.list_external_refs(merchant, &sale.to_string()).await?;
    let id = |standing: &Standing| standing.origin.id.to_string();
    let shape = |standing| Shape::of(standing).known_as(&refs);
    Ok(ok(json::to_bytes(&json::list(&standings, i64::from(RETURNS_MAX), id, shape))))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    external_system: String,
    external_id: String,
}

/// The return that another system knows under an id, or none.
async fn find(State(app): State<App>, headers: HeaderMap, uri: Uri) -> Result<Response, Problem> {
    let merchant = authenticate(&app, &headers).await?.merchant;
    let Wanted { external_system, external_id } = query(&uri)?;
    let mut found = Vec::new();
    if let Some(external) = asked_for(Some(&external_system), Some(&external_id))?
        && let Some(Subject::Return(ReturnId { sale, number })) =
            app.reader.find_external_subject(merchant, &external, external_ref::Kind::Return).await?
        && let Some(history) = app.reader.find_returns(merchant, sale).await?
    {
        found.extend(standing_of(&history, number)?);
    }
    let id = |standing: &Standing| standing.origin.id.to_string();
    Ok(ok(json::to_bytes(&json::list(&found, i64::from(RETURNS_MAX), id, Shape::of))))
}

async fn get(State(app): State<App>, segments: Segments, headers: HeaderMap) -> Result<Response, Problem> {
    let merchant = authenticate(&app, &headers).await?.merchant;
    let ReturnId { sale, number } = segments.id(0, "return")?;
    let deadline = Instant::now() + prefer::wait(&headers).unwrap_or_default();
    let mut patience = Patience::until(&app, merchant, deadline);
    loop {
        let history = app.reader.find_returns(merchant, sale).await?;
        let history = history.ok_or_else(|| Problem::not_found("return"))?;
        let standing = standing_of(&history, number)?;
        let standing = standing.ok_or_else(|| Problem::not_found("return"))?;
        if !standing.has_pending() || !patience.look_again().await {
            let refs = app.reader.list_external_refs(merchant, &sale.to_string()).await?;
            return Ok(ok(json::to_bytes(&Shape::of(&standing).known_as(&refs))));
        }
    }
}

fn standing_of(history: &History, number: u32) -> Result<Option<Standing>, Problem> {
    let standing = history.standing(number);
    standing.map_err(|_| Problem::new(Kind::Internal, "The lines of the return do not add up."))
}

/// A return in JSON.
#[derive(Serialize)]
pub(super) struct Shape<'a> {
    id: ReturnId,
    object: &'static str,
    sale_id: SaleId,
    register_id: RegisterId,
    location_id: LocationId,
    currency: Currency,
    total_minor: i64,
    tax_minor: i64,
    due_minor: i64,
    next_action: &'static str,
    message: Message,
    taxes: Vec<Tax>,
    /// Null where there are too many for an answer that is stored.
    lines: Option<Vec<Line<'a>>>,
    refunds: Vec<Part>,
    receipt_number: &'a str,
    reason: &'a str,
    /// Left out where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a Metadata>,
    /// Only where it is read by its id or its sale, and has some.
    #[serde(skip_serializing_if = "Option::is_none")]
    external_refs: Option<Vec<RefOut<'a>>>,
    /// Left out of what came back here.
    #[serde(skip_serializing_if = "Option::is_none")]
    elsewhere: Option<ElsewhereOut<'a>>,
    #[serde(serialize_with = "json::instant")]
    created_at: Timestamp,
}

impl<'a> Shape<'a> {
    /// With the ids under which other systems know it.
    fn known_as(self, refs: &'a [ExternalRef]) -> Self {
        Self { external_refs: RefOut::all(refs, Subject::Return(self.id)), ..self }
    }

    /// The return; its lines may be too many for an answer that is stored.
    pub(super) fn of_command(standing: &'a Standing, has_lines: bool) -> Self {
        let shape = Self::of(standing);
        Self { lines: shape.lines.filter(|_| has_lines), ..shape }
    }

    fn of(standing: &'a Standing) -> Self {
        let Standing { origin, lines, taxes, refunds, due_minor } = standing;
        let advice = standing.advice();
        Self {
            id: origin.id,
            object: "return",
            sale_id: origin.id.sale,
            register_id: origin.register,
            location_id: origin.location,
            currency: origin.currency,
            total_minor: origin.total_minor,
            tax_minor: origin.tax_minor,
            due_minor: *due_minor,
            next_action: advice.next_action,
            message: Message { en: advice.sentence_en, ja: advice.sentence_ja },
            taxes: taxes.iter().map(Tax::of).collect(),
            lines: Some(lines.iter().map(Line::of).collect()),
            refunds: refunds.iter().map(|(refund, state)| Part::of(refund, *state)).collect(),
            receipt_number: &origin.receipt_number,
            reason: &origin.reason,
            metadata: origin.metadata.shown(),
            external_refs: None,
            elsewhere: origin.elsewhere.as_ref().map(|told| ElsewhereOut::of(told, origin.created_at)),
            created_at: origin.created_at,
        }
    }
}

#[derive(Serialize)]
struct Line<'a> {
    number: u32,
    article_id: ArticleId,
    name: &'a str,
    quantity: Quantity,
    tax_rate_basis_points: u32,
    amount_minor: i64,
    is_restocked: bool,
}

impl<'a> Line<'a> {
    fn of(line: &'a ReturnLine) -> Self {
        let ReturnLine { number, article, quantity, tax_rate, amount_minor, is_restocked, .. } = *line;
        let (name, tax_rate_basis_points) = (line.name.as_str(), tax_rate.0);
        Self { number, article_id: article, name, quantity, tax_rate_basis_points, amount_minor, is_restocked }
    }
}

/// How a part of it is given back.
#[derive(Serialize)]
struct Part {
    number: u32,
    kind: &'static str,
    state: &'static str,
    amount_minor: i64,
    register_id: Option<RegisterId>,
    payment_id: Option<PaymentId>,
    operation_number: Option<u32>,
    /// Left out where it paid no other goods.
    #[serde(skip_serializing_if = "Option::is_none")]
    credit_sale_id: Option<SaleId>,
    #[serde(serialize_with = "json::instant")]
    created_at: Timestamp,
}

impl Part {
    fn of(refund: &Refund, state: RefundState) -> Self {
        let Refund { number, amount_minor, created_at, .. } = *refund;
        let none = Self {
            number,
            kind: refund.kind.as_str(),
            state: state.as_str(),
            amount_minor,
            register_id: None,
            payment_id: None,
            operation_number: None,
            credit_sale_id: None,
            created_at,
        };
        match refund.kind {
            RefundKind::Cash { register, shift: _ } => Self { register_id: Some(register), ..none },
            RefundKind::Electronic { operation } => {
                Self { payment_id: Some(operation.payment), operation_number: Some(operation.number), ..none }
            }
            RefundKind::ReturnCredit { sale, .. } => Self { credit_sale_id: Some(sale), ..none },
            RefundKind::Recorded => none,
        }
    }
}
