//! Pairing a terminal with a register, by the code that it shows or by order, and ending it.

use super::history::Why;
use super::join::{Manner, join, part};
use super::{Refusal, Terminal, find_terminal};
use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role};
use crate::id::{RegisterId, TerminalId};
use crate::operator::require_register;
use crate::work::{Key, Stop, UnitOfWork};

/// Pairs the terminal that shows a code with the register at which it is typed.
#[derive(Debug, Clone)]
pub struct PairTerminal {
    /// The terminal that shows the code, as the hub found it.
    pub terminal: TerminalId,
    /// The keyed hash of the code.
    pub code: Vec<u8>,
    /// The register.
    pub register: RegisterId,
}

impl Command for PairTerminal {
    type Reply = Terminal;

    fn name(&self) -> &'static str {
        "terminal.pair"
    }

    fn keys(&self) -> Vec<Key> {
        keys_of(self.terminal, self.register)
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Terminal, Stop<command::Refusal>> {
        require_role(call, Role::Cashier)?;
        check_register(work, call, self.register)?;
        let terminal = take_code(work, call, self.terminal, &self.code)?;
        join(work, call, terminal, self.register, Manner::ByKey)
    }
}

/// Pairs a terminal with a register without a code: somebody who may knows both.
#[derive(Debug, Clone)]
pub struct MoveTerminal {
    /// Which terminal.
    pub terminal: TerminalId,
    /// Which register it takes payments for from now on.
    pub register: RegisterId,
}

impl Command for MoveTerminal {
    type Reply = Terminal;

    fn name(&self) -> &'static str {
        "terminal.move"
    }

    fn keys(&self) -> Vec<Key> {
        keys_of(self.terminal, self.register)
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Terminal, Stop<command::Refusal>> {
        require_role(call, Role::Manager)?;
        check_register(work, call, self.register)?;
        let terminal = find_terminal(work, call.merchant, self.terminal)?;
        terminal.enrolled()?;
        join(work, call, terminal, self.register, Manner::Ordered)
    }
}

/// Ends the pairing of a terminal.
#[derive(Debug, Clone)]
pub struct UnpairTerminal {
    /// Which terminal.
    pub terminal: TerminalId,
}

impl Command for UnpairTerminal {
    type Reply = Terminal;

    fn name(&self) -> &'static str {
        "terminal.unpair"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Terminal(self.terminal)]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Terminal, Stop<command::Refusal>> {
        require_role(call, Role::Manager)?;
        let terminal = find_terminal(work, call.merchant, self.terminal)?;
        let paired = terminal.pairing.ok_or(Refusal::NotPaired)?;
        work.require([Key::Terminal(self.terminal), Key::Register(paired.register), Key::Pairing(paired.register)])?;
        part(work, call, terminal, Why::Asked)
    }
}

/// The place beside the register is named once both are known to be the merchant's: what is refused brings no row into being.
fn keys_of(terminal: TerminalId, register: RegisterId) -> Vec<Key> {
    vec![Key::Register(register), Key::Terminal(terminal)]
}

fn check_register(work: &UnitOfWork, call: &Call<'_>, register: RegisterId) -> Result<(), Stop<command::Refusal>> {
    work.registers.find(call.merchant, &register).ok_or_else(|| not_found("register", register))?;
    require_register(call, register)?;
    Ok(())
}

/// The terminal that shows the code, which is used up by this. Nothing is written yet.
pub(crate) fn take_code(
    work: &UnitOfWork,
    call: &Call<'_>,
    terminal: TerminalId,
    code: &[u8],
) -> Result<Terminal, Stop<command::Refusal>> {
    // Another merchant's terminal is one that shows another code: who guesses is told no more.
    let shown = work.terminals.find(call.merchant, &terminal).cloned();
    let mut terminal = shown.ok_or(Refusal::PairingCodeWrong)?;
    let offer = terminal.offer.take().filter(|offer| offer.code == code).ok_or(Refusal::PairingCodeWrong)?;
    if offer.until <= call.now {
        return Err(Refusal::PairingCodeExpired.into());
    }
    terminal.enrolled()?;
    Ok(terminal)
}
