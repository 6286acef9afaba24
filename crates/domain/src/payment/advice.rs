//! What the cashier is told. Doubt is never called a failure: a cashier who reads "failed" charges again.

use super::Payment;
use super::operation::{Kind, Operation, State as OperationState};
use super::state::{Charged, State, charge_of};

/// What to show at the register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advice {
    /// A stable code for what to do now.
    pub next_action: &'static str,
    /// Whether the customer's money is with us.
    pub customer_charged: Charged,
    /// For the cashier, in English.
    pub sentence_en: &'static str,
    /// For the cashier, in Japanese.
    pub sentence_ja: &'static str,
}

/// Who has the next move while a payment is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// The provider, or the hub.
    ForProvider,
    /// The customer, who has to be shown the code.
    ForCodeShown,
    /// The customer, on the phone: a scanned code has to be confirmed there.
    ForCustomer,
}

/// Who has the next move. Once the charge is to be undone nobody should show its code any more.
pub fn waiting(payment: &Payment, operations: &[Operation]) -> Waiting {
    let charge = charge_of(&operations.iter().collect::<Vec<_>>());
    let is_open = charge.is_some_and(|charge| charge.state == OperationState::Pending)
        && operations.iter().all(|operation| operation.kind != Kind::Reversal);
    match (is_open, &payment.presented_code) {
        (true, Some(_)) => Waiting::ForCodeShown,
        (true, None) if payment.is_scanned => Waiting::ForCustomer,
        (true | false, _) => Waiting::ForProvider,
    }
}

/// What to tell the cashier of a payment in `state`. Where the two do not fit each other, which no sum of operations
/// gives, the advice is the careful one. `is_closed_uncharged` as the payment has it: money that came after the register
/// was told that there is none hands no goods over, they may be paid for in another way by now.
pub const fn advice(state: State, customer_charged: Charged, is_closed_uncharged: bool, waiting: Waiting) -> Advice {
    let (next_action, sentence_en, sentence_ja) = match (customer_charged, state, waiting) {
        (Charged::Yes, _, _) if is_closed_uncharged => LATE,
        (_, State::InProgress, Waiting::ForCodeShown) => SHOW_CODE,
        (_, State::InProgress, Waiting::ForCustomer) => CUSTOMER_CONFIRMS,
        (Charged::Yes | Charged::No | Charged::Unknown, _, _) => words(state, customer_charged),
    };
    Advice { next_action, customer_charged, sentence_en, sentence_ja }
}

const LATE: (&str, &str, &str) = (
    "ask_manager",
    "The customer was charged after this payment had been called off. Ask a manager whether the money has gone back. Do \
     not charge again.",
    "このお支払いは、中止の後でお客様に請求されました。返金が済んでいるか責任者に確認してください。再度の請求はしないでください。",
);

const SHOW_CODE: (&str, &str, &str) = (
    "show_code",
    "Show the code to the customer and wait until it is paid. Do not charge again.",
    "コードをお客様に提示し、お支払いが終わるまでお待ちください。再度の請求はしないでください。",
);

const CUSTOMER_CONFIRMS: (&str, &str, &str) = (
    "ask_customer_to_confirm",
    "Ask the customer to confirm the payment on the phone. Please wait. Do not charge again.",
    "お客様にスマートフォンでお支払いの確認をお願いし、お待ちください。再度の請求はしないでください。",
);

