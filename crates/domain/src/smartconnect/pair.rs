//! Pairing a register that goes by name. A name that is new is given a register of ours, at the shop of the terminal.

use serde::Serialize;

use super::Refusal;
use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role};
use crate::exception;
use crate::guard;
use crate::id::{MerchantId, RegisterId, TerminalId};
use crate::merchant::Register;
use crate::terminal::{Manner, Terminal, join, take_code};
use crate::text;
use crate::time::Timestamp;
use crate::work::{Key, Stop, UnitOfWork};

/// Longest id or name that POS software gives, in characters; a GUID has 36.
pub const TEXT_CHARS_MAX: usize = 100;
/// Digits of the register's id in its name: enough that no two of a merchant are alike.
const NAME_DIGITS: usize = 10;

/// What POS software calls a register, the same in each request: `POSRegisterID`, `POSBusinessName`, `POSVendorName`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PosIdentity {
    /// The id that the vendor gives the register, unique among all of the vendor's.
    pub register: String,
    /// The store.
    pub business: String,
    /// The maker of the POS software.
    pub vendor: String,
}

/// A register that goes by name, and the register of ours that it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PosRegister {
    /// The register of ours.
    pub register: RegisterId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// What it goes by.
    pub identity: PosIdentity,
    /// What people call it; may be another at each pairing.
    pub name: String,
    /// When it was paired first.
    pub created_at: Timestamp,
    /// Row version.
    pub version: i64,
}

/// Pairs the terminal that shows a code with a register that goes by name.
#[derive(Debug, Clone)]
pub struct PairPosRegister {
    /// The merchant of the terminal.
    pub merchant: MerchantId,
    /// The terminal that shows the code, as the hub found it.
    pub terminal: TerminalId,
    /// The keyed hash of the code.
    pub code: Vec<u8>,
    /// What the register goes by.
    pub identity: PosIdentity,
    /// What people call it.
    pub name: String,
    /// The register of ours that it is, if it was paired before.
    pub known: Option<RegisterId>,
    /// The merchant's registers that go by the same id and vendor, and another business.
    pub namesakes: Vec<RegisterId>,
}

impl Command for PairPosRegister {
    type Reply = Terminal;

    fn name(&self) -> &'static str {
        "smartconnect.pair"
    }

    fn keys(&self) -> Vec<Key> {
        let known = self.known.iter().flat_map(|id| [Key::Register(*id), Key::PosRegister(*id), Key::Pairing(*id)]);
        let namesakes =
            self.namesakes.iter().flat_map(|id| [Key::PosRegister(*id), Key::Pairing(*id), Key::Register(*id)]);
        known.chain(namesakes).chain([Key::Terminal(self.terminal)]).collect()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Terminal, Stop<command::Refusal>> {
        require_role(call, Role::Cashier)?;
        self.check()?;
        let terminal = take_code(work, call, self.terminal, &self.code)?;
        work.require(terminal.pairing.map(|paired| Key::Pairing(paired.register)))?;
        let register = match self.known {
            Some(known) => self.call_known(work, call, known)?,
            None => self.open(work, call, &terminal),
        };
        let paired = join(work, call, terminal, register, Manner::ByName)?;
        self.tell_namesakes(work, call, &paired);
        Ok(paired)
    }

    fn unique_refusal(&self, constraint: &str) -> Option<command::Refusal> {
        (constraint == "pos_register_identity").then_some(command::Refusal::Smartconnect(Refusal::RegisterTaken))
    }
}

/// `smartconnect.register_opened`.
#[derive(Serialize)]
struct Opened<'a> {
    pos_register: &'a str,
    business: &'a str,
    vendor: &'a str,
}

impl PairPosRegister {
    fn check(&self) -> Result<(), Refusal> {
        let PosIdentity { register, business, vendor } = &self.identity;
        for text in [register, business, vendor, &self.name] {
            if !text::is_line(text, TEXT_CHARS_MAX) {
                return Err(Refusal::TextInvalid);
            }
            if guard::looks_like_card_number(text) {
                return Err(Refusal::TextLooksLikeCardNumber);
            }
        }
        Ok(())
    }

    /// The register that it was before, called as it is now.
    fn call_known(
        &self,
        work: &mut UnitOfWork,
        call: &Call<'_>,
        known: RegisterId,
    ) -> Result<RegisterId, Stop<command::Refusal>> {
        let found = work.pos_registers.find(call.merchant, &known).ok_or_else(|| not_found("register", known))?;
        if found.name != self.name
            && let Some(changed) = work.pos_registers.find_mut(call.merchant, &known)
        {
            changed.name.clone_from(&self.name);
        }
        Ok(known)
    }

    /// A register of ours for a name that is new, with an empty place for its terminal.
    fn open(&self, work: &mut UnitOfWork, call: &mut Call<'_>, terminal: &Terminal) -> RegisterId {
        let (id, merchant) = (RegisterId::from_uuid(call.next_uuid()), call.merchant);
        let digits = id.uuid().simple().to_string();
        let name = format!("SC-{}", digits.get(digits.len().saturating_sub(NAME_DIGITS)..).unwrap_or(&digits));
        work.registers.insert(Register { id, merchant, location: terminal.location, name, version: 1 });
        let PosIdentity { register, business, vendor } = &self.identity;
        let told = Opened { pos_register: register, business, vendor };
        work.emit(call, "smartconnect.register_opened", id, &told);
        work.pos_registers.insert(PosRegister {
            register: id,
            merchant,
            identity: self.identity.clone(),
            name: self.name.clone(),
            created_at: call.now,
            version: 1,
        });
        work.pairings.insert(crate::terminal::Pairing::empty(id, merchant));
        for key in [Key::Register(id), Key::Pairing(id), Key::PosRegister(id)] {
            work.set_known(key);
        }
        id
    }

    /// One id under two businesses: a store that was renamed, or two registers with one id.
    fn tell_namesakes(&self, work: &mut UnitOfWork, call: &mut Call<'_>, paired: &Terminal) {
        let other = self.namesakes.iter().find_map(|id| {
            let namesake = work.pos_registers.find(call.merchant, id)?.identity.business.clone();
            let place = work.pairings.find(call.merchant, id)?.terminal;
            Some((namesake, place?))
        });
        let Some((business, terminal)) = other else { return };
        let reason = format!(
            "A register of one id is paired under two businesses: {} with the terminal {} ({}), and {business} with {terminal}. If the \
             store was renamed, unpair {terminal}; else give each register its own id.",
            self.identity.business, paired.name, paired.id,
        );
        exception::open(work, call, paired.id, exception::Kind::RegisterClash, reason, 0);
    }
}
