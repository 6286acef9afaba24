//! The beginning of every payment: the intent, durable before a byte leaves. What a payment of a sale holds of it is
//! not due any more, so while it is in doubt no second one can be begun for the same part.

use super::change::new_operation;
use super::news::Created;
use super::rules::{may_charge, may_take_code};
use super::task::{SEND_GRACE_MS, settle_job};
use super::text::check_guarded;
use super::{Action, Moved, Operation, Payment, Refusal, State, Task, due_after};
use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role};
use crate::id::{ConnectionId, LocationId, MerchantId, PaymentId, RegisterId, SaleId, TenderId, TerminalId};
use crate::job::Job;
use crate::merchant::Connection;
use crate::metadata::Metadata;
use crate::money::Currency;
use crate::operator::require_register_at;
use crate::sale::{self, Tender};
use crate::work::{Key, Stop, UnitOfWork};

/// Longest reference, in characters: an order number or a few words, not a document.
pub const REFERENCE_CHARS_MAX: usize = 200;

/// The number of a payment's first operation, its charge.
pub(super) const CHARGE_NUMBER: u32 = 1;

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
    /// The register scanned a code that the customer showed. The sender has it in memory; it never comes here.
    pub is_scanned: bool,
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
        may_take_code(&connection.profile, self.is_scanned)?;
        let terminal = self.find_terminal(work, call, &connection)?;
        let id = PaymentId::from_uuid(call.next_uuid());
        let tender = self.hold(work, call, id)?;
        let amount_minor = tender.as_ref().map(|tender| tender.amount_minor).or(self.amount_minor);
        let ask = may_charge(&connection.profile, self.is_two_step, amount_minor.ok_or(Refusal::AmountMissing)?)?;
        let tender = tender.map(|tender| (tender.sale, tender.id));
        let payment = self.payment(id, tender, ask.asked_minor, call);
        let operation = Operation { terminal, ..new_operation(&payment, ask, CHARGE_NUMBER, call.now) };
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
        require_register_at(work, call, self.register, self.location)?;
        let sale = self.sale.and_then(|sale| work.sales.find(call.merchant, &sale));
        let expected = sale.map_or(merchant.currency, |sale| sale.currency);
        if self.currency == expected { Ok(()) } else { Err(Refusal::CurrencyMismatch { expected }.into()) }
    }

    /// The terminal beside the register, where the connection goes over one.
    fn find_terminal(
        &self,
        work: &UnitOfWork,
        call: &Call<'_>,
        connection: &Connection,
    ) -> Result<Option<TerminalId>, Stop<command::Refusal>> {
        if !connection.profile.is_relayed {
            return Ok(None);
        }
        work.require([Key::Register(self.register), Key::Pairing(self.register)])?;
        let place = work.pairings.find(call.merchant, &self.register);
        let id = place.and_then(|place| place.terminal).ok_or(Refusal::RegisterHasNoTerminal)?;
        work.require([Key::Terminal(id)])?;
        let terminal = work.terminals.find(call.merchant, &id).ok_or_else(|| not_found("terminal", id))?;
        terminal.enrolled()?;
        // What it takes is owed by the acquirer that it is set up for.
        let expected = terminal.connection;
        if expected == connection.id {
            Ok(Some(id))
        } else {
            Err(Refusal::TerminalOfOtherConnection { expected }.into())
        }
    }

    /// The part of the sale that it pays, if there is a sale.
    fn hold(
        &self,
        work: &mut UnitOfWork,
        call: &mut Call<'_>,
        payment: PaymentId,
    ) -> Result<Option<Tender>, Stop<command::Refusal>> {
        let Some(sale) = self.sale else { return Ok(None) };
        let id = sale::hold_tender(work, call, sale, payment, self.amount_minor)?;
        let tender = work.tenders.find(call.merchant, &(sale, id)).ok_or_else(|| not_found("tender", id))?;
        Ok(Some(tender.clone()))
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
            metadata: Metadata::default(),
            operation_count: CHARGE_NUMBER,
            reference: self.reference.clone(),
            is_scanned: self.is_scanned,
            presented_code: None,
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

/// The job is leased to the sender from the start. Where a terminal is keyed by hand nothing is sent, and the job waits for
/// the moment at which a person should have told; where it is relayed, for that at which a hub should have claimed it.
fn begin_job(
    work: &mut UnitOfWork,
    call: &Call<'_>,
    payment: &Payment,
    operation: &Operation,
    connection: Connection,
) -> Vec<Task> {
    let (id, merchant) = (settle_job(payment.id), call.merchant);
    let profile = &connection.profile;
    if profile.is_keyed_by_hand || profile.is_relayed {
        let due_at = Some(due_after(operation, profile, call.now));
        work.jobs.insert(Job { id, merchant, due_at, fence: 0, attempts: 0, version: 1 });
        return Vec::new();
    }
    let fence = 1;
    let due_at = Some(call.now.plus_ms(profile.answer_timeout_ms).plus_ms(SEND_GRACE_MS));
    work.jobs.insert(Job { id, merchant, due_at, fence, attempts: 1, version: 1 });
    let (operation, payment) = (operation.clone(), payment.clone());
    vec![Task { what: Action::Send, operation, target: None, payment, connection, fence, handed_out_at: call.now }]
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{approved, declined};
    use super::super::shop::{CONNECTION, Shop, a_payment};
    use super::super::{Kind, OperationState, Outcome, Profile, Witness};
    use super::*;
    use crate::money::AMOUNT_MINOR_MAX;
    use crate::sale::TenderState;
    use crate::testing::{LOCATION, MERCHANT, NOW, OTHER_LOCATION, OTHER_MERCHANT, REGISTER, sale_id};

    #[test]
    fn a_payment_without_a_sale_is_decided_in_one_round_and_writes_four_rows() {
        let mut shop = Shop::new();
        let Moved { payment, operations, tasks } = shop.create(None, Some(1_000));
        assert_eq!(shop.world.rounds, 1);
        assert_eq!((payment.state, payment.asked_minor, payment.operation_count), (State::InProgress, 1_000, 1));
        let [operation] = operations.as_slice() else { panic!("one operation") };
        assert_eq!((operation.kind, operation.state.clone()), (Kind::Purchase, OperationState::Recorded));
        let [task] = tasks.as_slice() else { panic!("one task") };
        assert_eq!((task.what, task.fence, &task.operation, &task.payment), (Action::Send, 1, operation, &payment));
        assert_eq!((task.connection.id, task.target.clone()), (CONNECTION, None));
        let job = shop.job(payment.id);
        assert_eq!((job.due_at, job.fence), (Some(NOW.plus_ms(1_000 + SEND_GRACE_MS)), 1));
        let database = &shop.world.database;
        let rows = (database.payments.iter().count(), database.operations.iter().count(), database.jobs.iter().count());
        assert_eq!((rows, database.events.rows().len()), ((1, 1, 1), 1));
        assert_eq!(shop.payment(payment.id), payment);
        let data: serde_json::Value = serde_json::from_str(&database.events.rows()[0].data).unwrap();
        let expected = serde_json::json!({
            "kind": "purchase", "location": LOCATION, "register": REGISTER, "connection": CONNECTION,
            "currency": "JPY", "asked_minor": 1_000, "reference": "order 7",
        });
        assert_eq!(data, expected);
    }

    #[test]
    fn a_payment_of_a_sale_asks_for_what_is_due_and_holds_it() {
        let mut shop = Shop::with_a_sale();
        let Moved { payment, .. } = shop.create(Some(1), None);
        assert_eq!((shop.world.rounds, payment.asked_minor), (1, 300));
        assert_eq!(shop.tender(&payment).state, TenderState::Pending);
        assert_eq!(shop.world.standing(sale_id(1)).due_minor, 0);
    }

    #[test]
    fn a_second_payment_while_in_doubt_is_refused() {
        let mut shop = Shop::with_a_sale();
        let again = CreatePayment { sale: Some(sale_id(1)), amount_minor: None, ..a_payment() };
        let first = shop.run(&again).unwrap();
        assert_eq!(shop.refused(&again), "payment_in_doubt_or_under_way");
        let in_doubt = shop.reply(&first.tasks[0], Outcome::Unknown).payment;
        assert_eq!(in_doubt.state, State::InDoubt);
        assert_eq!(shop.refused(&again), "payment_in_doubt_or_under_way");
        let exactly = CreatePayment { amount_minor: Some(300), ..again.clone() };
        assert_eq!(shop.refused(&exactly), "payment_in_doubt_or_under_way");
        shop.tell(first.operations[0].id, Witness::Inquiry, declined("limit"));
        let second = shop.run(&again).unwrap();
        shop.reply(&second.tasks[0], approved(300));
        assert_eq!(shop.refused(&again), "sale_not_open");
        assert_eq!(shop.receivable(), 300);
    }

    #[test]
    fn parts_of_a_sale_are_paid_side_by_side() {
        let mut shop = Shop::with_a_sale();
        let first = shop.create(Some(1), Some(100));
        let second = shop.create(Some(1), None);
        assert_eq!(second.payment.asked_minor, 200);
        shop.reply(&second.tasks[0], approved(200));
        assert_eq!(shop.world.standing(sale_id(1)).sale.state, sale::State::Open);
        shop.reply(&first.tasks[0], approved(100));
        assert_eq!(shop.world.standing(sale_id(1)).sale.state, sale::State::Completed);
    }

    #[test]
    fn what_is_keyed_by_hand_is_not_sent_and_waits_for_a_person() {
        let mut shop = Shop::with_profile(Profile::manual());
        let Moved { payment, tasks, .. } = shop.create(None, Some(1_000));
        assert_eq!(tasks, []);
        let job = shop.job(payment.id);
        assert_eq!((job.due_at, job.fence), (Some(NOW.plus_ms(Profile::manual().resolve_by_ms)), 0));
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        let nowhere = RegisterId::from_uuid(uuid::Uuid::nil());
        let unknown = ConnectionId::from_uuid(uuid::Uuid::nil());
        let text = |reference: &str| CreatePayment { reference: reference.to_owned(), ..a_payment() };
        let of_sale = |number| CreatePayment { sale: Some(sale_id(number)), amount_minor: None, ..a_payment() };
        for (code, wrong) in [
            ("amount_missing", CreatePayment { amount_minor: None, ..a_payment() }),
            ("amount_not_positive", CreatePayment { amount_minor: Some(0), ..a_payment() }),
            ("amount_too_large", CreatePayment { amount_minor: Some(AMOUNT_MINOR_MAX + 1), ..a_payment() }),
            ("reference_too_long", text(&"x".repeat(201))),
            ("text_looks_like_card_number", text("card 4111 1111 1111 1111")),
            ("currency_mismatch", CreatePayment { currency: Currency::parse("USD").unwrap(), ..a_payment() }),
            ("register_elsewhere", CreatePayment { location: OTHER_LOCATION, ..a_payment() }),
            ("register_not_found", CreatePayment { register: nowhere, ..a_payment() }),
            ("connection_not_found", CreatePayment { connection: unknown, ..a_payment() }),
            ("merchant_not_found", CreatePayment { merchant: OTHER_MERCHANT, ..a_payment() }),
            ("sale_not_found", of_sale(2)),
            ("tender_exceeds_due", CreatePayment { amount_minor: Some(301), ..of_sale(1) }),
        ] {
            assert_eq!(Shop::with_a_sale().refused(&wrong), code);
        }
        let two_step = CreatePayment { is_two_step: true, ..a_payment() };
        assert_eq!(Shop::with_profile(Profile::manual()).refused(&two_step), "authorize_not_supported");
        assert_eq!(Shop::new().acting_as(Role::Viewer).refused(&a_payment()), "role_too_low");
        let of_other = CreatePayment { merchant: OTHER_MERCHANT, ..a_payment() };
        assert_eq!(Shop::new().of_other_merchant().refused(&of_other), "location_not_found");
        assert_eq!(a_payment().merchant, MERCHANT);
    }
}
