//! The invariants that one transaction can break, of each record that it touched.

use std::collections::BTreeMap;

use domain::payment::Kind;
use domain::sale::{State as SaleState, TenderState};

use crate::mirror::{
    CONTRADICT, Checked, Deal, Given, LATE_APPROVAL, Mirror, Op, Pay, Stand, Touched, found, id_of, must, payment_text,
    sale_text,
};

impl Mirror {
    pub fn check_payment(&self, payment: u128) -> Checked {
        let Some(pay) = self.payments.get(&payment) else { return Ok(()) };
        let subject = payment_text(payment);
        let is_in_order = 0 <= pay.refunded && pay.refunded <= pay.captured && pay.captured <= pay.approved;
        must!(is_in_order, "I1 refunded <= captured <= approved", subject, "{pay:?}");
        let mut charges = pay.ops.iter().filter(|op| op.kind.is_charge());
        let charge = charges.next();
        must!(charges.next().is_none(), "I1 a charge is asked for once", subject, "two charges: {:?}", pay.ops);
        let Some(charge) = charge else {
            return Err(found("I2 intent first", subject, "a payment without a charge"));
        };
        must!(pay.count == pay.ops.len() as i64, "I2 intent first", subject, "counts {} operations", pay.count);
        self.check_refunds(pay, &subject)?;
        let is_approved = |kind: Kind| pay.ops.iter().any(|op| op.kind == kind && op.stand == Stand::Approved);
        let is_undone = is_approved(Kind::Reversal) || is_approved(Kind::Capture) || is_approved(Kind::Void);
        if pay.state.is_final() && !charge.stand.is_definite() {
            must!(is_undone, "I3 doubt is no end", subject, "{:?} with a charge in doubt", pay.state);
        }
        let open = self.exceptions.get(&subject).copied().unwrap_or(0);
        if pay.is_closed_uncharged && pay.net() > 0 {
            // While the charge is still being undone the other exception is enough.
            let is_told = open & LATE_APPROVAL != 0 || (!pay.state.is_final() && open != 0);
            must!(is_told, "I1 a late approval raises an exception", subject, "{pay:?}");
        }
        if pay.ops.iter().any(|op| op.is_contradicted) {
            must!(open & CONTRADICT != 0, "I3 a contradiction raises an exception", subject, "{pay:?}");
        }
        let has_job = self.jobs.contains_key(&(true, payment));
        must!(pay.state.is_final() || has_job || open != 0, "I11 cared for", subject, "no job, no exception: {pay:?}");
        self.check_reversals(payment, pay, charge)
    }

    pub fn check_refunds(&self, pay: &Pay, subject: &str) -> Checked {
        let is_undone = pay
            .ops
            .iter()
            .any(|op| matches!(op.kind, Kind::Void | Kind::Reversal) && op.stand == Stand::Approved && op.approved > 0);
        if pay.is_disputed() || is_undone {
            return Ok(());
        }
        let refunds = pay.ops.iter().filter(|op| op.kind == Kind::Refund);
        let spent: i64 = refunds
            .map(|op| match op.stand {
                Stand::Approved => op.approved,
                Stand::Refused => 0,
                Stand::Open | Stand::NotFound => op.asked,
            })
            .sum();
        must!(
            spent <= pay.captured,
            "I1 refunds stay within the capture",
            subject,
            "{spent} refunded or on the way of {}: {:?}",
            pay.captured,
            pay.ops
        );
        Ok(())
    }

    /// The machine gives a request the time that the provider may need to show it.
    pub fn check_reversals(&self, payment: u128, pay: &Pay, charge: &Op) -> Checked {
        let Some(conn) = self.connections.get(&pay.connection) else { return Ok(()) };
        if !conn.has_inquiry || self.called_off.contains(&payment) {
            return Ok(());
        }
        for op in pay.ops.iter().filter(|op| op.kind == Kind::Reversal) {
            let age = op.recorded_at - charge.recorded_at;
            must!(
                age >= conn.finality_ms,
                "I3 no reversal before the finality window",
                payment_text(payment),
                "reversed {age} ms after the intent"
            );
        }
        Ok(())
    }

