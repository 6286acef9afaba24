//! What the people in the shops ask for, as requests with idempotency keys that can be sent again and again.

use domain::article::CreateArticle;
use domain::command::Refusal;
use domain::customer::{CreateCustomer, CustomerRules, NewPerson};
use domain::id::{
    ArticleId, ConnectionId, CustomerId, LocationId, MerchantId, OperationId, PaymentId, RegisterId, SaleId,
    StocktakeId,
};
use domain::merchant::SetUpMerchant;
use domain::money::{Currency, Quantity, UnitPrice};
use domain::payment::{
    AskCancel, AskCapture, AskRefund, AskVoid, CreatePayment, Moved, Outcome, Override, RecordOutcome, Task,
    Verdict as OverrideVerdict, Witness,
};
use domain::points::{ChangePoints, PointsEntry, PointsRule, Wish};
use domain::promotion::{CreatePromotion, NewCoupon, NewPromotion, Rule};
use domain::returns::{self, CreateReturn, NewReturnLine, RefundKind};
use domain::sale::{
    AddCash, AddCoupon, AddDiscount, AddLine, Consumption, NewDiscount, NewLine, NewSale, NewTender, OpenSale,
    Reduction, RemoveCoupon, RemoveDiscount, RemoveLine, RingSale, Standing, Target, VoidSale,
};
use domain::stock::{Booking, MoveStock};
use domain::stocktake::{CloseStocktake, CountArticles, How, NewCount, OpenStocktake, Recorded, Stocktake, Uncounted};
use domain::time::Timestamp;
use storage::{Answer, Committed, Envelope, Failure, Handle};
use tokio::sync::oneshot::Receiver;
use tokio::sync::oneshot::error::TryRecvError;
use uuid::Uuid;

/// A shop and what stands in it.
#[derive(Clone)]
pub struct Shop {
    pub merchant: MerchantId,
    pub location: LocationId,
    pub registers: Vec<RegisterId>,
    pub connections: Vec<ConnectionId>,
    pub articles: Vec<(ArticleId, i64)>,
    /// Somebody who buys there often.
    pub customer: Option<CustomerId>,
}

/// What is wished for.
#[derive(Debug, Clone)]
pub enum Ask {
    Create { register: u128, connection: u128, sale: Option<u128>, amount: Option<i64>, is_two_step: bool },
    Ring { register: u128, sale: u128, lines: Vec<(u128, i64)>, points_off: Option<u32>, given: i64, total: i64 },
    Open { register: u128, sale: u128, lines: Vec<(u128, i64)> },
    AddLine { sale: u128, article: u128, quantity: i64 },
    RemoveLine { sale: u128, number: u32 },
    Discount { sale: u128, discount: NewDiscount },
    TakeBackDiscount { sale: u128, number: u32 },
    Coupon { sale: u128 },
    TakeOffCoupon { sale: u128 },
    Cash { sale: u128, register: u128, amount: i64, given: i64 },
    VoidSale { sale: u128 },
    Refund { payment: u128, amount: Option<i64> },
    Void { payment: u128 },
    Cancel { payment: u128 },
    Capture { payment: u128, amount: Option<i64> },
    Overrule { payment: u128, verdict: OverrideVerdict },
    Keyed { payment: u128, number: u32, outcome: Outcome },
    Move { article: u128, location: u128, quantity: i64 },
    OpenStocktake { location: u128 },
    Count { stocktake: u128, location: u128, article: u128, quantity: i64, is_added: bool },
    CloseStocktake { stocktake: u128 },
    Redeem { customer: u128, points: i64 },
    Return { register: u128, sale: u128, lines: Vec<(u32, i64)>, is_restocked: bool },
}

/// The receiver of an answer.
pub enum Wait {
    Payment(Receiver<Result<Committed<Moved>, Failure>>),
    Sale(Receiver<Result<Committed<Standing>, Failure>>),
    Stock(Receiver<Result<Committed<Vec<domain::stock::Moved>>, Failure>>),
    Stocktake(Receiver<Result<Committed<Stocktake>, Failure>>),
    Counted(Receiver<Result<Committed<Recorded>, Failure>>),
    Expiry(Receiver<Result<Committed<domain::sale::Expiry>, Failure>>),
    Return(Receiver<Result<Committed<returns::Moved>, Failure>>),
    Points(Receiver<Result<Committed<PointsEntry>, Failure>>),
}

