//! A reference that is told later than its record was made.

use super::refer::attach;
use super::{ExternalId, Refusal, Subject};
use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role};
use crate::id::MerchantId;
use crate::payment;
use crate::work::{Key, Stop, UnitOfWork};

/// Says under which id another system knows a record that is there. What was said before may be said again. A stock movement
/// is told with its reference or without one, and so are goods without their sale: they never change.
#[derive(Debug, Clone)]
pub struct AddExternalRef {
    /// The caller's merchant.
    pub merchant: MerchantId,
    /// The record.
    pub subject: Subject,
    /// The other system.
    pub system: String,
    /// Its id.
    pub id: String,
}

impl AddExternalRef {
    /// The records whose locks cover the subject.
    fn subject_keys(&self) -> Vec<Key> {
        match self.subject {
            Subject::Sale(sale) => vec![Key::Sale(sale)],
            Subject::Payment(payment) => vec![Key::Payment(payment)],
            Subject::Refund(operation) => vec![Key::Payment(operation.payment)],
            Subject::Return(origin) => vec![Key::Sale(origin.sale), Key::Returns(origin.sale)],
            Subject::Transfer(transfer) => vec![Key::Transfer(transfer)],
            Subject::Movement(_) | Subject::UnreferencedReturn(_) => Vec::new(),
        }
    }

    fn require_subject(&self, work: &UnitOfWork, call: &Call<'_>) -> Result<(), Stop<command::Refusal>> {
        let merchant = call.merchant;
        let (noun, is_there) = match self.subject {
            Subject::Sale(id) => ("sale", work.sales.find(merchant, &id).is_some()),
            Subject::Payment(id) => ("payment", work.payments.find(merchant, &id).is_some()),
            Subject::Refund(id) => {
                let operation = work.operations.find(merchant, &id);
                ("operation", operation.is_some_and(|operation| operation.kind == payment::Kind::Refund))
            }
            Subject::Return(id) => ("return", work.returns.find(merchant, &id).is_some()),
            Subject::Transfer(id) => ("transfer", work.transfers.find(merchant, &id).is_some()),
            Subject::Movement(_) | Subject::UnreferencedReturn(_) => return Err(Refusal::SubjectImmutable.into()),
        };
        if is_there { Ok(()) } else { Err(not_found(noun, self.subject)) }
    }
}

impl Command for AddExternalRef {
    type Reply = ExternalId;