    pub fn check_sale(&mut self, sale: u128) -> Checked {
        let Some(deal) = self.sales.get(&sale) else { return Ok(()) };
        let subject = sale_text(sale);
        let of_state = |state| deal.tenders.values().filter(move |one| one.state == state).map(|one| one.amount);
        let (paid, pending) = (of_state(TenderState::Paid).sum::<i64>(), of_state(TenderState::Pending).sum::<i64>());
        let sold_for: i64 = deal.lines.values().filter(|line| !line.4).map(|line| line.2).sum();
        must!(sold_for == deal.total, "I1 a sale costs what its lines cost", subject, "{deal:?}");
        let has_held = deal.held.values().any(|quantity| *quantity != 0);
        match deal.state {
            SaleState::Open | SaleState::Parked => {
                must!(paid + pending <= deal.total, "I1 nobody pays more than is due", subject, "{deal:?}");
            }
            SaleState::Completed => {
                must!(paid == deal.total && pending == 0, "I1 a completed sale is paid", subject, "{deal:?}");
                must!(!has_held, "I6 a closed sale holds no stock", subject, "{deal:?}");
                let mut sold: BTreeMap<u128, i64> = BTreeMap::new();
                for (article, quantity, _, is_stocked, is_removed) in deal.lines.values() {
                    if *is_stocked && !is_removed {
                        *sold.entry(*article).or_default() -= quantity;
                    }
                }
                for (article, quantity, is_restocked) in deal.backs.values().flat_map(|back| back.lines.values()) {
                    if *is_restocked {
                        *sold.entry(*article).or_default() += quantity;
                    }
                }
                must!(sold == deal.moved, "I6 what is sold leaves the shelf", subject, "{deal:?}");
            }
            SaleState::Voided => {
                must!(paid == 0 && pending == 0, "I1 a voided sale keeps no money", subject, "{deal:?}");
                must!(!has_held, "I6 a closed sale holds no stock", subject, "{deal:?}");
                must!(deal.moved.is_empty(), "I6 what is sold leaves the shelf", subject, "{deal:?}");
            }
        }
        self.check_returns(deal, &subject)?;
        self.check_credits(sale, deal, &subject)?;
        self.check_earned(sale, deal)?;
        for (tender, ten) in &deal.tenders {
            let Some(payment) = ten.payment else { continue };
            let pays = self.payments.get(&payment).and_then(|pay| pay.sale.map(|sale| (sale, pay.tender)));
            must!(pays == Some((sale, *tender)), "I1 one payment a tender", subject, "{deal:?}");
        }
        Ok(())
    }

    /// No more comes back than was sold, and no more goes back than came.
    fn check_returns(&self, deal: &Deal, subject: &str) -> Checked {
        let mut returned: BTreeMap<u32, i64> = BTreeMap::new();
        for (number, (_, quantity, _)) in deal.backs.values().flat_map(|back| &back.lines) {
            *returned.entry(*number).or_default() += quantity;
        }
        for (number, quantity) in returned {
            let sold = deal.lines.get(&number).filter(|line| !line.4).map_or(0, |line| line.1);
            must!(quantity <= sold, "I6 no more comes back than was sold", subject, "{deal:?}");
        }
        let worth: i64 = deal.backs.values().map(|back| back.total).sum();
        let is_over = deal.state == SaleState::Completed;
        must!(worth == 0 || (is_over && worth <= deal.total), "I1 a return is worth no more", subject, "{deal:?}");
        for back in deal.backs.values() {
            let given: i64 = back.refunds.values().map(|given| self.given_minor(given)).sum();
            must!(given <= back.total, "I1 no more goes back than came", subject, "{given} of {back:?}");
        }
        Ok(())
    }

