//! The customers of the played Alipay, as the page of all wallets plays them.

use super::Alipay;
use super::wire::code_url;
use crate::clock::now_ms;
use crate::customer::{Charge, Habit, WAITING_MAX, Waiting, Wallet};
use crate::shared::boot_number;

impl Wallet for Alipay {
    fn name(&self) -> &'static str {
        "alipay"
    }

    fn label(&self) -> &'static str {
        "Alipay"
    }

    fn waiting(&self) -> Vec<Waiting> {
        let waiting = self.shared.ledger().waiting(WAITING_MAX, now_ms());
        waiting
            .into_iter()
            .map(|(reference, trade)| {
                let shown = trade.is_shown().then(|| code_url(&trade));
                let (amount, description) = (trade.amount, trade.subject);
                Waiting { reference, amount, currency: "CNY".to_owned(), description, shown }
            })
            .collect()
    }

    fn approve(&self, reference: &str) -> bool {
        self.pay(reference)
    }

    fn decline(&self, reference: &str) -> bool {
        self.call_off(reference)
    }

    fn customer_code(&self) -> Option<String> {
        Some(code(self.shared.ledger().next_number()))
    }

    fn habit(&self) -> Option<&Habit> {
        Some(&self.shared.habit)
    }

    fn charges(&self) -> Vec<Charge> {
        let entries = self.ledger().into_iter();
        entries
            .map(|entry| Charge { reference: entry.reference, net_amount: entry.net_amount, held_amount: 0 })
            .collect()
    }
}

/// Eighteen digits, as the codes of Alipay's customers are: of this run, and with this number.
pub(crate) fn code(number: u64) -> String {
    format!("28{:08}{:08}", boot_number() % 100_000_000, number % 100_000_000)
}
