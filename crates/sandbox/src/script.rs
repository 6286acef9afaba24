//! Which faults were played already, for the played wallets: each is played once for what it spoils, so that the repeat
//! gets through.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use crate::paypay::Fault;

/// The script of one played provider.
#[derive(Debug, Default)]
pub(crate) struct Script {
    played: Mutex<BTreeSet<String>>,
}

impl Script {
    /// The fault that spoils a request before anything is done, if one does.
    pub fn before(&self, fault: Fault, what: &str) -> Fault {
        let is_of_request =
            matches!(fault, Fault::LoseRequest | Fault::Maintenance | Fault::RateLimit | Fault::ClockSkew);
        self.once(is_of_request, fault, what)
    }

    /// The fault that spoils the answer once all is done, if one does.
    pub fn after(&self, fault: Fault, what: &str) -> Fault {
        let is_of_answer = matches!(fault, Fault::LoseReply | Fault::SlowReply | Fault::ErrorAfterCommit);
        self.once(is_of_answer, fault, what)
    }

    fn once(&self, is_played: bool, fault: Fault, what: &str) -> Fault {
        let mut played = self.played.lock().unwrap_or_else(PoisonError::into_inner);
        if is_played && played.insert(format!("{fault:?} {what}")) { fault } else { Fault::None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paypay::FAULTS;

    #[test]
    fn a_fault_is_played_once_for_what_it_spoils() {
        let script = Script::default();
        assert_eq!(script.before(Fault::LoseReply, "a"), Fault::None, "that is one of answers");
        assert_eq!(script.after(Fault::LoseReply, "a"), Fault::LoseReply);
        assert_eq!(script.after(Fault::LoseReply, "a"), Fault::None);
        assert_eq!(script.after(Fault::LoseReply, "b"), Fault::LoseReply);
        assert_eq!(
            (script.before(Fault::ClockSkew, "a"), script.after(Fault::ClockSkew, "b")),
            (Fault::ClockSkew, Fault::None)
        );
    }

    #[test]
    fn the_guide_of_alipay_and_antom_prints_all_faults() {
        let guide = include_str!("../../../docs/guides/alipay.md");
        for row in FAULTS {
            let line = format!("| {} | `{}` |", row.digits, row.name);
            assert!(guide.contains(&line), "the guide lacks: {line}");
        }
    }
}
