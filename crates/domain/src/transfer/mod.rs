//! Transfers: goods on their way from one location of a merchant to another. What is sent leaves the first shelf at once and is in
//! transit until it is received, at once or piece by piece, or until somebody says what became of the rest. What lies at the
//! two locations, what is in transit and what was written off on the way add up to the same before and after every step.

mod change;
mod close;
mod open;
mod receive;
mod refusal;
mod send;
#[cfg(test)]
mod story;

pub use change::ChangeTransfer;
pub use close::{CancelTransfer, CloseTransfer};
pub use open::OpenTransfer;
pub use receive::ReceiveTransfer;
pub use refusal::Refusal;
pub use send::SendTransfer;

use serde::Serialize;
use uuid::Uuid;

use crate::article::ArticleRef;
use crate::call::Call;
use crate::command::{self, not_found};
use crate::guard;
use crate::id::{ArticleId, LocationId, MerchantId, TransferId};
use crate::metadata::Metadata;
use crate::money::Quantity;
use crate::stock::WriteOffReason;
use crate::time::Timestamp;
use crate::work::{Key, Stop, UnitOfWork};

/// Most lines of one transfer: each step writes its line, its level, its movement and an event where a threshold is crossed.
pub const LINES_MAX: usize = 500;
/// Longest note, in characters: a line or two.
pub const NOTE_CHARS_MAX: usize = 200;
/// Longest reason, in characters: a sentence or two.
pub const REASON_CHARS_MAX: usize = 500;

/// The head of a transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// Its id.
    pub id: TransferId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// Where the goods leave.
    pub from: LocationId,
    /// Where they arrive.
    pub to: LocationId,
    /// What it is for, in the merchant's words.
    pub note: String,
    /// Where it stands.
    pub state: State,
    /// How its lines stand.
    pub tally: Tally,
    /// What a person said of what never came; empty where nothing was said.
    pub reason: String,
    /// What a vendor notes on it.
    pub metadata: Metadata,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// Row version.
    pub version: i64,
}

/// How many lines stand how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Lines with something to send.
    pub lines: i64,
    /// Of those, how many have something in transit.
    pub in_transit: i64,
    /// Of those, of how many something never came.
    pub missing: i64,
}

/// Where a transfer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It is put together. No stock is touched.
    Draft,
    /// It is on its way, all of it or what has not been received yet.
    Sent {
        /// Since when.
        at: Timestamp,
    },
    /// Nothing is in transit any more.
    Closed {
        /// When it was sent.
        sent_at: Timestamp,
        /// Since when it is closed.
        at: Timestamp,
        /// What became of what never came; none where all came.
        fate: Option<Fate>,
    },
    /// It was given up before it was sent.
    Cancelled {
        /// Since when.
        at: Timestamp,
    },
}

impl State {
    /// The words of all states.
    pub const WORDS: [&str; 4] = ["draft", "sent", "closed", "cancelled"];

    /// The word in the database and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Sent { .. } => "sent",
            Self::Closed { .. } => "closed",
            Self::Cancelled { .. } => "cancelled",
        }
    }

    /// When it was sent, if it was.
    pub const fn sent_at(self) -> Option<Timestamp> {
        match self {
            Self::Sent { at } | Self::Closed { sent_at: at, .. } => Some(at),
            Self::Draft | Self::Cancelled { .. } => None,
        }
    }

    /// When it came to its end, if it has.
    pub const fn ended_at(self) -> Option<Timestamp> {
        match self {
            Self::Closed { at, .. } | Self::Cancelled { at } => Some(at),
            Self::Draft | Self::Sent { .. } => None,
        }
    }

    /// What became of what never came, where that was said.
    pub const fn fate(self) -> Option<Fate> {
        if let Self::Closed { fate, .. } = self { fate } else { None }
    }
}

/// What became of goods that were sent and never came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// They are gone: they count as arrived and are written off there.
    WrittenOff(WriteOffReason),
    /// They lie where they came from again.
    BroughtBack,
}

impl Fate {
    /// The word in the database and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WrittenOff(_) => "written_off",
            Self::BroughtBack => "brought_back",
        }
    }

    /// The fate of that name; what is written off has a reason, and nothing else has.
    pub fn parse(text: &str, why: Option<WriteOffReason>) -> Option<Self> {
        match (text, why) {
            ("written_off", Some(why)) => Some(Self::WrittenOff(why)),
            ("brought_back", None) => Some(Self::BroughtBack),
            _ => None,
        }
    }

    /// Why it was written off.
    pub const fn write_off_reason(self) -> Option<WriteOffReason> {
        if let Self::WrittenOff(why) = self { Some(why) } else { None }
    }
}

/// One article of a transfer. The lock of the head covers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferLine {
    /// Of which transfer.
    pub transfer: TransferId,
    /// What.
    pub article: ArticleId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// How much is to be sent, and was once it is sent; zero where it was taken out of the draft.
    pub quantity: Quantity,
    /// How much has arrived.
    pub received: Quantity,
    /// How much never came, once somebody said so.
    pub missing: Quantity,
    /// Row version.
    pub version: i64,
}