/// An answer, and what the command left to be done.
pub struct Said {
    pub answer: Answer,
    pub tasks: Vec<Task>,
    /// Whether a command about a payment was done.
    pub has_moved: bool,
    pub is_replay: bool,
}

fn poll<R>(
    from: &mut Receiver<Result<Committed<R>, Failure>>,
    tasks: impl FnOnce(R) -> Option<Vec<Task>>,
) -> Option<Result<Said, Failure>> {
    match from.try_recv() {
        Err(TryRecvError::Empty) => None,
        Err(TryRecvError::Closed) => Some(Err(Failure::Stopping)),
        Ok(Err(failure)) => Some(Err(failure)),
        Ok(Ok(committed)) => {
            let is_replay = committed.reply.is_none();
            let tasks = committed.reply.and_then(Result::ok).and_then(tasks);
            let has_moved = tasks.is_some();
            Some(Ok(Said { answer: committed.answer, tasks: tasks.unwrap_or_default(), has_moved, is_replay }))
        }
    }
}

impl Wait {
    /// The answer, if it has come.
    pub fn poll(&mut self) -> Option<Result<Said, Failure>> {
        match self {
            Self::Payment(from) => poll(from, |moved| Some(moved.tasks)),
            Self::Return(from) => poll(from, |moved| Some(moved.tasks)),
            Self::Sale(from) => poll(from, |_| None),
            Self::Stock(from) => poll(from, |_| None),
            Self::Stocktake(from) => poll(from, |_| None),
            Self::Counted(from) => poll(from, |_| None),
            Self::Expiry(from) => poll(from, |_| None),
            Self::Points(from) => poll(from, |_| None),
        }
    }
}

fn refused(refusal: &Refusal) -> Answer {
    let status = match refusal {
        Refusal::NotFound { .. } => 404,
        Refusal::RoleTooLow { .. } => 403,
        _ => 422,
    };
    Answer { status, content_type: "text".into(), body: refusal.code().into_bytes(), subject: String::new() }
}

/// A payment in bytes.
pub fn say_payment(reply: Result<&Moved, &Refusal>) -> Answer {
    match reply {
        Ok(Moved { payment, operations, .. }) => {
            let body = format!(
                "{} {} {}/{}/{} {}",
                payment.id,
                payment.state.as_str(),
                payment.approved_minor,
                payment.captured_minor,
                payment.refunded_minor,
                operations.len()
            );
            let subject = payment.id.to_string();
            Answer { status: 201, content_type: "text".into(), body: body.into_bytes(), subject }
        }
        Err(refusal) => refused(refusal),
    }
}

fn say_sale(reply: Result<&Standing, &Refusal>) -> Answer {
    match reply {
        Ok(standing) => {
            let Standing { sale, due_minor, .. } = standing;
            let subject = sale.id.to_string();
            let body = format!("{subject} {} {} {due_minor}", sale.state.as_str(), sale.total_minor);
            Answer { status: 200, content_type: "text".into(), body: body.into_bytes(), subject }
        }
        Err(refusal) => refused(refusal),
    }
}

fn say_return(reply: Result<&returns::Moved, &Refusal>) -> Answer {
    match reply {
        Ok(returns::Moved { standing, .. }) => {
            let subject = standing.origin.id.to_string();
            let cash = standing.refunds.iter().filter(|(refund, _)| matches!(refund.kind, RefundKind::Cash { .. }));
            let cash: i64 = cash.map(|(refund, _)| refund.amount_minor).sum();
            let body = format!("{subject} {} {} {cash}", standing.origin.total_minor, standing.due_minor);
            Answer { status: 201, content_type: "text".into(), body: body.into_bytes(), subject }
        }
        Err(refusal) => refused(refusal),
    }
}

fn say_stock(reply: Result<&Vec<domain::stock::Moved>, &Refusal>) -> Answer {
    match reply {
        Ok(moved) => {
            let told = moved.iter().map(|moved| format!("{} {}", moved.movement.id, moved.level.on_hand.0));
            let body = told.collect::<Vec<_>>().join(" ").into_bytes();
            Answer { status: 200, content_type: "text".into(), body, subject: String::new() }
        }
        Err(refusal) => refused(refusal),
    }
}

