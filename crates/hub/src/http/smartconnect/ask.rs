//! What a transaction asks for: its form turned into a command.

use domain::guard;
use domain::id::{PaymentId, SmartconnectId};
use domain::money::Currency;
use domain::payment::{AskCapture, AskRefund, CreatePayment, REFERENCE_CHARS_MAX};
use domain::smartconnect::{
    About, Inquiry, NOTE_BYTES_MAX, NewTransaction, PosRegister, SALE_ID_CHARS_MAX, Subject, Transaction,
    TransactionType,
};
use domain::terminal::Terminal;
use serde_json::Value;
use uuid::Uuid;

use super::form::Form;
use super::wrong::Wrong;
use crate::app::App;

/// A terminal that was not heard of for longer, in milliseconds, is told to be offline.
const SEEN_MS: i64 = 2 * 60 * 1_000;

/// What is done.
pub enum Wish {
    /// A charge.
    Charge(CreatePayment),
    /// Money back.
    Refund(AskRefund),
    /// What was promised is taken.
    Capture(AskCapture),
    /// No money moves.
    Note(Subject),
}

/// A transaction, and what it asks for.
pub struct Asked {
    /// What is known of it.
    pub transaction: NewTransaction,
    /// What it asks for.
    pub wish: Wish,
}

/// `SaleData` as far as the hub reads it.
struct Note {
    sale_id: Option<String>,
    return_for: Option<String>,
    kept: Option<String>,
}

/// Reads the form of a register that is paired with a terminal. `reference` is the POS's own, from a header.
pub async fn read(
    app: &App,
    form: &Form,
    register: &PosRegister,
    terminal: &Terminal,
    reference: String,
) -> Result<Asked, Wrong> {
    let kind = TransactionType::parse(&form.take("TransactionType")?);
    let kind = kind.ok_or_else(|| Wrong::refused("The field TransactionType is not one of the protocol's types."))?;
    let note = read_note(form)?;
    let amount_minor = match kind {
        TransactionType::CardAuthorise => form.amount("AmountAuth")?.or(form.amount("AmountTotal")?),
        TransactionType::CardFinalise => form.amount("AmountFinal")?.or(form.amount("AmountTotal")?),
        _ => form.amount("AmountTotal")?,
    };
    let transaction = NewTransaction {
        id: SmartconnectId::from_uuid(app.next_uuid()),
        merchant: register.merchant,
        register: register.register,
        terminal: terminal.id,
        kind,
        amount_minor,
        cash_minor: form.amount("AmountCash")?,
        sale_id: note.sale_id.clone(),
        sale_data: note.kept.clone(),
    };
    let wish = wish(app, form, terminal, &transaction, &note, reference).await?;
    Ok(Asked { transaction, wish })
}

async fn wish(
    app: &App,
    form: &Form,
    terminal: &Terminal,
    transaction: &NewTransaction,
    note: &Note,
    reference: String,
) -> Result<Wish, Wrong> {
    use TransactionType as T;
    let need =
        |name: &str| transaction.amount_minor.ok_or_else(|| Wrong::refused(format!("The field {name} is missing.")));
    Ok(match transaction.kind {
        T::CardPurchase | T::QrMerchantPurchase | T::QrConsumerPurchase | T::CardCashAdvance => {
            Wish::Charge(charge(app, terminal, transaction, need("AmountTotal")?, reference).await?)
        }
        T::CardPurchasePlusCash => {
            let (total, cash) = (need("AmountTotal")?, form.take_amount("AmountCash")?);
            if cash >= total {
                return Err(Wrong::refused("The field AmountCash is a part of AmountTotal, not on top of it."));
            }
            Wish::Charge(charge(app, terminal, transaction, total, reference).await?)
        }
        T::CardAuthorise => {
            let charge = charge(app, terminal, transaction, need("AmountAuth")?, reference).await?;
            Wish::Charge(CreatePayment { is_two_step: true, ..charge })
        }
        T::CardFinalise => {
            let earlier = earlier(app, transaction, form.find("TransactionReference")).await?;
            Wish::Capture(AskCapture { payment: earlier, amount_minor: Some(need("AmountFinal")?) })
        }
        T::CardRefund | T::QrRefund => {
            let amount_minor = Some(need("AmountTotal")?);
            let payment = sold(app, transaction, form, note).await?;
            Wish::Refund(AskRefund { payment, amount_minor, reason: transaction.kind.as_str().to_owned() })
        }
        T::JournalGetTransResult | T::JournalReprintReceipt => {
            let last = app.reader.find_last_transaction(transaction.merchant, terminal.id).await?;
            Wish::Note(Subject::Earlier(last.map(|last| last.id)))
        }
        T::TerminalGetStatus => Wish::Note(Subject::Known(status(app, terminal))),
        T::AcquirerLogon | T::AcquirerSettlementInquiry | T::AcquirerSettlementCutover | T::TerminalReadCard => {
            Wish::Note(Subject::Known(Inquiry::Unavailable))
        }
    })
}