const fn words(state: State, customer_charged: Charged) -> (&'static str, &'static str, &'static str) {
    match (state, customer_charged) {
        (State::InProgress, _) => (
            "wait",
            "The payment is under way. Please wait. Do not charge again.",
            "お支払いの処理中です。しばらくお待ちください。再度の請求はしないでください。",
        ),
        // Only a capture is in doubt: the promise of funds stands.
        (State::InDoubt, Charged::Yes) => (
            "check_now",
            "The customer's money is reserved. We do not know yet whether it was taken. Checking. Do not charge again.",
            "お客様の代金は確保済みですが、売上が確定したかまだ分かりません。確認中です。再度の請求はしないでください。",
        ),
        (State::InDoubt, Charged::No | Charged::Unknown) => (
            "check_now",
            "We do not know yet whether the customer was charged. Checking. Do not charge again.",
            "お客様に請求されたかどうか、まだ分かりません。確認中です。再度の請求はしないでください。",
        ),
        (State::NeedsPerson, Charged::Yes) => (
            "ask_manager",
            "The customer's money is reserved. We cannot find out by ourselves whether it was taken. Ask a manager. Do not \
             charge again.",
            "お客様の代金は確保済みですが、売上が確定したか自動では確認できません。責任者を呼んでください。再度の請求はしないでください。",
        ),
        (State::NeedsPerson, Charged::No | Charged::Unknown) => (
            "ask_manager",
            "We cannot find out by ourselves whether the customer was charged. Ask a manager. Do not charge again.",
            "お客様に請求されたかどうか、自動では確認できません。責任者を呼んでください。再度の請求はしないでください。",
        ),
        (State::Authorized, Charged::Yes) => (
            "capture_when_ready",
            "The customer's money is reserved and not yet taken. Capture it when the goods are ready.",
            "お客様の代金を確保しました。まだ引き落とされていません。商品の準備ができたら売上を確定してください。",
        ),
        (State::Captured, Charged::Yes) => (
            "hand_over_goods",
            "Paid. Hand over the goods and the receipt.",
            "お支払いが完了しました。商品とレシートをお渡しください。",
        ),
        (State::PartiallyRefunded, Charged::Yes) => (
            "give_refund_slip",
            "A part of the money was refunded. Give the customer the refund slip.",
            "一部を返金しました。返金の控えをお客様にお渡しください。",
        ),
        (State::Refunded, Charged::No) => (
            "give_refund_slip",
            "All of the money was refunded. Give the customer the refund slip.",
            "全額を返金しました。返金の控えをお客様にお渡しください。",
        ),
        (State::Voided, Charged::No) => (
            "give_void_slip",
            "The payment was voided. The customer is not charged. Give the customer the void slip.",
            "お支払いを取り消しました。お客様への請求はありません。取消の控えをお客様にお渡しください。",
        ),
        (State::Reversed, Charged::No) => (
            "use_another_tender",
            "The payment was undone. The customer is not charged. Ask for payment again, if need be in another way.",
            "お支払いは取り消されました。お客様への請求はありません。あらためてお支払いをお願いしてください。別の方法も使えます。",
        ),
        (State::Declined, Charged::No) => (
            "use_another_tender",
            "The payment was declined. The customer is not charged. Ask for another way to pay.",
            "お支払いは承認されませんでした。お客様への請求はありません。別のお支払い方法をお願いしてください。",
        ),
        (State::Cancelled, Charged::No) => (
            "use_another_tender",
            "The payment was cancelled. The customer is not charged. Ask how the customer wants to pay.",
            "お支払いは中止されました。お客様への請求はありません。お支払い方法をあらためてお尋ねください。",
        ),
        (State::NotSent, Charged::No) => (
            "try_again",
            "The request did not reach the provider. The customer is not charged. Try again or use another way to pay.",
            "決済会社に接続できませんでした。お客様への請求はありません。もう一度試すか、別のお支払い方法をお使いください。",
        ),
        (
            State::Authorized
            | State::Captured
            | State::PartiallyRefunded
            | State::Refunded
            | State::Voided
            | State::Reversed
            | State::Declined
            | State::Cancelled
            | State::NotSent,
            Charged::Yes | Charged::No | Charged::Unknown,
        ) => (
            "ask_manager",
            "Our records of this payment do not agree. Ask a manager. Do not charge again.",
            "このお支払いの記録が一致していません。責任者を呼んでください。再度の請求はしないでください。",
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const PROVIDER: Waiting = Waiting::ForProvider;
    const CODES: [&str; 11] = [
        "wait",
        "show_code",
        "ask_customer_to_confirm",
        "check_now",
        "ask_manager",
        "capture_when_ready",
        "hand_over_goods",
        "give_refund_slip",
        "give_void_slip",
        "use_another_tender",
        "try_again",
    ];

    #[test]
    fn the_code_and_the_warning_follow_this_table() {
        use Charged::{No, Unknown, Yes};
        let cases = [
            (State::InProgress, Unknown, "wait"),
            (State::InDoubt, Unknown, "check_now"),
            (State::InDoubt, Yes, "check_now"),
            (State::NeedsPerson, Unknown, "ask_manager"),
            (State::NeedsPerson, Yes, "ask_manager"),
            (State::Authorized, Yes, "capture_when_ready"),
            (State::Captured, Yes, "hand_over_goods"),
            (State::PartiallyRefunded, Yes, "give_refund_slip"),
            (State::Refunded, No, "give_refund_slip"),
            (State::Voided, No, "give_void_slip"),
            (State::Reversed, No, "use_another_tender"),
            (State::Declined, No, "use_another_tender"),
            (State::Cancelled, No, "use_another_tender"),
            (State::NotSent, No, "try_again"),
            (State::Captured, No, "ask_manager"),
            (State::Declined, Yes, "ask_manager"),
        ];
        let mut sentences = BTreeSet::new();
        for (state, charged, next_action) in cases {
            let advice = advice(state, charged, false, PROVIDER);
            assert_eq!(advice.next_action, next_action, "{state:?} {charged:?}");
            sentences.insert((advice.sentence_en, advice.sentence_ja));
        }
        // Each its own sentence; the two that do not fit share one.
        assert_eq!(sentences.len(), cases.len() - 1);
    }

    #[test]
    fn money_that_came_late_hands_no_goods_over() {
        for state in State::ALL {
            let late = advice(state, Charged::Yes, true, Waiting::ForCodeShown);
            assert_eq!(late.next_action, "ask_manager", "{state:?}");
            assert!(late.sentence_en.contains("Do not charge again"));
            assert!(late.sentence_ja.contains("再度の請求はしないでください"));
            for charged in [Charged::No, Charged::Unknown] {
                assert_eq!(
                    advice(state, charged, true, PROVIDER),
                    advice(state, charged, false, PROVIDER),
                    "{state:?}"
                );
            }
        }
    }

    #[test]
    fn doubt_forbids_a_second_charge_and_no_sentence_says_failed() {
        let waitings = [PROVIDER, Waiting::ForCodeShown, Waiting::ForCustomer];
        for (state, waiting) in State::ALL.into_iter().flat_map(|state| waitings.map(|waiting| (state, waiting))) {
            for charged in Charged::ALL {
                let advice = advice(state, charged, false, waiting);
                let is_careful = advice.sentence_en.contains("Do not charge again")
                    && advice.sentence_ja.contains("再度の請求はしないでください");
                let is_settled = state.is_final() && advice.next_action != "ask_manager";
                assert_eq!(is_careful, !is_settled, "{state:?} {charged:?}");
                assert!(CODES.contains(&advice.next_action), "{state:?} {charged:?}");
                assert!(!advice.sentence_en.to_lowercase().contains("fail") && !advice.sentence_ja.contains("失敗"));
            }
        }
    }

    #[test]
    fn only_what_is_under_way_waits_for_the_customer() {
        let action = |state, waiting| advice(state, Charged::Unknown, false, waiting).next_action;
        assert_eq!(action(State::InProgress, Waiting::ForCodeShown), "show_code");
        assert_eq!(action(State::InProgress, Waiting::ForCustomer), "ask_customer_to_confirm");
        assert_eq!(action(State::InDoubt, Waiting::ForCodeShown), "check_now");
        assert_eq!(action(State::NeedsPerson, Waiting::ForCustomer), "ask_manager");
    }
}
