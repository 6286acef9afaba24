//! A new operator.

use serde::Serialize;

use super::{Operator, OperatorRole, PinHash, Refusal, check_badge, check_name, parse_code};
use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role};
use crate::id::{MerchantId, OperatorId};
use crate::work::{Key, Stop, UnitOfWork};

/// Makes an operator. That code and badge are unused are unique constraints of the database.
#[derive(Debug, Clone)]
pub struct CreateOperator {
    /// The caller's merchant.
    pub merchant: MerchantId,
    /// What is typed to say who one is.
    pub code: String,
    /// The name.
    pub name: String,
    /// What the operator may do.
    pub role: OperatorRole,
    /// The hash of the PIN.
    pub pin: PinHash,
    /// What the badge says.
    pub badge: Option<String>,
}

impl Command for CreateOperator {
    type Reply = Operator;

    fn name(&self) -> &'static str {
        "operator.create"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Merchant(self.merchant)]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Operator, Stop<command::Refusal>> {
        require_role(call, Role::Manager)?;
        if work.merchants.find(call.merchant, &self.merchant).is_none() {
            return Err(not_found("merchant", self.merchant));
        }
        check_name(&self.name)?;
        self.badge.as_deref().map_or(Ok(()), check_badge)?;
        let operator = Operator {
            id: OperatorId::from_uuid(call.next_uuid()),
            merchant: call.merchant,
            code: parse_code(&self.code)?,
            name: self.name.clone(),
            role: self.role,
            pin: self.pin.clone(),
            badge: self.badge.clone(),
            is_active: true,
            attempts: 0,
            locked_until: None,
            created_at: call.now,
            version: 1,
        };
        work.operators.insert(operator.clone());
        work.emit(call, "operator.created", operator.id, &Created { code: &operator.code, role: operator.role });
        Ok(operator)
    }

    fn unique_refusal(&self, constraint: &str) -> Option<command::Refusal> {
        Refusal::of_constraint(constraint).map(command::Refusal::Operator)
    }
}

/// The name is a person's and is not told.
#[derive(Serialize)]
struct Created<'a> {
    code: &'a str,
    role: OperatorRole,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{MERCHANT, OTHER_MERCHANT, World};

    fn a_create() -> CreateOperator {
        CreateOperator {
            merchant: MERCHANT,
            code: "aiko-1".to_owned(),
            name: "Aiko".to_owned(),
            role: OperatorRole::Cashier,
            pin: PinHash::new("hash".to_owned()),
            badge: Some("B-0001".to_owned()),
        }
    }

    #[test]
    fn an_operator_is_told_of_without_name_and_pin() {
        let mut world = World::new();
        let operator = world.run(&a_create()).unwrap();
        assert_eq!((operator.code.as_str(), operator.is_active, operator.version), ("AIKO-1", true, 1));
        assert_eq!(world.database.events.rows()[0].data, r#"{"code":"AIKO-1","role":"cashier"}"#);
        assert!(!format!("{operator:?}").contains("hash"));
        assert!(!operator.role.role().as_str().is_empty());
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        let code = |code: &str| CreateOperator { code: code.to_owned(), ..a_create() };
        let name = |name: &str| CreateOperator { name: name.to_owned(), ..a_create() };
        let badge = |badge: &str| CreateOperator { badge: Some(badge.to_owned()), ..a_create() };
        for (problem, wrong) in [
            ("operator_code_invalid", code("")),
            ("operator_code_invalid", code("愛子")),
            ("operator_code_invalid", code("1234567890123")),
            ("operator_name_invalid", name(" ")),
            ("operator_name_invalid", name(&"x".repeat(51))),
            ("text_looks_like_card_number", name("4111 1111 1111 1111")),
            ("operator_badge_invalid", badge("")),
            ("operator_badge_invalid", badge("a b")),
            ("text_looks_like_card_number", badge("4111111111111111")),
            ("merchant_not_found", CreateOperator { merchant: OTHER_MERCHANT, ..a_create() }),
        ] {
            assert_eq!(World::new().refused(&wrong).code(), problem);
        }
        assert_eq!(World::new().acting_as(Role::Cashier).refused(&a_create()).code(), "role_too_low");
        assert_eq!(a_create().unique_refusal("operator_code").unwrap().code(), "operator_code_taken");
        assert_eq!(a_create().unique_refusal("operator_badge").unwrap().code(), "operator_badge_taken");
        assert_eq!(a_create().unique_refusal("article_sku"), None);
    }
}