    /// What of a refund is given back, or may be: nothing where its operation was refused, or its sale given up.
    pub fn given_minor(&self, given: &Given) -> i64 {
        let Some(pay) = self.payments.get(&given.by.0) else {
            return if given.is_released { 0 } else { given.amount };
        };
        let operation = pay.ops.iter().find(|op| op.number == given.by.1);
        if operation.is_some_and(|op| op.stand == Stand::Refused) { 0 } else { given.amount }
    }

    /// What a sale is paid with as a credit is given by the return, once; and what a return gave so pays a sale.
    fn check_credits(&self, sale: u128, deal: &Deal, subject: &str) -> Checked {
        let spent = deal.tenders.iter().filter_map(|(tender, ten)| Some((tender, ten, ten.credit?)));
        for (tender, ten, (origin, number)) in spent {
            let back = self.sales.get(&origin).and_then(|origin| origin.backs.get(&number));
            let all = back.into_iter().flat_map(|back| back.refunds.values());
            let given: Vec<&Given> = all.filter(|given| given.credit == Some((sale, *tender))).collect();
            let [given] = given.as_slice() else {
                return Err(found("I1 a credit is given and taken once", subject, format!("{ten:?} {given:?}")));
            };
            let is_paid = ten.state == TenderState::Paid;
            let is_same = given.amount == ten.amount && given.is_released != is_paid;
            must!(is_same, "I1 a credit is given and taken once", subject, "{ten:?} {given:?}");
        }
        for given in deal.backs.values().flat_map(|back| back.refunds.values()) {
            let Some((other, tender)) = given.credit else { continue };
            let taken = self.sales.get(&other).is_some_and(|other| other.tenders.contains_key(&tender));
            must!(taken, "I1 a credit is given and taken once", subject, "{given:?} pays nothing");
        }
        Ok(())
    }

    /// What returns gave out of a register's drawer.
    fn given_in_cash(&self, register: u128) -> i64 {
        let backs = self.sales.values().flat_map(|deal| deal.backs.values());
        let refunds = backs.flat_map(|back| back.refunds.values());
        refunds.filter(|given| given.register == register).map(|given| given.amount).sum()
    }

    pub fn check_level(&self, place: &(u128, u128)) -> Checked {
        let Some(level) = self.levels.get(place) else { return Ok(()) };
        let subject = format!("art_{:032x}", place.1);
        must!(level.on_hand == level.moved, "I6 on hand is the sum of the movements", subject, "{level:?}");
        must!(level.reserved == level.held, "I6 reserved is the sum of the reservations", subject, "{level:?}");
        Ok(())
    }

    pub fn check_balances(&mut self, touched: &Touched) -> Checked {
        for key in &touched.balances {
            let (stored, sum) = self.balances.get(key).copied().unwrap_or((0, 0));
            must!(
                stored == sum,
                "I7 a balance is the sum of its postings",
                &key.1,
                "stored {stored}, recomputed {sum}"
            );
            if let Some(connection) = key.1.strip_prefix("receivable:") {
                let held = self.receivable.get(&id_of(connection)).copied().unwrap_or(0);
                must!(stored == held, "I7 the provider owes what is with us", &key.1, "{stored} booked, {held} taken");
            }
            if let Some(register) = key.1.strip_prefix("drawer:") {
                let register = id_of(register);
                let closed = self.sales.values().filter(|deal| deal.register == register);
                let taken: i64 = closed.filter(|deal| deal.state == SaleState::Completed).map(Deal::cash).sum();
                let cash = taken - self.given_in_cash(register);
                must!(
                    stored == cash,
                    "I7 the drawer holds the cash of the sales",
                    &key.1,
                    "{stored} booked, {cash} taken"
                );
            }
        }
        Ok(())
    }

    /// What belongs together is in one transaction.
    pub fn check_transaction(&self, touched: &Touched) -> Checked {
        for key in &touched.keyed {
            let is_there = touched.answered.contains(key);
            must!(is_there, "I5 the answer is in the batch", &key.1, "an effect became durable without its answer");
        }
        let mut strangers = touched.owners.difference(&touched.audited);
        must!(strangers.next().is_none(), "I9 no crossing", "transaction", "rows of a merchant who asked for nothing");
        Ok(())
    }
}
