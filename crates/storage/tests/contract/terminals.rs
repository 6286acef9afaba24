//! Terminals as they lie in a store: each state goes in and comes back, tokens, keys and codes are unique, a pairing moves in
//! one batch, and what does not fit together is found.

use domain::id::{ConnectionId, RegisterId, SmartconnectId, TerminalId};
use domain::merchant::{Connection, ConnectionSettings, Register};
use domain::payment::Profile;
use domain::smartconnect::{
    About, Inquiry, NewTransaction, NoteTransaction, PairPosRegister, PosIdentity, SetAccess, Subject, TransactionType,
};
use domain::terminal::{
    ConnectTerminal, EnrolTerminal, ExpectTerminal, IDENTITY_KEY_BYTES, MoveTerminal, NewDevice, OfferPairingCode,
    PairTerminal, RetireTerminal, State, Terminal, UnpairTerminal,
};
use storage::{Cell, Row};
use uuid::Uuid;

use crate::audit::tamper;
use crate::support::command::act;
use crate::support::rows::cell;
use crate::support::shop::{LOCATION, MERCHANT, REGISTER, Shop, int, plain, refused};
use crate::support::store::all;

on!([sqlite postgres memory] [
    a_terminal_is_read_back_as_it_was_written
    tokens_keys_and_codes_are_unique
    a_pairing_moves_in_one_batch
    a_register_that_goes_by_name_is_read_back_as_it_was_written
    what_does_not_fit_is_found
]);

const CONNECTION: ConnectionId = ConnectionId::from_uuid(Uuid::from_u128(0x7c));
const SECOND: RegisterId = RegisterId::from_uuid(Uuid::from_u128(0x72));

fn open_for_terminals(shop: &mut Shop) {
    shop.run(act("test.add_places", [], |work, _| {
        work.connections.insert(Connection {
            id: CONNECTION,
            merchant: MERCHANT,
            provider: "sandbox".to_owned(),
            settings: ConnectionSettings::default(),
            profile: Profile::sandbox(),
            credentials: None,
            version: 1,
        });
        let (id, name) = (SECOND, "SECOND".to_owned());
        work.registers.insert(Register { id, merchant: MERCHANT, location: LOCATION, name, version: 1 });
        Ok(())
    }));
}

fn expect(token: u8) -> ExpectTerminal {
    let name = format!("Terminal {token}");
    ExpectTerminal { merchant: MERCHANT, location: LOCATION, connection: CONNECTION, name, token: vec![token] }
}

fn enrol(terminal: TerminalId, token: u8, key: u8) -> EnrolTerminal {
    let device = NewDevice {
        model: "virtual".to_owned(),
        serial: "S-1".to_owned(),
        firmware: "1.0".to_owned(),
        software: "1.1".to_owned(),
        identity_key: [key; IDENTITY_KEY_BYTES],
    };
    EnrolTerminal { terminal, token: vec![token], device }
}

/// Proved at the time at which it enrolled: a server's time cannot be turned.
fn offer(terminal: &Terminal, code: u8) -> OfferPairingCode {
    OfferPairingCode { terminal: terminal.id, code: vec![code], proved_at: terminal.last_seen_at }
}

fn enrolled(shop: &mut Shop, number: u8) -> Terminal {
    let expected = shop.run(expect(number));
    shop.run(enrol(expected.id, number, number))
}

fn pair(shop: &mut Shop, terminal: &Terminal, code: u8, register: RegisterId) -> Terminal {
    shop.run(OfferPairingCode { terminal: terminal.id, code: vec![code], proved_at: None });
    shop.run(PairTerminal { terminal: terminal.id, code: vec![code], register })
}

fn a_terminal_is_read_back_as_it_was_written(shop: &mut Shop) {
    open_for_terminals(shop);
    let expected = shop.run(expect(1));
    assert!(matches!(expected.state, State::Expected(_)));
    let enrolled = shop.run(enrol(expected.id, 1, 1));
    let offering = shop.run(offer(&enrolled, 5));
    assert_eq!((offering.version, offering.offer.as_ref().map(|offer| offer.code.clone())), (3, Some(vec![5])));
    let paired = shop.run(PairTerminal { terminal: enrolled.id, code: vec![5], register: REGISTER });
    assert_eq!((paired.pairing.map(|paired| paired.register), paired.entry_count), (Some(REGISTER), 2));
    let (firmware, software) = ("2.0".to_owned(), "2.1".to_owned());
    let connected = shop.run(ConnectTerminal { terminal: paired.id, firmware, software });
    assert_eq!((connected.epoch, connected.pairing), (1, paired.pairing));
    let retired = shop.run(RetireTerminal { terminal: paired.id });
    assert_eq!((retired.pairing, retired.entry_count), (None, 4));
    assert_eq!(retired.state.device().map(|device| device.firmware.as_str()), Some("2.0"));
    let gone = shop.run(expect(2));
    let gone = shop.run(RetireTerminal { terminal: gone.id });
    assert!(matches!(gone.state, State::Retired { device: None, .. }));
}

