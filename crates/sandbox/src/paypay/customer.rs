//! The customers of the played PayPay, as the page of all wallets plays them.

use super::wire::code_url;
use super::{PayPay, now};
use crate::customer::{Charge, Habit, WAITING_MAX, Waiting, Wallet};
use crate::shared::boot_number;

/// How the codes of PayPay's customers begin, as far as it is known from their screens.
const CODE_HEAD: &str = "9000818188";

impl Wallet for PayPay {
    fn name(&self) -> &'static str {
        "paypay"
    }

    fn label(&self) -> &'static str {
        "PayPay"
    }

    fn waiting(&self) -> Vec<Waiting> {
        let waiting = self.shared.ledger().waiting(WAITING_MAX, now());
        waiting
            .into_iter()
            .map(|(reference, order)| {
                let shown = order.code.as_ref().map(|code| code_url(code.id));
                let (amount, description) = (order.amount, order.description);
                Waiting { reference, amount, currency: "JPY".to_owned(), description, shown }
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
        let number = self.shared.ledger().next_id();
        // Fourteen digits that nobody had before, of this run or another.
        Some(format!("{CODE_HEAD}{:06}{:08}", boot_number() % 1_000_000, number % 100_000_000))
    }

    fn habit(&self) -> Option<&Habit> {
        Some(&self.shared.habit)
    }

    fn charges(&self) -> Vec<Charge> {
        let entries = self.ledger().into_iter();
        entries
            .map(|entry| Charge {
                reference: entry.reference,
                net_amount: entry.net_amount,
                held_amount: entry.held_amount,
            })
            .collect()
    }
}