    fn name(&self) -> &'static str {
        "external_ref.add"
    }

    fn keys(&self) -> Vec<Key> {
        let id = ExternalId::parse(&self.system, &self.id).ok();
        let of_ref = id.map(|id| Key::ExternalRef(self.merchant, id, self.subject.kind()));
        of_ref.into_iter().chain(self.subject_keys()).collect()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<ExternalId, Stop<command::Refusal>> {
        require_role(call, Role::Cashier)?;
        let id = ExternalId::parse(&self.system, &self.id)?;
        work.require(self.keys())?;
        self.require_subject(work, call)?;
        attach(work, call, self.subject, vec![id.clone()])?;
        Ok(id)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::external_ref::{ExternalRef, Kind, REFS_MAX, Referred};
    use crate::id::{MovementId, OperationId, ReturnId, SaleId, TransferId};
    use crate::sale::{self, OpenSale};
    use crate::testing::{BAG, MERCHANT, OTHER_MERCHANT, World, a_sale, line, payment_id, sale_id};

    fn opening(number: u128, refs: &[(&str, &str)]) -> Referred<OpenSale> {
        Referred {
            merchant: MERCHANT,
            command: OpenSale { id: Some(sale_id(number)), sale: a_sale(&[line(BAG, 1_000)]) },
            kind: Kind::Sale,
            refs: refs.iter().map(|(system, id)| ((*system).to_owned(), (*id).to_owned())).collect(),
            subject: |standing: &sale::Standing| Some(Subject::Sale(standing.sale.id)),
        }
    }

    fn adding(subject: Subject, id: &str) -> AddExternalRef {
        AddExternalRef { merchant: MERCHANT, subject, system: "shop".to_owned(), id: id.to_owned() }
    }

    fn known(world: &World) -> Vec<&ExternalRef> {
        world.database.external_refs.iter().collect()
    }

    #[test]
    fn a_sale_is_told_with_its_references() {
        let mut world = World::new();
        world.run(&opening(1, &[("shop", "1001"), ("erp", "A-7"), ("shop", " 1001 ")])).unwrap();
        let names: Vec<_> = known(&world).iter().map(|known| (known.external.system(), known.external.id())).collect();
        assert_eq!(names, [("erp", "A-7"), ("shop", "1001")]);
        assert!(known(&world).iter().all(|known| known.subject == Subject::Sale(sale_id(1))));
        assert_eq!(world.event_kinds(), ["sale.opened", "external_ref.added"]);
        let data = &world.database.events.rows()[1].data;
        let refs = r#"[{"system":"shop","id":"1001"},{"system":"erp","id":"A-7"}]"#;
        assert_eq!(*data, format!(r#"{{"kind":"sale","external_refs":{refs}}}"#));
    }

    #[test]
    fn without_references_nothing_more_is_named_or_written() {
        let mut world = World::new();
        let command = opening(1, &[]);
        assert_eq!(command.keys(), command.command.keys());
        world.run(&command).unwrap();
        assert_eq!((known(&world).len(), world.event_kinds()), (0, vec!["sale.opened"]));
    }

    #[test]
    fn an_id_of_a_system_stands_for_one_record_of_a_kind() {
        let mut world = World::new();
        world.run(&opening(1, &[("shop", "1001")])).unwrap();
        let taken = command::Refusal::ExternalRef(Refusal::Taken { subject: Subject::Sale(sale_id(1)) });
        assert_eq!(world.refused(&opening(2, &[("erp", "1"), ("shop", "1001")])), taken);
        assert_eq!(world.database.sales.iter().count(), 1, "the sale is not made without its references");
        world.run(&opening(2, &[("erp", "1001")])).unwrap();
        assert_eq!(world.refused(&adding(Subject::Sale(sale_id(2)), "1001")), taken);
        world.run(&adding(Subject::Sale(sale_id(2)), "1002")).unwrap();
        let events = world.event_kinds().len();
        world.run(&adding(Subject::Sale(sale_id(2)), "1002")).unwrap();
        assert_eq!((known(&world).len(), world.event_kinds().len()), (3, events), "said again it changes nothing");
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        let mut world = World::new();
        world.run(&opening(1, &[])).unwrap();
        let of_sale = |id: &str| adding(Subject::Sale(sale_id(1)), id);
        let number = 1;
        for (code, wrong) in [
            ("external_ref_id_invalid", of_sale(" ")),
            ("external_ref_system_invalid", AddExternalRef { system: "Web Shop".to_owned(), ..of_sale("1") }),
            ("text_looks_like_card_number", of_sale("4111 1111 1111 1111")),
            ("sale_not_found", adding(Subject::Sale(SaleId::from_uuid(Uuid::nil())), "1")),
            ("payment_not_found", adding(Subject::Payment(payment_id(1)), "1")),
            ("operation_not_found", adding(Subject::Refund(OperationId { payment: payment_id(1), number }), "1")),
            ("return_not_found", adding(Subject::Return(ReturnId { sale: sale_id(1), number }), "1")),
            ("transfer_not_found", adding(Subject::Transfer(TransferId::from_uuid(Uuid::nil())), "1")),
            ("external_ref_subject_immutable", adding(Subject::Movement(MovementId::from_uuid(Uuid::nil())), "1")),
        ] {
            assert_eq!(world.refused(&wrong).code(), code);
        }
        let many: Vec<(String, String)> = (0..=REFS_MAX).map(|n| ("shop".to_owned(), n.to_string())).collect();
        let too_many = Referred { refs: many, ..opening(2, &[]) };
        assert_eq!(world.refused(&too_many).code(), "external_ref_too_many");
        assert_eq!(world.clone().of_other_merchant().refused(&of_sale("1")).code(), "sale_not_found");
        let theirs = AddExternalRef { merchant: OTHER_MERCHANT, ..of_sale("1") };
        assert_eq!(world.clone().of_other_merchant().refused(&theirs).code(), "sale_not_found");
        assert_eq!(world.acting_as(Role::Viewer).refused(&of_sale("1")).code(), "role_too_low");
    }

    #[test]
    fn a_refund_is_known_by_its_operation() {
        let mut shop = payment::shop::Shop::new();
        let payment = shop.captured().id;
        let ask = payment::AskRefund { payment, amount_minor: Some(1), reason: String::new() };
        shop.run(&ask).unwrap();
        let refund = |number| AddExternalRef {
            merchant: MERCHANT,
            subject: Subject::Refund(OperationId { payment, number }),
            system: "shop".to_owned(),
            id: "R-1".to_owned(),
        };
        assert_eq!(shop.refused(&refund(1)), "operation_not_found");
        shop.run(&refund(2)).unwrap();
    }
}
