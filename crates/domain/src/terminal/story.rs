//! What happens to terminals, told as stories.

use uuid::Uuid;

use super::*;
use crate::call::Role;
use crate::command::Command;
use crate::id::ConnectionId;
use crate::merchant::{Connection, ConnectionSettings, Register};
use crate::payment::Profile;
use crate::testing::{LOCATION, MERCHANT, OTHER_LOCATION, REGISTER, World};

const CONNECTION: ConnectionId = ConnectionId::from_uuid(Uuid::from_u128(0xc7));
const SECOND: RegisterId = RegisterId::from_uuid(Uuid::from_u128(0x2e6));

/// A shop with two registers and a connection, where the hub itself acts.
fn a_world() -> World {
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
    world.database.registers.put_loaded(Register {
        id: SECOND,
        merchant: MERCHANT,
        location: OTHER_LOCATION,
        name: "K2".to_owned(),
        version: 1,
    });
    world
}

fn expect(token: u8) -> ExpectTerminal {
    ExpectTerminal {
        merchant: MERCHANT,
        location: LOCATION,
        connection: CONNECTION,
        name: " Counter ".to_owned(),
        token: vec![token],
    }
}

fn enrol(terminal: TerminalId, token: u8) -> EnrolTerminal {
    let device = NewDevice {
        model: "virtual".to_owned(),
        serial: format!("S-{token}"),
        firmware: "1.0".to_owned(),
        software: "1.1".to_owned(),
        identity_key: [token; IDENTITY_KEY_BYTES],
    };
    EnrolTerminal { terminal, token: vec![token], device }
}

fn offer(terminal: TerminalId, code: u8) -> OfferPairingCode {
    OfferPairingCode { terminal, code: vec![code], proved_at: None }
}

fn pair(terminal: TerminalId, code: u8, register: RegisterId) -> PairTerminal {
    PairTerminal { terminal, code: vec![code], register }
}

fn enrolled(world: &mut World, token: u8) -> TerminalId {
    let id = world.run(&expect(token)).unwrap().id;
    world.run(&enrol(id, token)).unwrap();
    id
}

/// The terminal shows a code, which is typed at the register.
fn pair_by_code(world: &mut World, id: TerminalId, register: RegisterId) -> Result<Terminal, String> {
    world.run(&offer(id, 9)).unwrap();
    world.run(&pair(id, 9, register)).map_err(|refusal| refusal.code())
}

fn register_of(world: &World, id: TerminalId) -> Option<RegisterId> {
    world.database.terminals.find(MERCHANT, &id).unwrap().pairing.map(|paired| paired.register)
}

fn terminal_of(world: &World, register: RegisterId) -> Option<TerminalId> {
    world.database.pairings.find(MERCHANT, &register).and_then(|place| place.terminal)
}

fn facts(world: &World, id: TerminalId) -> Vec<Fact> {
    world.database.terminal_entries.range(MERCHANT, (id, 0)..=(id, u32::MAX)).map(|entry| entry.fact).collect()
}

#[test]
fn a_device_comes_with_its_token_once() {
    let mut world = a_world();
    let expected = world.run(&expect(1)).unwrap();
    assert_eq!((expected.name.as_str(), expected.state.as_str()), ("Counter", "expected"));
    assert_eq!(world.refused(&offer(expected.id, 9)).code(), "terminal_not_enrolled");
    assert_eq!(world.refused(&enrol(expected.id, 2)).code(), "enrolment_token_wrong");
    let terminal = world.run(&enrol(expected.id, 1)).unwrap();
    assert_eq!(terminal.state.device().unwrap().serial, "S-1");
    assert_eq!(world.refused(&enrol(expected.id, 1)).code(), "terminal_already_enrolled");
    assert_eq!(world.event_kinds(), ["terminal.expected", "terminal.enrolled"]);
    let late = world.run(&expect(3)).unwrap().id;
    world.advance_ms(INVITATION_MS);
    assert_eq!(world.refused(&enrol(late, 3)).code(), "enrolment_token_expired");
    let key = enrol(late, 3).unique_refusal("terminal_identity_key").unwrap();
    assert_eq!(key.code(), "terminal_identity_key_taken");
}

#[test]
fn a_code_pairs_once_and_not_for_long() {
    let mut world = a_world();
    let id = enrolled(&mut world, 1);
    assert_eq!(world.refused(&pair(id, 9, REGISTER)).code(), "pairing_code_wrong");
    world.run(&offer(id, 9)).unwrap();
    assert_eq!(world.refused(&pair(id, 8, REGISTER)).code(), "pairing_code_wrong");
    let paired = world.run(&pair(id, 9, REGISTER)).unwrap();
    assert_eq!((paired.pairing.map(|paired| paired.register), paired.offer), (Some(REGISTER), None));
    assert_eq!(terminal_of(&world, REGISTER), Some(id));
    assert_eq!(world.refused(&pair(id, 9, SECOND)).code(), "pairing_code_wrong");
    world.run(&offer(id, 9)).unwrap();
    world.advance_ms(CODE_MS);
    assert_eq!(world.refused(&pair(id, 9, REGISTER)).code(), "pairing_code_expired");
}

