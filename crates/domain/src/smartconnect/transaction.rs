//! What a register that goes by name has asked for. The protocol's types, as the integrators' pages list them.

use crate::id::{MerchantId, OperationId, RegisterId, SmartconnectId, TerminalId};
use crate::time::Timestamp;

/// How long the token of a polling URL opens, in milliseconds: 15 minutes after the request, as integrators measured it.
pub const TOKEN_MS: i64 = 15 * 60 * 1_000;
/// How long a transaction can be read, in milliseconds: 180 days, as long as the original keeps its records.
pub const TRANSACTIONS_KEPT_MS: i64 = 180 * 24 * 60 * 60 * 1_000;
/// Largest `SaleData` that is kept, in bytes: a sale of fifty lines with all that they may say.
pub const NOTE_BYTES_MAX: usize = 32 * 1_024;
/// Longest id of a sale in `SaleData`, in characters.
pub const SALE_ID_CHARS_MAX: usize = 100;

/// One transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// Its id.
    pub id: SmartconnectId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// The register of ours that asked.
    pub register: RegisterId,
    /// The terminal that was paired with it.
    pub terminal: TerminalId,
    /// What was asked.
    pub kind: TransactionType,
    /// `AmountTotal`, or what stands in its place, in minor units; `None` where no money is asked for.
    pub amount_minor: Option<i64>,
    /// `AmountCash`, in minor units: a part of the amount.
    pub cash_minor: Option<i64>,
    /// What answers it.
    pub about: About,
    /// The id of the sale, as `SaleData` says it.
    pub sale_id: Option<String>,
    /// `SaleData`, without what tells of a customer.
    pub sale_data: Option<String>,
    /// When it was asked.
    pub created_at: Timestamp,
    /// Row version.
    pub version: i64,
}

/// What a transaction is answered from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// An operation of a payment.
    Money(OperationId),
    /// Another transaction of the terminal: the last one, if there was any.
    Earlier(Option<SmartconnectId>),
    /// What was known of the terminal in that moment.
    Known(Inquiry),
}

/// What was known in that moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inquiry {
    /// The terminal was there.
    Ready,
    /// It was not heard of lately.
    Offline,
    /// The terminals of this hub do not do what was asked.
    Unavailable,
}

/// What the wished answer is about, before it is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// Another transaction, or none.
    Earlier(Option<SmartconnectId>),
    /// What is known.
    Known(Inquiry),
}

impl Inquiry {
    const ALL: [Self; 3] = [Self::Ready, Self::Offline, Self::Unavailable];

    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Offline => "offline",
            Self::Unavailable => "unavailable",
        }
    }

    /// The answer of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|inquiry| inquiry.as_str() == text)
    }
}

/// `TransactionType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionType {
    /// Charge a card.
    CardPurchase,
    /// Give back to a card.
    CardRefund,
    /// Charge a card for more than was bought; the rest is given in cash.
    CardPurchasePlusCash,
    /// Charge a card; all of it is given in cash.
    CardCashAdvance,
    /// Promise of funds.
    CardAuthorise,
    /// Take what was promised.
    CardFinalise,
    /// The terminal shows a code.
    QrMerchantPurchase,
    /// The customer shows a code.
    QrConsumerPurchase,
    /// Give back to a wallet.
    QrRefund,
    /// Sign on at the acquirer.
    AcquirerLogon,
    /// Totals of the day.
    AcquirerSettlementInquiry,
    /// End of the day.
    AcquirerSettlementCutover,
    /// The receipt of the last transaction.
    JournalReprintReceipt,
    /// The result of the terminal's last transaction.
    JournalGetTransResult,
    /// Whether the terminal is there.
    TerminalGetStatus,
    /// Read a card without charging it.
    TerminalReadCard,
}

impl TransactionType {
    const ALL: [Self; 16] = [
        Self::CardPurchase,
        Self::CardRefund,
        Self::CardPurchasePlusCash,
        Self::CardCashAdvance,
        Self::CardAuthorise,
        Self::CardFinalise,
        Self::QrMerchantPurchase,
        Self::QrConsumerPurchase,
        Self::QrRefund,
        Self::AcquirerLogon,
        Self::AcquirerSettlementInquiry,
        Self::AcquirerSettlementCutover,
        Self::JournalReprintReceipt,
        Self::JournalGetTransResult,
        Self::TerminalGetStatus,
        Self::TerminalReadCard,
    ];

    /// The word of the protocol, and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CardPurchase => "Card.Purchase",
            Self::CardRefund => "Card.Refund",
            Self::CardPurchasePlusCash => "Card.PurchasePlusCash",
            Self::CardCashAdvance => "Card.CashAdvance",
            Self::CardAuthorise => "Card.Authorise",
            Self::CardFinalise => "Card.Finalise",
            Self::QrMerchantPurchase => "QR.Merchant.Purchase",
            Self::QrConsumerPurchase => "QR.Consumer.Purchase",
            Self::QrRefund => "QR.Refund",
            Self::AcquirerLogon => "Acquirer.Logon",
            Self::AcquirerSettlementInquiry => "Acquirer.Settlement.Inquiry",
            Self::AcquirerSettlementCutover => "Acquirer.Settlement.Cutover",
            Self::JournalReprintReceipt => "Journal.ReprintReceipt",
            Self::JournalGetTransResult => "Journal.GetTransResult",
            Self::TerminalGetStatus => "Terminal.GetStatus",
            Self::TerminalReadCard => "Terminal.ReadCard",
        }
    }

    /// The type of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}