impl TransferLine {
    /// What is on its way in a transfer that stands so.
    pub const fn in_transit(&self, state: State) -> Quantity {
        match state {
            State::Sent { .. } | State::Closed { .. } => {
                Quantity(self.quantity.0.saturating_sub(self.received.0).saturating_sub(self.missing.0))
            }
            State::Draft | State::Cancelled { .. } => Quantity::ZERO,
        }
    }
}

/// A transfer with its lines, by article; those that were taken out of the draft are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WholeTransfer {
    /// The head.
    pub transfer: Transfer,
    /// The lines.
    pub lines: Vec<TransferLine>,
}

/// How much of an article a request names.
#[derive(Debug, Clone)]
pub struct NewTransferLine {
    /// What.
    pub article: ArticleRef,
    /// How much.
    pub quantity: Quantity,
}

/// The merchant's transfer, which the command has named.
fn find(work: &UnitOfWork, merchant: MerchantId, id: TransferId) -> Result<Transfer, Stop<command::Refusal>> {
    work.require([Key::Transfer(id)])?;
    work.transfers.find(merchant, &id).cloned().ok_or_else(|| not_found("transfer", id))
}

/// The same, if nothing has left yet.
fn find_draft(work: &UnitOfWork, merchant: MerchantId, id: TransferId) -> Result<Transfer, Stop<command::Refusal>> {
    let transfer = find(work, merchant, id)?;
    if transfer.state == State::Draft { Ok(transfer) } else { Err(Refusal::NotDraft { state: transfer.state }.into()) }
}

/// The same, if it is on its way, with the instant since when.
fn find_sent(
    work: &UnitOfWork,
    merchant: MerchantId,
    id: TransferId,
) -> Result<(Transfer, Timestamp), Stop<command::Refusal>> {
    let transfer = find(work, merchant, id)?;
    match transfer.state {
        State::Sent { at } => Ok((transfer, at)),
        state => Err(Refusal::NotSent { state }.into()),
    }
}

/// The lines of a transfer that carry something, by article.
fn lines_of(work: &UnitOfWork, merchant: MerchantId, id: TransferId) -> impl Iterator<Item = &TransferLine> {
    let (first, last) = (ArticleId::from_uuid(Uuid::nil()), ArticleId::from_uuid(Uuid::max()));
    let lines = work.transfer_lines.range(merchant, (id, first)..=(id, last));
    lines.filter(|line| line.quantity > Quantity::ZERO)
}

/// Puts a changed head in the place of the one that was loaded, and gives it with its lines.
fn store(work: &mut UnitOfWork, changed: Transfer) -> Result<WholeTransfer, Stop<command::Refusal>> {
    let id = changed.id;
    let transfer = work.transfers.replace(changed).cloned().ok_or_else(|| not_found("transfer", id))?;
    let lines = lines_of(work, transfer.merchant, id).cloned().collect();
    Ok(WholeTransfer { transfer, lines })
}

/// Which articles a request names, each once, with how much of each; all of them are loaded.
fn named(
    work: &UnitOfWork,
    call: &Call<'_>,
    lines: &[NewTransferLine],
) -> Result<Vec<(ArticleId, Quantity)>, Stop<command::Refusal>> {
    let articles = lines.iter().map(|line| line.article.find(work, call.merchant));
    let articles = articles.collect::<Result<Vec<_>, _>>()?;
    work.require(articles.iter().map(|article| Key::Article(*article)))?;
    let mut named: Vec<(ArticleId, Quantity)> = Vec::with_capacity(lines.len());
    for (article, line) in articles.into_iter().zip(lines) {
        work.articles.find(call.merchant, &article).ok_or_else(|| not_found("article", article))?;
        if named.iter().any(|(other, _)| *other == article) {
            return Err(Refusal::ArticleRepeated { article }.into());
        }
        named.push((article, line.quantity));
    }
    Ok(named)
}

/// What tells which articles the lines of a request name.
fn article_keys(merchant: MerchantId, lines: &[NewTransferLine]) -> impl Iterator<Item = Key> {
    lines.iter().take(LINES_MAX).filter_map(move |line| line.article.key(merchant))
}

/// What has to be loaded before these articles move at a location.
fn shelf_keys(location: LocationId, articles: impl IntoIterator<Item = ArticleId>) -> impl Iterator<Item = Key> {
    let of_article = move |article| [Key::Article(article), Key::StockLevel(location, article)];
    std::iter::once(Key::Location(location)).chain(articles.into_iter().flat_map(of_article))
}

fn check_line_count(lines: &[NewTransferLine]) -> Result<(), Refusal> {
    if (1..=LINES_MAX).contains(&lines.len()) { Ok(()) } else { Err(Refusal::LineCountOutOfRange) }
}

fn check_note(note: &str) -> Result<(), Refusal> {
    if note.chars().count() > NOTE_CHARS_MAX {
        return Err(Refusal::NoteTooLong);
    }
    if guard::looks_like_card_number(note) { Err(Refusal::TextLooksLikeCardNumber) } else { Ok(()) }
}

/// One line, as an event tells it.
#[derive(Serialize)]
struct LineFact {
    article: ArticleId,
    quantity: Quantity,
}

impl From<(ArticleId, Quantity)> for LineFact {
    fn from((article, quantity): (ArticleId, Quantity)) -> Self {
        Self { article, quantity }
    }
}