#[test]
fn pairing_again_moves_and_both_are_told() {
    let mut world = a_world();
    let (first, second) = (enrolled(&mut world, 1), enrolled(&mut world, 2));
    pair_by_code(&mut world, first, REGISTER).unwrap();
    let again = pair_by_code(&mut world, first, REGISTER).unwrap();
    assert_eq!(again.entry_count, 2);
    pair_by_code(&mut world, second, REGISTER).unwrap();
    assert_eq!((register_of(&world, first), register_of(&world, second)), (None, Some(REGISTER)));
    let moved = pair_by_code(&mut world, second, SECOND).unwrap();
    assert_eq!(moved.location, OTHER_LOCATION);
    assert_eq!((terminal_of(&world, REGISTER), terminal_of(&world, SECOND)), (None, Some(second)));
    assert_eq!(
        facts(&world, first),
        [Fact::Enrolled, Fact::Paired(REGISTER), Fact::Unpaired(REGISTER, Why::Displaced)]
    );
    assert_eq!(
        facts(&world, second),
        [Fact::Enrolled, Fact::Paired(REGISTER), Fact::Unpaired(REGISTER, Why::Moved), Fact::Paired(SECOND)]
    );
    let told = &world.event_kinds()[4..];
    assert_eq!(
        told,
        ["terminal.paired", "terminal.unpaired", "terminal.paired", "terminal.unpaired", "terminal.paired"]
    );
}

#[test]
fn a_register_that_goes_to_and_fro_is_refused_by_key_and_told_by_name() {
    let mut world = a_world();
    let (first, second) = (enrolled(&mut world, 1), enrolled(&mut world, 2));
    pair_by_code(&mut world, first, REGISTER).unwrap();
    pair_by_code(&mut world, second, REGISTER).unwrap();
    assert_eq!(pair_by_code(&mut world, first, REGISTER).unwrap_err(), "register_alternates");
    assert_eq!(register_of(&world, second), Some(REGISTER));
    world.run(&UnpairTerminal { terminal: second }).unwrap();
    pair_by_code(&mut world, first, REGISTER).unwrap();
    // What a manager orders is no clash, and neither is what happens days later.
    world.run(&MoveTerminal { terminal: second, register: REGISTER }).unwrap();
    pair_by_code(&mut world, first, REGISTER).unwrap();
    world.advance_ms(CLASH_MS + 1);
    pair_by_code(&mut world, second, REGISTER).unwrap();
    assert_eq!(world.database.exceptions.iter().count(), 0);
}

#[test]
fn only_whoever_may_ends_a_pairing_or_a_terminal() {
    let mut world = a_world();
    let id = enrolled(&mut world, 1);
    assert_eq!(world.refused(&UnpairTerminal { terminal: id }).code(), "terminal_not_paired");
    world.run(&MoveTerminal { terminal: id, register: SECOND }).unwrap();
    world = world.acting_as(Role::Cashier);
    assert_eq!(world.refused(&UnpairTerminal { terminal: id }).code(), "role_too_low");
    assert_eq!(world.refused(&MoveTerminal { terminal: id, register: REGISTER }).code(), "role_too_low");
    assert_eq!(world.refused(&RetireTerminal { terminal: id }).code(), "role_too_low");
    assert_eq!(world.refused(&expect(2)).code(), "role_too_low");
    assert_eq!(world.refused(&offer(id, 1)).code(), "role_too_low");
    world = world.acting_as(Role::System);
    let retired = world.run(&RetireTerminal { terminal: id }).unwrap();
    assert_eq!((retired.state.as_str(), retired.pairing), ("retired", None));
    assert_eq!(terminal_of(&world, SECOND), None);
    assert_eq!(facts(&world, id).last(), Some(&Fact::Retired));
    assert_eq!(world.refused(&offer(id, 1)).code(), "terminal_retired");
    assert_eq!(world.refused(&RetireTerminal { terminal: id }).code(), "terminal_retired");
    let change = UpdateTerminal { id, name: Some("X".to_owned()), connection: None };
    assert_eq!(world.refused(&change).code(), "terminal_retired");
}

#[test]
fn another_merchants_terminal_is_not_there() {
    let mut world = a_world();
    let id = enrolled(&mut world, 1);
    world.run(&offer(id, 9)).unwrap();
    let mut world = world.of_other_merchant().acting_as(Role::System);
    assert_eq!(world.refused(&pair(id, 9, REGISTER)).code(), "register_not_found");
    assert_eq!(world.refused(&offer(id, 9)).code(), "terminal_not_found");
    assert_eq!(world.refused(&RetireTerminal { terminal: id }).code(), "terminal_not_found");
    assert_eq!(world.refused(&expect(5)).code(), "location_not_found");
}

#[test]
fn a_signed_time_is_good_once_and_near_the_hubs() {
    let mut world = a_world();
    let id = enrolled(&mut world, 1);
    let now = crate::testing::NOW;
    let proved = |at: Timestamp| OfferPairingCode { proved_at: Some(at), ..offer(id, 9) };
    world.run(&proved(now)).unwrap();
    assert_eq!(world.refused(&proved(now)).code(), "terminal_proof_replayed");
    assert_eq!(world.refused(&proved(now.plus_ms(-1))).code(), "terminal_proof_replayed");
    for off in [PROOF_SKEW_MS + 1, -PROOF_SKEW_MS - 1] {
        assert_eq!(world.refused(&proved(now.plus_ms(off))).code(), "terminal_clock_off");
    }
    world.run(&proved(now.plus_ms(1))).unwrap();
}

#[test]
fn each_connection_has_a_number_of_its_own() {
    let mut world = a_world();
    let id = enrolled(&mut world, 1);
    let connect = ConnectTerminal { terminal: id, firmware: "2.0".to_owned(), software: "2.1".to_owned() };
    assert_eq!(world.run(&connect).unwrap().epoch, 1);
    let terminal = world.run(&connect).unwrap();
    assert_eq!((terminal.epoch, terminal.enrolled().unwrap().firmware.as_str()), (2, "2.0"));
    let wrong = ConnectTerminal { firmware: "4111111111111111".to_owned(), ..connect };
    assert_eq!(world.refused(&wrong).code(), "text_looks_like_card_number");
}
