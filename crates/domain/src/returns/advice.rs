//! What the cashier is told of a return.

use super::Standing;

/// What to show at the register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advice {
    /// A stable code for what to do now.
    pub next_action: &'static str,
    /// For the cashier, in English.
    pub sentence_en: &'static str,
    /// For the cashier, in Japanese.
    pub sentence_ja: &'static str,
}

impl Standing {
    /// What to tell the cashier. Money that is on its way back is never called failed: a cashier who reads "failed" gives
    /// it back again.
    pub fn advice(&self) -> Advice {
        match (self.due_minor, self.has_pending()) {
            (..0, _) => ask_manager(),
            (0, true) => wait(),
            (0, false) => done(),
            (1.., _) => give_back(),
        }
    }
}

const fn done() -> Advice {
    Advice {
        next_action: "none",
        sentence_en: "The money for the returned goods has gone back.",
        sentence_ja: "返品分の返金は完了しました。",
    }
}

const fn wait() -> Advice {
    Advice {
        next_action: "wait",
        sentence_en: "The refund is on its way or being checked. Do not give the money back again.",
        sentence_ja: "返金を処理または確認しています。重ねて返金しないでください。",
    }
}

const fn give_back() -> Advice {
    Advice {
        next_action: "give_back",
        sentence_en: "The customer is still owed money. Give back what is due, no more.",
        sentence_ja: "お客様への返金が残っています。未返金の金額だけを返金してください。",
    }
}

const fn ask_manager() -> Advice {
    Advice {
        next_action: "ask_manager",
        sentence_en: "More has gone back than the goods were worth. Ask a manager.",
        sentence_ja: "返品の金額より多く返金されています。責任者を呼んでください。",
    }
}