fn say_points(reply: Result<&PointsEntry, &Refusal>) -> Answer {
    match reply {
        Ok(entry) => {
            let body = format!("{} {} {}", entry.number, entry.points, entry.balance).into_bytes();
            Answer { status: 201, content_type: "text".into(), body, subject: entry.customer.to_string() }
        }
        Err(refusal) => refused(refusal),
    }
}

fn say_stocktake(stocktake: &Stocktake) -> Answer {
    let body = format!("{} {} {:?}", stocktake.id, stocktake.state.as_str(), stocktake.tally).into_bytes();
    Answer { status: 200, content_type: "text".into(), body, subject: String::new() }
}

pub fn payment_id(id: u128) -> PaymentId {
    PaymentId::from_uuid(Uuid::from_u128(id))
}

pub fn sale_id(id: u128) -> SaleId {
    SaleId::from_uuid(Uuid::from_u128(id))
}

fn location_id(id: u128) -> LocationId {
    LocationId::from_uuid(Uuid::from_u128(id))
}

fn stocktake_id(id: u128) -> StocktakeId {
    StocktakeId::from_uuid(Uuid::from_u128(id))
}

fn article_id(id: u128) -> ArticleId {
    ArticleId::from_uuid(Uuid::from_u128(id))
}

fn register_id(id: u128) -> RegisterId {
    RegisterId::from_uuid(Uuid::from_u128(id))
}

impl Ask {
    /// Whether its answer may come with the payment's end.
    pub fn is_about_payment(&self) -> bool {
        matches!(
            self,
            Self::Create { .. }
                | Self::Refund { .. }
                | Self::Void { .. }
                | Self::Cancel { .. }
                | Self::Capture { .. }
                | Self::Overrule { .. }
                | Self::Keyed { .. }
        )
    }

