//! What happens to registers that go by name, told as stories.

use uuid::Uuid;

use super::*;
use crate::call::Role;
use crate::command::Command;
use crate::exception;
use crate::id::{ConnectionId, OperationId, RegisterId, SmartconnectId, TerminalId};
use crate::merchant::{Connection, ConnectionSettings};
use crate::money::Currency;
use crate::payment::{AskRefund, CreatePayment, Profile};
use crate::terminal::{CLASH_MS, EnrolTerminal, ExpectTerminal, NewDevice, OfferPairingCode, UnpairTerminal};
use crate::testing::{LOCATION, MERCHANT, OTHER_MERCHANT, World};

const CONNECTION: ConnectionId = ConnectionId::from_uuid(Uuid::from_u128(0xc8));

/// A shop with two terminals that show the codes 1 and 2.
fn a_world() -> (World, [TerminalId; 2]) {
    let mut world = World::new().acting_as(Role::System);
    world.database.connections.put_loaded(Connection {
        id: CONNECTION,
        merchant: MERCHANT,
        provider: "sandbox".to_owned(),
        settings: ConnectionSettings::default(),
        profile: Profile::sandbox(),
        credentials: None,
        version: 1,
    });
    let terminals = [1, 2].map(|number| a_terminal(&mut world, number));
    (world, terminals)
}

fn a_terminal(world: &mut World, number: u8) -> TerminalId {
    let (location, connection, name, token) = (LOCATION, CONNECTION, format!("T{number}"), vec![number]);
    let terminal = world.run(&ExpectTerminal { merchant: MERCHANT, location, connection, name, token }).unwrap().id;
    let device = NewDevice {
        model: "virtual".to_owned(),
        serial: "S".to_owned(),
        firmware: "1".to_owned(),
        software: "1".to_owned(),
        identity_key: [number; 32],
    };
    world.run(&EnrolTerminal { terminal, token: vec![number], device }).unwrap();
    show(world, terminal, number);
    terminal
}

fn show(world: &mut World, terminal: TerminalId, code: u8) {
    world.run(&OfferPairingCode { terminal, code: vec![code], proved_at: None }).unwrap();
}

fn pairing(terminal: TerminalId, code: u8, business: &str) -> PairPosRegister {
    PairPosRegister {
        merchant: MERCHANT,
        terminal,
        code: vec![code],
        identity: PosIdentity {
            register: "4f1c".to_owned(),
            business: business.to_owned(),
            vendor: "Pos Ltd".to_owned(),
        },
        name: "Till 1".to_owned(),
        known: None,
        namesakes: Vec::new(),
    }
}

fn register_of(world: &World, terminal: TerminalId) -> RegisterId {
    world.database.terminals.find(MERCHANT, &terminal).unwrap().pairing.unwrap().register
}

fn reasons(world: &World) -> Vec<&str> {
    let open = world.database.exceptions.iter();
    open.filter(|one| one.kind == exception::Kind::RegisterClash).map(|one| one.reason.as_str()).collect()
}

#[test]
fn a_name_that_is_new_is_given_a_register() {
    let (mut world, [terminal, _]) = a_world();
    world.run(&pairing(terminal, 1, "Corner")).unwrap();
    let register = register_of(&world, terminal);
    let ours = world.database.registers.find(MERCHANT, &register).unwrap();
    assert_eq!((ours.location, ours.name.len(), &ours.name[..3]), (LOCATION, 13, "SC-"));
    let known = world.database.pos_registers.find(MERCHANT, &register).unwrap();
    assert_eq!((known.identity.register.as_str(), known.name.as_str()), ("4f1c", "Till 1"));
    show(&mut world, terminal, 3);
    let again =
        PairPosRegister { known: Some(register), name: "Till one".to_owned(), ..pairing(terminal, 3, "Corner") };
    world.run(&again).unwrap();
    assert_eq!(register_of(&world, terminal), register);
    assert_eq!(world.database.pos_registers.find(MERCHANT, &register).unwrap().name, "Till one");
}

#[test]
fn a_register_that_goes_to_and_fro_is_told_to_a_person() {
    let (mut world, [first, second]) = a_world();
    world.run(&pairing(first, 1, "Corner")).unwrap();
    let known = Some(register_of(&world, first));
    world.run(&PairPosRegister { known, ..pairing(second, 2, "Corner") }).unwrap();
    assert_eq!(reasons(&world), Vec::<&str>::new());
    show(&mut world, first, 3);
    world.run(&PairPosRegister { known, ..pairing(first, 3, "Corner") }).unwrap();
    assert_eq!(Some(register_of(&world, first)), known);
    let told = reasons(&world);
    assert!(
        told.len() == 1 && told[0].contains(&first.to_string()) && told[0].contains(&second.to_string()),
        "{told:?}"
    );
    // Days later it is no clash.
    world.advance_ms(CLASH_MS + 1);
    show(&mut world, second, 4);
    world.run(&PairPosRegister { known, ..pairing(second, 4, "Corner") }).unwrap();
    assert_eq!(reasons(&world).len(), 1);
}

