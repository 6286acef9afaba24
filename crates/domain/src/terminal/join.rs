//! How a terminal comes to a register, and what has to leave for it.

use serde::Serialize;

use super::history::{Fact, Why, note};
use super::{Paired, Pairing, Refusal, Terminal, find_terminal};
use crate::call::Call;
use crate::command::{self, not_found};
use crate::exception;
use crate::id::{RegisterId, TerminalId};
use crate::time::Timestamp;
use crate::work::{Key, Stop, UnitOfWork};

/// A terminal that comes back within this time, in milliseconds, to the register from which another one displaced it: two
/// registers go by one id. A day, because a register that lost its terminal is paired again when it is next used.
pub const CLASH_MS: i64 = 24 * 60 * 60 * 1_000;

/// How a pairing came about, which says what becomes of a register that alternates between two terminals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// A manager said so, knowing both.
    Ordered,
    /// By a code, from a register with a key of its own: refused.
    ByKey,
    /// By a code, from a register that nobody can tell from another that goes by the same id: done, and a person is told.
    ByName,
}

/// `terminal.paired`.
#[derive(Serialize)]
struct Told {
    register: RegisterId,
}

/// `terminal.unpaired`.
#[derive(Serialize)]
struct Left {
    register: RegisterId,
    why: Why,
}

/// Pairs a terminal with a register. Whatever was paired with either of them before is not any more.
pub(crate) fn join(
    work: &mut UnitOfWork,
    call: &mut Call<'_>,
    terminal: Terminal,
    register: RegisterId,
    manner: Manner,
) -> Result<Terminal, Stop<command::Refusal>> {
    let place = find_place(work, call, &terminal, register)?;
    if place.terminal == Some(terminal.id) {
        return super::store(work, terminal);
    }
    let has_clash = is_clash(&place, &terminal, call);
    if has_clash && manner == Manner::ByKey {
        return Err(Refusal::Alternates { terminal: place.terminal }.into());
    }
    let former = place.terminal;
    let terminal = part(work, call, terminal, Why::Moved)?;
    if let Some(former) = former {
        let former = find_terminal(work, call.merchant, former)?;
        part(work, call, former, Why::Displaced)?;
    }
    let terminal = enter(work, call, terminal, &place, manner)?;
    if let (true, Some(former)) = (has_clash && manner == Manner::ByName, former) {
        tell_clash(work, call, &terminal, former, register);
    }
    Ok(terminal)
}

/// The place beside the register, once all that its change touches is loaded.
fn find_place(
    work: &UnitOfWork,
    call: &Call<'_>,
    terminal: &Terminal,
    register: RegisterId,
) -> Result<Pairing, Stop<command::Refusal>> {
    let mut keys = vec![Key::Register(register), Key::Terminal(terminal.id), Key::Pairing(register)];
    keys.extend(terminal.pairing.map(|paired| Key::Pairing(paired.register)));
    work.require(keys.clone())?;
    let place = work.pairings.find(call.merchant, &register).cloned();
    let place = place.ok_or_else(|| not_found("register", register))?;
    keys.extend(place.terminal.map(Key::Terminal));
    work.require(keys)?;
    Ok(place)
}

fn is_clash(place: &Pairing, terminal: &Terminal, call: &Call<'_>) -> bool {
    let is_recent = |at: Timestamp| call.now <= at.plus_ms(CLASH_MS);
    place.terminal.is_some() && place.displaced.is_some_and(|(id, at)| id == terminal.id && is_recent(at))
}

/// Puts a terminal that has no register into the place.
fn enter(
    work: &mut UnitOfWork,
    call: &mut Call<'_>,
    mut terminal: Terminal,
    place: &Pairing,
    manner: Manner,
) -> Result<Terminal, Stop<command::Refusal>> {
    let register = place.register;
    let found = work.registers.find(call.merchant, &register).ok_or_else(|| not_found("register", register))?;
    terminal.location = found.location;
    terminal.pairing = Some(Paired { register, since: call.now });
    let displaced = place.terminal.filter(|_| manner != Manner::Ordered).map(|former| (former, call.now));
    let changed = Pairing { terminal: Some(terminal.id), displaced, ..place.clone() };
    work.pairings.replace(changed).ok_or_else(|| not_found("register", register))?;
    work.emit(call, "terminal.paired", terminal.id, &Told { register });
    note(work, call, terminal, Fact::Paired(register))
}

/// Takes a terminal away from its register, if it has one. The place of the register is loaded.
pub(super) fn part(
    work: &mut UnitOfWork,
    call: &mut Call<'_>,
    mut terminal: Terminal,
    why: Why,
) -> Result<Terminal, Stop<command::Refusal>> {
    let Some(Paired { register, .. }) = terminal.pairing.take() else { return Ok(terminal) };
    let place = work.pairings.find_mut(call.merchant, &register);
    let place = place.ok_or_else(|| not_found("register", register))?;
    (place.terminal, place.displaced) = (None, None);
    work.emit(call, "terminal.unpaired", terminal.id, &Left { register, why });
    note(work, call, terminal, Fact::Unpaired(register, why))
}

fn tell_clash(
    work: &mut UnitOfWork,
    call: &mut Call<'_>,
    terminal: &Terminal,
    former: TerminalId,
    register: RegisterId,
) {
    let former_name = work.terminals.find(call.merchant, &former).map(|former| former.name.clone()).unwrap_or_default();
    let reason = format!(
        "The register {register} goes to and fro between the terminals {} ({}) and {former_name} ({former}). Two registers seem \
         to use one id: give each its own, and pair both again.",
        terminal.name, terminal.id,
    );
    exception::open(work, call, terminal.id, exception::Kind::RegisterClash, reason, 0);
}