    /// Puts the command in the queue of a hub. `key` is also the reference of a payment.
    pub fn send(&self, handle: &Handle, envelope: Envelope, shop: &Shop, key: &str) -> Result<Wait, Failure> {
        let merchant = shop.merchant;
        let reason = String::new;
        match self.clone() {
            Self::Create { register, connection, sale, amount, is_two_step } => {
                let command = CreatePayment {
                    merchant,
                    location: shop.location,
                    register: register_id(register),
                    connection: ConnectionId::from_uuid(Uuid::from_u128(connection)),
                    sale: sale.map(sale_id),
                    amount_minor: amount,
                    currency: Currency::JPY,
                    is_two_step,
                    reference: key.to_owned(),
                    is_scanned: false,
                };
                handle.send(envelope, command, say_payment).map(Wait::Payment)
            }
            Self::Refund { payment, amount } => {
                let command = AskRefund { payment: payment_id(payment), amount_minor: amount, reason: reason() };
                handle.send(envelope, command, say_payment).map(Wait::Payment)
            }
            Self::Void { payment } => {
                let command = AskVoid { payment: payment_id(payment), reason: reason() };
                handle.send(envelope, command, say_payment).map(Wait::Payment)
            }
            Self::Cancel { payment } => {
                let command = AskCancel { payment: payment_id(payment), reason: reason() };
                handle.send(envelope, command, say_payment).map(Wait::Payment)
            }
            Self::Capture { payment, amount } => {
                let command = AskCapture { payment: payment_id(payment), amount_minor: amount };
                handle.send(envelope, command, say_payment).map(Wait::Payment)
            }
            Self::Overrule { payment, verdict } => {
                let reason = "seen in the portal".to_owned();
                let command = Override { payment: payment_id(payment), verdict, reason };
                handle.send(envelope, command, say_payment).map(Wait::Payment)
            }
            Self::Keyed { payment, number, outcome } => {
                let command = RecordOutcome {
                    operation: OperationId { payment: payment_id(payment), number },
                    witness: Witness::Person,
                    outcome,
                    presented: None,
                    asked_at: Timestamp(0),
                    is_unreachable: false,
                    fence: None,
                    hint: Vec::new(),
                };
                handle.send(envelope, command, say_payment).map(Wait::Payment)
            }
            Self::Ring { register, sale, lines, points_off, given, total: _ } => {
                let discounts = points_off.map(|points| off(Target::Sale, Reduction::BasisPoints(points)));
                let command = RingSale {
                    id: sale_id(sale),
                    currency: Currency::JPY,
                    sale: NewSale {
                        discounts: discounts.into_iter().collect(),
                        ..new_sale(shop, register, sale, &lines)
                    },
                    tenders: vec![NewTender::Cash { amount_minor: None, given_minor: given }],
                };
                handle.send(envelope, command, say_sale).map(Wait::Sale)
            }
            Self::Open { register, sale, lines } => {
                let command = OpenSale { id: Some(sale_id(sale)), sale: new_sale(shop, register, sale, &lines) };
                handle.send(envelope, command, say_sale).map(Wait::Sale)
            }
            Self::AddLine { sale, article, quantity } => {
                let (article, quantity) = (article_id(article), Quantity(quantity));
                let command = AddLine { merchant, sale: sale_id(sale), article: article.into(), quantity };
                handle.send(envelope, command, say_sale).map(Wait::Sale)
            }
            Self::RemoveLine { sale, number } => {
                let command = RemoveLine { merchant, sale: sale_id(sale), number };
                handle.send(envelope, command, say_sale).map(Wait::Sale)
            }
            Self::Discount { sale, discount } => {
                let command = AddDiscount { merchant, sale: sale_id(sale), discount };
                handle.send(envelope, command, say_sale).map(Wait::Sale)
            }
            Self::TakeBackDiscount { sale, number } => {
                let command = RemoveDiscount { merchant, sale: sale_id(sale), number };
                handle.send(envelope, command, say_sale).map(Wait::Sale)
            }
            Self::Coupon { sale } => {
                let command = AddCoupon { merchant, sale: sale_id(sale), code: COUPON.to_owned() };
                handle.send(envelope, command, say_sale).map(Wait::Sale)
            }
            Self::TakeOffCoupon { sale } => {
                let command = RemoveCoupon { merchant, sale: sale_id(sale), code: COUPON.to_owned() };
                handle.send(envelope, command, say_sale).map(Wait::Sale)
            }
            Self::Cash { sale, register: _, amount, given } => {
                let command = AddCash { merchant, sale: sale_id(sale), amount_minor: Some(amount), given_minor: given };
                handle.send(envelope, command, say_sale).map(Wait::Sale)
            }
            Self::VoidSale { sale } => {
                let command = VoidSale { merchant, sale: sale_id(sale) };
                handle.send(envelope, command, say_sale).map(Wait::Sale)
            }
            Self::Return { register, sale, lines, is_restocked } => {
                let lines = lines.iter().map(|(number, quantity)| NewReturnLine {
                    number: *number,
                    quantity: Quantity(*quantity),
                    is_restocked,
                });
                let command = CreateReturn {
                    merchant,
                    location: shop.location,
                    register: register_id(register),
                    sale: sale_id(sale),
                    lines: lines.collect(),
                    reason: reason(),
                    refunds: None,
                };
                handle.send(envelope, command, say_return).map(Wait::Return)
            }
            Self::Redeem { customer, points } => {
                let customer = CustomerId::from_uuid(Uuid::from_u128(customer));
                let command = ChangePoints { customer, wish: Wish::Redeem(points), reason: reason() };
                handle.send(envelope, command, say_points).map(Wait::Points)
            }
            Self::OpenStocktake { location } => {
                let location = location_id(location);
                let command = OpenStocktake { merchant, location, articles: None, note: reason() };
                let say = |reply: Result<&Stocktake, &Refusal>| reply.map_or_else(refused, say_stocktake);
                handle.send(envelope, command, say).map(Wait::Stocktake)
            }
            Self::Count { stocktake, location, article, quantity, is_added } => {
                let how = if is_added { How::Add } else { How::Replace };
                let (article, quantity) = (article_id(article).into(), Quantity(quantity));
                let counts = vec![NewCount { article, quantity, how, at: None }];
                let (stocktake, location) = (stocktake_id(stocktake), location_id(location));
                let command = CountArticles { merchant, stocktake, location, by: None, counts };
                let say = |reply: Result<&Recorded, &Refusal>| {
                    reply.map_or_else(refused, |recorded| say_stocktake(&recorded.stocktake))
                };
                handle.send(envelope, command, say).map(Wait::Counted)
            }
            Self::CloseStocktake { stocktake } => {
                let command = CloseStocktake { stocktake: stocktake_id(stocktake), uncounted: Uncounted::Leave };
                let say = |reply: Result<&Stocktake, &Refusal>| reply.map_or_else(refused, say_stocktake);
                handle.send(envelope, command, say).map(Wait::Stocktake)
            }
            Self::Move { article, location, quantity } => {
                let kind = if quantity > 0 { Booking::Receipt } else { Booking::Correction };
                let location = location_id(location);
                let command = MoveStock::one(merchant, location, kind, article_id(article), Quantity(quantity));
                let command = MoveStock { reason: "counted".to_owned(), ..command };
                handle.send(envelope, command, say_stock).map(Wait::Stock)
            }
        }
    }
}