#[test]
fn one_id_under_two_businesses_is_told_to_a_person() {
    let (mut world, [first, second]) = a_world();
    world.run(&pairing(first, 1, "Corner")).unwrap();
    let namesakes = vec![register_of(&world, first)];
    world.run(&PairPosRegister { namesakes: namesakes.clone(), ..pairing(second, 2, "Market") }).unwrap();
    let told = reasons(&world);
    assert!(told.len() == 1 && told[0].contains("Corner") && told[0].contains("Market"), "{told:?}");
    // Both stay paired, and a namesake without a terminal is an old name.
    assert_ne!(register_of(&world, first), register_of(&world, second));
    let (mut world, [first, second]) = a_world();
    world.run(&pairing(first, 1, "Corner")).unwrap();
    let namesakes = vec![register_of(&world, first)];
    world.run(&UnpairTerminal { terminal: first }).unwrap();
    world.run(&PairPosRegister { namesakes, ..pairing(second, 2, "Market") }).unwrap();
    assert_eq!(reasons(&world), Vec::<&str>::new());
}

#[test]
fn what_breaks_a_rule_is_refused() {
    let (mut world, [terminal, _]) = a_world();
    let text = |name: &str| PairPosRegister { name: name.to_owned(), ..pairing(terminal, 1, "Corner") };
    for (code, wrong) in [
        ("pairing_code_wrong", pairing(terminal, 2, "Corner")),
        ("smartconnect_text_invalid", pairing(terminal, 1, "")),
        ("smartconnect_text_invalid", text(&"x".repeat(TEXT_CHARS_MAX + 1))),
        ("text_looks_like_card_number", text("4111111111111111")),
    ] {
        assert_eq!(world.refused(&wrong).code(), code);
    }
    let taken = pairing(terminal, 1, "Corner").unique_refusal("pos_register_identity").unwrap();
    assert_eq!(taken.code(), "smartconnect_register_taken");
    let networks = vec!["10.0.0.0/8".to_owned(); NETWORKS_MAX + 1];
    let many = SetAccess { merchant: MERCHANT, is_on: true, networks };
    assert_eq!(world.refused(&many).code(), "smartconnect_too_many_networks");
    let theirs = SetAccess { merchant: OTHER_MERCHANT, is_on: true, networks: Vec::new() };
    assert_eq!(world.refused(&theirs).code(), "merchant_not_found");
    let access = world.run(&SetAccess { merchant: MERCHANT, ..theirs }).unwrap();
    assert!(access.is_on);
    let cashier = SetAccess { merchant: MERCHANT, is_on: false, networks: Vec::new() };
    assert_eq!(world.acting_as(Role::Cashier).refused(&cashier).code(), "role_too_low");
}

fn asking(register: RegisterId, terminal: TerminalId, number: u128, kind: TransactionType) -> NewTransaction {
    NewTransaction {
        id: SmartconnectId::from_uuid(Uuid::from_u128(number)),
        merchant: MERCHANT,
        register,
        terminal,
        kind,
        amount_minor: Some(500),
        cash_minor: None,
        sale_id: Some("S1".to_owned()),
        sale_data: None,
    }
}

#[test]
fn a_transaction_is_noted_with_the_payment_it_asks_for() {
    let (mut world, [terminal, other]) = a_world();
    world.run(&pairing(terminal, 1, "Corner")).unwrap();
    let register = register_of(&world, terminal);
    let command = CreatePayment {
        merchant: MERCHANT,
        location: LOCATION,
        register,
        connection: CONNECTION,
        sale: None,
        amount_minor: Some(500),
        currency: Currency::JPY,
        is_two_step: false,
        reference: String::new(),
        is_scanned: false,
    };
    let transaction = asking(register, terminal, 1, TransactionType::CardPurchase);
    let moved = world.run(&Transact { transaction, command: command.clone() }).unwrap();
    let payment = moved.payment.id;
    let noted = |world: &World, number: u128| {
        let id = SmartconnectId::from_uuid(Uuid::from_u128(number));
        world.database.smartconnect_transactions.find(MERCHANT, &id).cloned()
    };
    assert_eq!(noted(&world, 1).unwrap().about, About::Money(OperationId { payment, number: 1 }));
    // What is refused leaves no note.
    let refund = AskRefund { payment, amount_minor: Some(500), reason: String::new() };
    let transaction = asking(register, terminal, 2, TransactionType::CardRefund);
    assert_eq!(world.refused(&Transact { transaction, command: refund }).code(), "payment_in_progress");
    assert_eq!(noted(&world, 2), None);
    let transaction = asking(register, other, 3, TransactionType::CardPurchase);
    assert_eq!(world.refused(&Transact { transaction, command }).code(), "smartconnect_not_paired");
    let transaction = asking(register, terminal, 4, TransactionType::TerminalGetStatus);
    let subject = Subject::Known(Inquiry::Ready);
    let told = world.run(&NoteTransaction { transaction, subject }).unwrap();
    assert_eq!(told.about, About::Known(Inquiry::Ready));
}