fn tokens_keys_and_codes_are_unique(shop: &mut Shop) {
    open_for_terminals(shop);
    let (first, second) = (enrolled(shop, 1), shop.run(expect(2)));
    assert_eq!(refused(shop.submit(plain(), enrol(second.id, 2, 1))), "terminal_identity_key_taken");
    let second = shop.run(enrol(second.id, 2, 2));
    shop.run(offer(&first, 5));
    assert_eq!(refused(shop.submit(plain(), offer(&second, 5))), "pairing_code_taken");
    shop.run(offer(&second, 6));
}

fn a_pairing_moves_in_one_batch(shop: &mut Shop) {
    open_for_terminals(shop);
    let (first, second) = (enrolled(shop, 1), enrolled(shop, 2));
    pair(shop, &first, 5, REGISTER);
    pair(shop, &second, 6, SECOND);
    // The second takes the place of the first, whose register it did not name.
    let moved = shop.run(MoveTerminal { terminal: second.id, register: REGISTER });
    assert_eq!(moved.pairing.map(|paired| paired.register), Some(REGISTER));
    assert_eq!(refused(shop.submit(plain(), UnpairTerminal { terminal: first.id })), "terminal_not_paired");
    let places = all(&shop.store, "pairing");
    let terminals: Vec<_> = places.iter().map(|row| cell("pairing", row, "terminal_id").clone()).collect();
    assert_eq!(terminals, [Cell::display(second.id), Cell::Null]);
    assert_eq!(all(&shop.store, "terminal_entry").len(), 7);
}

fn a_register_that_goes_by_name_is_read_back_as_it_was_written(shop: &mut Shop) {
    open_for_terminals(shop);
    let (first, second) = (enrolled(shop, 1), enrolled(shop, 2));
    let show = |shop: &mut Shop, terminal: &Terminal, code: u8| {
        shop.run(OfferPairingCode { terminal: terminal.id, code: vec![code], proved_at: None });
    };
    let pairing = |terminal: &Terminal, code: u8, known: Option<RegisterId>| PairPosRegister {
        merchant: MERCHANT,
        terminal: terminal.id,
        code: vec![code],
        identity: PosIdentity {
            register: "4f1c".to_owned(),
            business: "角の店".to_owned(),
            vendor: "Pos Ltd".to_owned(),
        },
        name: format!("Till {code}"),
        known,
        namesakes: Vec::new(),
    };
    show(shop, &first, 5);
    let paired = shop.run(pairing(&first, 5, None));
    let register = paired.pairing.map(|paired| paired.register);
    // The same three texts are one register, whoever was first.
    show(shop, &second, 6);
    assert_eq!(refused(shop.submit(plain(), pairing(&second, 6, None))), "smartconnect_register_taken");
    let moved = shop.run(pairing(&second, 6, register));
    assert_eq!(moved.pairing.map(|paired| paired.register), register);
    show(shop, &first, 7);
    shop.run(pairing(&first, 7, register));
    assert_eq!(all(&shop.store, "exception").len(), 1);
    let names = all(&shop.store, "pos_register");
    let [row] = names.as_slice() else { panic!("one register: {names:?}") };
    assert_eq!(cell("pos_register", row, "name"), &Cell::text("Till 7"));
    let on = SetAccess { merchant: MERCHANT, is_on: true, networks: vec!["203.0.113.0/24".to_owned()] };
    assert_eq!(shop.run(on.clone()).version, 2);
    let access = shop.run(SetAccess { is_on: false, ..on });
    assert_eq!((access.is_on, access.version, access.networks.len()), (false, 3, 1));
    let transaction = NewTransaction {
        id: SmartconnectId::from_uuid(Uuid::from_u128(1)),
        merchant: MERCHANT,
        register: register.unwrap(),
        terminal: first.id,
        kind: TransactionType::TerminalGetStatus,
        amount_minor: None,
        cash_minor: None,
        sale_id: Some("S-1".to_owned()),
        sale_data: None,
    };
    let noted = shop.run(NoteTransaction { transaction, subject: Subject::Known(Inquiry::Ready) });
    assert_eq!((noted.about, noted.version), (About::Known(Inquiry::Ready), 1));
    let row = all(&shop.store, "smartconnect_transaction").remove(0);
    assert_eq!(cell("smartconnect_transaction", &row, "known"), &Cell::text("ready"));
}

fn what_does_not_fit_is_found(shop: &mut Shop) {
    open_for_terminals(shop);
    let terminal = enrolled(shop, 1);
    pair(shop, &terminal, 5, REGISTER);
    let any = |_: &Row| true;
    tamper(shop, "terminal", "entry_count", Cell::Int(3), any, &["terminal_entry_count"]);
    tamper(shop, "terminal", "state", Cell::text("retired"), any, &["row_readable"]);
    tamper(shop, "pairing", "terminal_id", Cell::Null, any, &["pairing_is_mutual"]);
    let is_last = |row: &Row| int(cell("terminal_entry", row, "number")) == 2;
    tamper(shop, "terminal_entry", "fact", Cell::text("retired"), is_last, &["row_readable"]);
}
