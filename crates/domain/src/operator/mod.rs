//! Who works at a register: an operator with a role and a PIN. Of the PIN only a slow, salted, peppered hash is kept, and
//! each try at it is counted before it is looked at, so that nobody has more tries by asking in parallel.

mod change;
mod create;
mod refusal;
mod sign_in;

pub use change::UpdateOperator;
pub use create::CreateOperator;
pub use refusal::Refusal;
pub use sign_in::{BeginSignIn, EndSignIn, SignIn};

use std::fmt;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::call::{Call, Role};
use crate::command::{self, not_found};
use crate::guard;
use crate::id::{LocationId, MerchantId, OperatorId, RegisterId};
use crate::merchant;
use crate::text;
use crate::time::Timestamp;
use crate::work::{Stop, UnitOfWork};

/// Longest name, in characters: a line of a receipt.
pub const NAME_CHARS_MAX: usize = 50;
/// Longest code, in characters: it is typed at a register.
pub const CODE_CHARS_MAX: usize = 12;
/// Longest text on a badge, in characters: what scanners read in one go.
pub const BADGE_CHARS_MAX: usize = 64;
/// How many digits a PIN has.
pub const PIN_DIGITS: RangeInclusive<usize> = 4..=8;
/// Wrong PINs in a row until the operator is locked.
pub const ATTEMPTS_MAX: u32 = 5;
/// How long the first lock lasts; each further one twice as long as the one before.
pub const LOCK_MS: i64 = 15 * 60 * 1_000;
/// The longest lock: with five tries a day a PIN of four digits stands for years.
pub const LOCK_MS_MAX: i64 = 24 * 60 * 60 * 1_000;

/// Who works at a register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    /// Its id.
    pub id: OperatorId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// What is typed to say who one is; unique within the merchant.
    pub code: String,
    /// The name, as the register shows it.
    pub name: String,
    /// What the operator may do.
    pub role: OperatorRole,
    /// The hash of the PIN.
    pub pin: PinHash,
    /// What the operator's badge says, in place of the code; unique within the merchant. It never stands for the PIN.
    pub badge: Option<String>,
    /// Whether the operator may sign in.
    pub is_active: bool,
    /// Tries at the PIN since the last right one.
    pub attempts: u32,
    /// Until when no PIN is looked at.
    pub locked_until: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Row version.
    pub version: i64,
}

impl Operator {
    /// Until when no PIN is looked at, if that is still to come.
    pub fn lock(&self, now: Timestamp) -> Option<Timestamp> {
        self.locked_until.filter(|until| now < *until)
    }
}

/// What an operator may do: a part of the roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OperatorRole {
    /// Sells and takes payments.
    Cashier,
    /// Refunds, voids, overrides, keeps articles and stock.
    Manager,
}

impl OperatorRole {
    /// The role that it is.
    pub const fn role(self) -> Role {
        match self {
            Self::Cashier => Role::Cashier,
            Self::Manager => Role::Manager,
        }
    }

    /// The word in the database and in the API.
    pub const fn as_str(self) -> &'static str {
        self.role().as_str()
    }

    /// The role of that name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Cashier, Self::Manager].into_iter().find(|role| role.as_str() == text)
    }
}

/// The hash of a PIN, in the words of whoever made it. It is not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct PinHash(String);

impl PinHash {
    /// What was made of a PIN.
    pub const fn new(words: String) -> Self {
        Self(words)
    }

    /// To compare a PIN with.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PinHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Whether a text can be a PIN.
pub fn is_pin(text: &str) -> bool {
    PIN_DIGITS.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Who signed in, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignedIn {
    /// Who.
    pub operator: OperatorId,
    /// At which register; what is done at another is not this person's.
    pub register: RegisterId,
}

/// Goes on only if nobody is signed in, or at this register.
pub(crate) fn require_register(call: &Call<'_>, register: RegisterId) -> Result<(), Refusal> {
    match call.actor.operator {
        Some(signed_in) if signed_in.register != register => Err(Refusal::Elsewhere),
        Some(_) | None => Ok(()),
    }
}

/// Goes on only if the merchant has the register, it stands at the location, and nobody is signed in at another one.
pub(crate) fn require_register_at(
    work: &UnitOfWork,
    call: &Call<'_>,
    register: RegisterId,
    location: LocationId,
) -> Result<(), Stop<command::Refusal>> {
    let found = work.registers.find(call.merchant, &register).ok_or_else(|| not_found("register", register))?;
    require_register(call, register)?;
    if found.location == location { Ok(()) } else { Err(merchant::Refusal::RegisterElsewhere.into()) }
}

/// The merchant's operator.
fn find_operator(work: &UnitOfWork, merchant: MerchantId, id: OperatorId) -> Result<&Operator, Stop<command::Refusal>> {
    work.operators.find(merchant, &id).ok_or_else(|| not_found("operator", id))
}

/// Puts a changed operator in the place of the one that was loaded.
fn store(work: &mut UnitOfWork, changed: Operator) -> Result<Operator, Stop<command::Refusal>> {
    let id = changed.id;
    work.operators.replace(changed).cloned().ok_or_else(|| not_found("operator", id))
}

/// A code in its one spelling: upper case.
pub fn parse_code(text: &str) -> Result<String, Refusal> {
    let is_code = (1..=CODE_CHARS_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if is_code { Ok(text.to_ascii_uppercase()) } else { Err(Refusal::CodeInvalid) }
}

fn check_name(name: &str) -> Result<(), Refusal> {
    if !text::is_line(name, NAME_CHARS_MAX) {
        return Err(Refusal::NameInvalid);
    }
    if guard::looks_like_card_number(name) { Err(Refusal::TextLooksLikeCardNumber) } else { Ok(()) }
}

fn check_badge(badge: &str) -> Result<(), Refusal> {
    let is_badge = (1..=BADGE_CHARS_MAX).contains(&badge.len()) && badge.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_badge {
        return Err(Refusal::BadgeInvalid);
    }
    // A shop that gives out bank cards for badges is told now, not when they are stolen.
    if guard::looks_like_card_number(badge) { Err(Refusal::TextLooksLikeCardNumber) } else { Ok(()) }
}