async fn charge(
    app: &App,
    terminal: &Terminal,
    transaction: &NewTransaction,
    amount_minor: i64,
    reference: String,
) -> Result<CreatePayment, Wrong> {
    let shop = app.shops.find(&app.reader, transaction.merchant, transaction.register).await?;
    let shop = shop.ok_or_else(|| Wrong::refused("The register is not paired with a terminal. Pair it."))?;
    let currency: Currency = shop.currency;
    Ok(CreatePayment {
        merchant: transaction.merchant,
        location: shop.location,
        register: transaction.register,
        connection: terminal.connection,
        sale: None,
        amount_minor: Some(amount_minor),
        currency,
        is_two_step: false,
        reference,
        is_scanned: false,
    })
}

fn status(app: &App, terminal: &Terminal) -> Inquiry {
    let is_seen = terminal.last_seen_at.is_some_and(|at| app.clock.now() <= at.plus_ms(SEEN_MS));
    if is_seen { Inquiry::Ready } else { Inquiry::Offline }
}

/// The payment that is given back: `TransactionReference`, or the sale that `SaleData` says it is a return for. The protocol's own
/// refund names nothing and leaves the card to the terminal; this hub gives money back only where it came from.
async fn sold(app: &App, transaction: &NewTransaction, form: &Form, note: &Note) -> Result<PaymentId, Wrong> {
    if let Some(reference) = form.find("TransactionReference") {
        return earlier(app, transaction, Some(reference)).await;
    }
    let Some(sale) = &note.return_for else {
        return Err(Wrong::refused(
            "A refund says what it is for: SaleData with returnFor, the saleId of the sale, or TransactionReference, its transactionId.",
        ));
    };
    let found = app.reader.list_transactions_of_sale(transaction.merchant, sale).await?;
    let sold = found.iter().find(|found| is_charge(found.kind)).and_then(payment_of);
    sold.ok_or_else(|| Wrong::refused("No transaction of this hub has the saleId that SaleData names in returnFor."))
}

const fn is_charge(kind: TransactionType) -> bool {
    matches!(
        kind,
        TransactionType::CardPurchase
            | TransactionType::CardPurchasePlusCash
            | TransactionType::CardCashAdvance
            | TransactionType::CardAuthorise
            | TransactionType::QrMerchantPurchase
            | TransactionType::QrConsumerPurchase
    )
}

const fn payment_of(transaction: &Transaction) -> Option<PaymentId> {
    match transaction.about {
        About::Money(operation) => Some(operation.payment),
        About::Earlier(_) | About::Known(_) => None,
    }
}

/// The payment of the merchant's transaction of this `transactionId`.
async fn earlier(app: &App, transaction: &NewTransaction, reference: Option<&str>) -> Result<PaymentId, Wrong> {
    let missing = || Wrong::refused("The field TransactionReference is the transactionId of the earlier transaction.");
    let id =
        reference.and_then(|text| Uuid::try_parse(text).ok()).map(SmartconnectId::from_uuid).ok_or_else(missing)?;
    let found = app.reader.find_smartconnect_transaction(transaction.merchant, id).await?;
    found.as_ref().and_then(payment_of).ok_or_else(missing)
}

/// `SaleData`, `{"version":"1.0.0","saleData":{…}}`: kept for the transaction's own result, without what tells of a customer.
fn read_note(form: &Form) -> Result<Note, Wrong> {
    let Some(text) = form.find("SaleData") else { return Ok(Note { sale_id: None, return_for: None, kept: None }) };
    let invalid = || {
        Wrong::refused("The field SaleData is JSON: {\"version\":\"1.0.0\",\"saleData\":{…}}, without card numbers.")
    };
    if text.len() > NOTE_BYTES_MAX || guard::looks_like_card_number(text) || text.contains("\\u0000") {
        return Err(invalid());
    }
    let mut value: Value = serde_json::from_str(text).map_err(|_| invalid())?;
    let sale = value.get_mut("saleData").and_then(Value::as_object_mut).ok_or_else(invalid)?;
    for personal in ["customerId", "customerName", "userName"] {
        sale.remove(personal);
    }
    let id = |name: &str| {
        let text = sale.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        text.map(|text| text.chars().take(SALE_ID_CHARS_MAX).collect::<String>())
    };
    Ok(Note { sale_id: id("saleId"), return_for: id("returnFor"), kept: Some(value.to_string()) })
}

/// The POS's own reference, cut to what a payment keeps.
pub fn reference(text: &str) -> String {
    text.chars().take(REFERENCE_CHARS_MAX).collect()
}
