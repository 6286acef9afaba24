//! The customers of the played WeChat Pay, as the page of all wallets plays them.

use super::ledger::Way;
use super::v3::code_url;
use super::{WeChat, now_ms};
use crate::customer::{Charge, Habit, WAITING_MAX, Waiting, Wallet};

impl Wallet for WeChat {
    fn name(&self) -> &'static str {
        "wechat"
    }

    fn label(&self) -> &'static str {
        "WeChat Pay"
    }

    fn waiting(&self) -> Vec<Waiting> {
        let waiting = self.shared.ledger().waiting(WAITING_MAX, now_ms());
        waiting
            .into_iter()
            .map(|(reference, order)| {
                let shown = matches!(order.way, Way::Shown { .. }).then(|| code_url(&reference));
                let (amount, currency, description) = (order.amount, order.currency, order.description);
                Waiting { reference, amount, currency, description, shown }
            })
            .collect()
    }

    fn approve(&self, reference: &str) -> bool {
        self.pay(reference)
    }

    /// Whoever is asked for a password calls it off. Whoever looks at a shown code goes away: no shop is told of that.
    fn decline(&self, reference: &str) -> bool {
        self.call_off(reference) || self.shared.ledger().leave(reference, now_ms()).is_ok()
    }

    fn customer_code(&self) -> Option<String> {
        let number = self.shared.ledger().next_id();
        // Eighteen digits, and sixteen of them that nobody had before, of this run or another.
        Some(format!("13{:08}{:08}", self.shared.boot % 100_000_000, number % 100_000_000))
    }

    fn habit(&self) -> Option<&Habit> {
        Some(&self.shared.habit)
    }

    fn charges(&self) -> Vec<Charge> {
        let entries = self.ledger().into_iter();
        entries.map(|entry| Charge { reference: entry.number, net_amount: entry.net_amount, held_amount: 0 }).collect()
    }
}
