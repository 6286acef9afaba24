//! The customers of the wallets behind the played Antom, as the page of all wallets plays them. They show a code of their own
//! only.

use super::Antom;
use crate::alipay::customer_code;
use crate::customer::{Charge, Habit, WAITING_MAX, Waiting, Wallet};

impl Wallet for Antom {
    fn name(&self) -> &'static str {
        "antom"
    }

    fn label(&self) -> &'static str {
        "Alipay+ (Antom)"
    }

    fn waiting(&self) -> Vec<Waiting> {
        let waiting = self.shared.ledger().waiting(WAITING_MAX);
        waiting
            .into_iter()
            .map(|(reference, payment)| {
                let (amount, currency, description) = (payment.amount, payment.currency, payment.description);
                Waiting { reference, amount, currency, description, shown: None }
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
        Some(customer_code(self.shared.ledger().next_number()))
    }

    fn habit(&self) -> Option<&Habit> {
        None
    }

    fn charges(&self) -> Vec<Charge> {
        let entries = self.ledger().into_iter();
        entries
            .map(|entry| Charge { reference: entry.reference, net_amount: entry.net_amount, held_amount: 0 })
            .collect()
    }
}