/// A discount as a person at the till gives it.
pub fn off(target: Target, reduction: Reduction) -> NewDiscount {
    NewDiscount { target, reduction, reason: "dented".to_owned() }
}

/// Every second sale is that of somebody who is known.
fn new_sale(shop: &Shop, register: u128, sale: u128, lines: &[(u128, i64)]) -> NewSale {
    NewSale {
        merchant: shop.merchant,
        location: shop.location,
        register: register_id(register),
        lines: lines
            .iter()
            .map(|(article, quantity)| NewLine { article: article_id(*article).into(), quantity: Quantity(*quantity) })
            .collect(),
        consumption: Consumption::TakeAway,
        coupons: Vec::new(),
        customer: shop.customer.filter(|_| sale.is_multiple_of(2)),
        discounts: Vec::new(),
        note: String::new(),
    }
}

/// The code that customers show.
const COUPON: &str = "SPRING";

/// Somebody of whom nothing is known but that points are to be kept.
pub fn a_customer(merchant: MerchantId) -> CreateCustomer {
    CreateCustomer { merchant, person: NewPerson::default(), external_ids: Vec::new() }
}

/// A promotion for a few who show a code.
pub fn a_promotion(merchant: MerchantId) -> CreatePromotion {
    let promotion = NewPromotion {
        name: "Spring".to_owned(),
        rule: Rule::Percent { basis_points: 750 },
        articles: Vec::new(),
        locations: Vec::new(),
        coupon: Some(NewCoupon { code: COUPON.to_owned(), uses_max: Some(20) }),
        priority: 1,
        valid_from: None,
        valid_until: None,
        is_active: true,
    };
    CreatePromotion { merchant, promotion }
}

/// An article of the assortment.
pub fn an_article(merchant: MerchantId, yen: i64, is_stocked: bool) -> CreateArticle {
    let (sku, unit_price) = (format!("A{yen}"), UnitPrice(yen * 10_000));
    CreateArticle { is_stocked, ..CreateArticle::plain(merchant, &sku, "Article", unit_price, "standard") }
}

/// The command that brings a shop into being.
pub fn set_up(shop: &Shop, profiles: Vec<(String, domain::payment::Profile)>) -> SetUpMerchant {
    use domain::merchant::{
        Connection, ConnectionSettings, Contact, DISCOUNT_LIMIT_DEFAULT, Issuer, Location, Merchant, Register,
    };
    let merchant = shop.merchant;
    SetUpMerchant {
        merchant: Merchant {
            id: merchant,
            name: "Shop".to_owned(),
            currency: Currency::JPY,
            zone: "Asia/Tokyo".to_owned(),
            tax: domain::tax::TaxRules::japan(),
            discount_limit: DISCOUNT_LIMIT_DEFAULT,
            customers: CustomerRules { points: PointsRule::parse(30).ok(), ..CustomerRules::default() },
            issuer: Issuer::default(),
            created_at: Timestamp(0),
            version: 1,
        },
        locations: vec![Location {
            id: shop.location,
            merchant,
            name: "Ueno".to_owned(),
            contact: Contact::default(),
            version: 1,
        }],
        registers: (shop.registers.iter().enumerate())
            .map(|(place, id)| Register {
                id: *id,
                merchant,
                location: shop.location,
                name: format!("K{place}"),
                version: 1,
            })
            .collect(),
        connections: (shop.connections.iter().zip(profiles))
            .map(|(id, (provider, profile))| Connection {
                id: *id,
                merchant,
                provider,
                settings: ConnectionSettings::default(),
                profile,
                credentials: None,
                version: 1,
            })
            .collect(),
    }
}
