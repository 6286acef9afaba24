//! The beginning of every payment: the intent, durable before a byte leaves. What a payment of a sale holds of it is
//! not due any more, so while it is in doubt no second one can be begun for the same part.

use super::change::new_operation;
use super::news::Created;
use super::rules::may_charge;
use super::task::{SEND_GRACE_MS, settle_job};
use super::text::check_guarded;
use super::{Action, Moved, Operation, Payment, Refusal, State, Task, due_after};
use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role};
use crate::id::{ConnectionId, LocationId, MerchantId, PaymentId, RegisterId, SaleId, TenderId};
use crate::job::Job;
use crate::merchant::Connection;
use crate::money::Currency;
use crate::sale;
use crate::work::{Key, Stop, UnitOfWork};

/// Longest reference, in characters: an order number or a few words, not a document.
pub const REFERENCE_CHARS_MAX: usize = 200;

/// The number of a payment's first operation, its charge.
const CHARGE_NUMBER: u32 = 1;

/// Asks the customer for money, for a sale or by itself.
#[derive(Debug, Clone)]
pub struct CreatePayment {
    /// The caller's merchant.
    pub merchant: MerchantId,
    /// Where the register stands.
    pub location: LocationId,
    /// The register that asks.
    pub register: RegisterId,
    /// With which credentials.
    pub connection: ConnectionId,
    /// The sale that it pays, if it pays one.
    pub sale: Option<SaleId>,
    /// How much, in minor units; all that is due of the sale where it is left out.
    pub amount_minor: Option<i64>,
    /// The currency of the amount.
    pub currency: Currency,
    /// Only the promise now; it is captured later.
    pub is_two_step: bool,
    /// The register's own reference, free text.
    pub reference: String,
}

impl Command for CreatePayment {
    type Reply = Moved;

    fn name(&self) -> &'static str {
        "payment.create"
    }

    fn keys(&self) -> Vec<Key> {
        let keys = [
            Key::Merchant(self.merchant),
            Key::Location(self.location),
            Key::Register(self.register),
            Key::Connection(self.connection),
        ];
        keys.into_iter().chain(self.sale.map(Key::Sale)).collect()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Moved, Stop<command::Refusal>> {
        require_role(call, Role::Cashier)?;
        self.check_reference()?;
        self.check_place(work, call)?;
        let connection = work.connections.find(call.merchant, &self.connection).cloned();
        let connection = connection.ok_or_else(|| not_found("connection", self.connection))?;
        let id = PaymentId::from_uuid(call.next_uuid());
        let (tender, amount_minor) = self.hold(work, call, id)?;
        let ask = may_charge(&connection.profile, self.is_two_step, amount_minor)?;
        let payment = self.payment(id, tender, ask.asked_minor, call);
        let operation = new_operation(&payment, ask, CHARGE_NUMBER, call.now);
        self.emit(work, call, &payment, &operation);
        let tasks = begin_job(work, call, &payment, &operation, connection);
        work.payments.insert(payment.clone());
        work.operations.insert(operation.clone());
        Ok(Moved { payment, operations: vec![operation], tasks })
    }
}

impl CreatePayment {
    fn check_reference(&self) -> Result<(), Refusal> {
        if self.reference.chars().count() > REFERENCE_CHARS_MAX {
            return Err(Refusal::ReferenceTooLong);
        }
        check_guarded(&self.reference)
    }

    fn check_place(&self, work: &UnitOfWork, call: &Call<'_>) -> Result<(), Stop<command::Refusal>> {
        let merchant = work.merchants.find(call.merchant, &self.merchant);
        let merchant = merchant.ok_or_else(|| not_found("merchant", self.merchant))?;
        work.locations.find(call.merchant, &self.location).ok_or_else(|| not_found("location", self.location))?;
        let register = work.registers.find(call.merchant, &self.register);
        let register = register.ok_or_else(|| not_found("register", self.register))?;
        if register.location != self.location {
            return Err(Refusal::RegisterElsewhere.into());
        }
        let sale = self.sale.and_then(|sale| work.sales.find(call.merchant, &sale));
        let expected = sale.map_or(merchant.currency, |sale| sale.currency);
        if self.currency == expected { Ok(()) } else { Err(Refusal::CurrencyMismatch { expected }.into()) }
    }

    /// The tender of the sale, if there is a sale, and the amount that is to be asked for.
    fn hold(
        &self,
        work: &mut UnitOfWork,
        call: &mut Call<'_>,
        payment: PaymentId,
    ) -> Result<(Option<(SaleId, TenderId)>, i64), Stop<command::Refusal>> {
        let Some(sale) = self.sale else {
            return Ok((None, self.amount_minor.ok_or(Refusal::AmountMissing)?));
        };
        let id = sale::hold_tender(work, call, sale, payment, self.amount_minor)?;
        let tender = work.tenders.find(call.merchant, &(sale, id)).ok_or_else(|| not_found("tender", id))?;
        Ok((Some((sale, id)), tender.amount_minor))
    }

    fn payment(&self, id: PaymentId, tender: Option<(SaleId, TenderId)>, asked_minor: i64, call: &Call<'_>) -> Payment {
        Payment {
            id,
            merchant: call.merchant,
            location: self.location,
            register: self.register,
            tender,
            connection: self.connection,
            currency: self.currency,
            asked_minor,
            approved_minor: 0,
            captured_minor: 0,
            refunded_minor: 0,
            state: State::InProgress,
            is_closed_uncharged: false,
            operation_count: CHARGE_NUMBER,
            reference: self.reference.clone(),
            created_at: call.now,
            updated_at: call.now,
            version: 1,
        }
    }

    fn emit(&self, work: &mut UnitOfWork, call: &mut Call<'_>, payment: &Payment, operation: &Operation) {
        let created = Created {
            kind: operation.kind.as_str(),
            location: self.location,
            register: self.register,
            connection: self.connection,
            sale: self.sale,
            currency: self.currency,
            asked_minor: payment.asked_minor,
            reference: &self.reference,
        };
        work.emit(call, "payment.created", payment.id, &created);
    }
}

/// The job is leased to the sender from the start; where a terminal is keyed by hand nothing is sent, and the job waits
/// for the moment at which a person should have told.
fn begin_job(
    work: &mut UnitOfWork,
    call: &Call<'_>,
    payment: &Payment,
    operation: &Operation,
    connection: Connection,
) -> Vec<Task> {
    let (id, merchant) = (settle_job(payment.id), call.merchant);
    let profile = &connection.profile;
    if profile.is_keyed_by_hand {
        let due_at = Some(due_after(operation, profile, call.now));
        work.jobs.insert(Job { id, merchant, due_at, fence: 0, attempts: 0, version: 1 });
        return Vec::new();
    }
    let fence = 1;
    let due_at = Some(call.now.plus_ms(profile.answer_timeout_ms).plus_ms(SEND_GRACE_MS));
    work.jobs.insert(Job { id, merchant, due_at, fence, attempts: 1, version: 1 });
    let (operation, payment) = (operation.clone(), payment.clone());
    vec![Task { what: Action::Send, operation, target: None, payment, connection, fence }]
}
