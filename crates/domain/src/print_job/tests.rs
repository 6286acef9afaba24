//! The ways of a print job, from being asked for to its end.

use uuid::Uuid;

use super::*;
use crate::call::Role;
use crate::command::Command;
use crate::id::SaleId;
use crate::locale::Locale;
use crate::printer::{CreatePrinter, UpdatePrinter, Way};
use crate::receipt::{Columns, IssueReceipt, Kind};
use crate::sale::AddCash;
use crate::testing::{LOCATION, MERCHANT, REGISTER, TEA, World, line, sale_id};

/// A sold tea with a receipt, and a printer.
struct Shop {
    world: World,
    printer: PrinterId,
    receipt: ReceiptId,
}

impl Shop {
    fn with(way: Way) -> Self {
        let mut world = World::with_open_sale(&[line(TEA, 1_000)]);
        world.run(&AddCash { merchant: MERCHANT, sale: sale_id(1), amount_minor: None, given_minor: 200 }).unwrap();
        let issue = IssueReceipt { sale: sale_id(1), kind: Kind::Receipt, locale: Locale::Ja };
        let receipt = world.run(&issue).unwrap().id;
        let printer = world.run(&CreatePrinter {
            merchant: MERCHANT,
            location: LOCATION,
            name: "Counter".to_owned(),
            columns: Columns::Wide,
            way,
            drawer_of: Some(REGISTER),
        });
        let printer = printer.unwrap().id;
        Self { world: world.acting_as(Role::System), printer, receipt }
    }

    fn network() -> Self {
        Self::with(Way::Network { host: "192.168.1.50".to_owned(), port: 9_100 })
    }

    fn print(&mut self) -> PrintJob {
        self.world.run(&self.a_print()).unwrap()
    }

    fn a_print(&self) -> PrintReceipt {
        PrintReceipt { sale: sale_id(1), receipt: self.receipt, printer: self.printer }
    }

    fn claim(&mut self, job: &PrintJob) -> Option<PrintJob> {
        self.world.run(&ClaimPrint { printer: self.printer, jobs: vec![job.id] }).unwrap()
    }

    fn record(&mut self, job: &PrintJob, told: Told) -> State {
        self.world.run(&RecordPrint { job: job.id, attempt: job.attempts, told }).unwrap().state
    }

    fn refused<C: Command>(&mut self, command: &C) -> String {
        self.world.refused(command).code()
    }

    fn open_exceptions(&self) -> Vec<String> {
        let exceptions = self.world.database.exceptions.iter();
        exceptions.filter(|one| one.resolved_at.is_none()).map(|one| one.reason.clone()).collect()
    }
}

#[test]
fn the_first_print_of_an_original_is_one_and_each_later_one_is_a_copy() {
    let mut shop = Shop::network();
    let receipt = shop.receipt;
    let copies: Vec<_> = (0..3).map(|_| shop.print().content).collect();
    assert_eq!(copies, [false, true, true].map(|is_copy| Content::Receipt { receipt, is_copy }));
    let issue = IssueReceipt { sale: sale_id(1), kind: Kind::Receipt, locale: Locale::Ja };
    shop.receipt = shop.world.run(&issue).unwrap().id;
    assert!(matches!(shop.print().content, Content::Receipt { is_copy: true, .. }), "a copy stays one");
    for _ in 1..PRINTS_MAX {
        shop.print();
    }
    let print = shop.a_print();
    assert_eq!(shop.refused(&print), "receipt_too_many_prints");
}

#[test]
fn a_job_is_claimed_once_and_only_its_claim_counts() {
    let mut shop = Shop::network();
    let job = shop.print();
    let claimed = shop.claim(&job).unwrap();
    assert_eq!((claimed.state.as_str(), claimed.attempts), ("sending", 1));
    assert_eq!(shop.claim(&job), None);
    let other = RecordPrint { job: job.id, attempt: 2, told: Told::Printed };
    assert_eq!(shop.refused(&other), "print_job_claim_lost");
    assert_eq!(shop.record(&claimed, Told::Printed), State::Printed);
    let again = RecordPrint { job: job.id, attempt: 1, told: Told::Nothing(Trouble::NotReached) };
    assert_eq!(shop.refused(&again), "print_job_claim_lost");
    assert!(shop.open_exceptions().is_empty());
    assert_eq!(shop.world.event_kinds().last(), Some(&"print_job.printed"));
}

#[test]
fn what_could_not_be_reached_is_tried_again_and_then_calls_a_person() {
    let mut shop = Shop::network();
    let job = shop.print();
    let mut pauses = Vec::new();
    loop {
        let claimed = shop.claim(&job).unwrap();
        match shop.record(&claimed, Told::Nothing(Trouble::NotReached)) {
            State::Queued { due_at } => {
                assert_eq!(shop.claim(&job), None, "it is not due yet");
                let now = shop.world.database.print_jobs.find(MERCHANT, &job.id).unwrap().updated_at;
                pauses.push(due_at.ms_since(now) / 1_000);
                shop.world.advance_ms(due_at.ms_since(now));
            }
            state => break assert_eq!(state, State::Failed(Trouble::NotReached)),
        }
    }
    assert_eq!(pauses, [2, 4, 8, 16, 32, 60, 60]);
    let [reason] = shop.open_exceptions().try_into().unwrap();
    assert!(reason.contains("could not be reached") && reason.contains("Retry the print job"), "{reason}");
    // Somebody switches the printer on: the same document comes out, as the original that it is.
    let retried = shop.world.run(&RetryPrint { job: job.id }).unwrap();
    assert_eq!(retried.content, Content::Receipt { receipt: shop.receipt, is_copy: false });
    assert!(shop.open_exceptions().is_empty());
    let claimed = shop.claim(&job).unwrap();
    assert_eq!((claimed.attempts, shop.record(&claimed, Told::Sent)), (9, State::Sent));
}

#[test]
fn what_may_have_come_out_is_never_repeated_by_itself() {
    let mut shop = Shop::network();
    let job = shop.print();
    let claimed = shop.claim(&job).unwrap();
    assert_eq!(shop.record(&claimed, Told::Unsure(Trouble::BrokenOff)), State::Unknown(Trouble::BrokenOff));
    let [reason] = shop.open_exceptions().try_into().unwrap();
    assert!(reason.contains("it will say that it is a copy"), "{reason}");
    shop.world.advance_ms(QUEUED_MS_MAX);
    assert_eq!(shop.claim(&job), None);
    assert_eq!(shop.refused(&RetryPrint { job: job.id }), "print_job_not_retryable");
    // Certainty that comes late ends the doubt, and repeats nothing either.
    let mut other = Shop { world: shop.world.clone(), ..shop };
    assert_eq!(shop.record(&claimed, Told::Printed), State::Printed);
    assert!(shop.open_exceptions().is_empty());
    assert_eq!(other.record(&claimed, Told::Nothing(Trouble::NotPrinted)), State::Failed(Trouble::NotPrinted));
}

#[test]
fn a_claim_that_nobody_acknowledges_is_a_doubt() {
    let mut shop = Shop::with(Way::Pull);
    let job = shop.print();
    shop.claim(&job).unwrap();
    let expire = ExpirePrint { job: job.id };
    shop.world.advance_ms(CLAIM_MS - 1);
    assert_eq!(shop.world.run(&expire).unwrap().state.as_str(), "sending");
    shop.world.advance_ms(1);
    assert_eq!(shop.world.run(&expire).unwrap().state, State::Unknown(Trouble::NotAcknowledged));
    assert_eq!(shop.open_exceptions().len(), 1);
}

#[test]
fn nothing_comes_out_when_everybody_has_gone() {
    let mut shop = Shop::with(Way::Pull);
    let receipt = shop.print();
    let reason = DrawerReason::NoSale;
    let open = OpenDrawer { register: REGISTER, printer: shop.printer, reason };
    let drawer = shop.world.run(&open).unwrap();
    shop.world.advance_ms(DRAWER_MS_MAX);
    assert_eq!(shop.claim(&drawer), None);
    assert_eq!(
        shop.world.database.print_jobs.find(MERCHANT, &drawer.id).unwrap().state,
        State::Failed(Trouble::TooLate)
    );
    assert_eq!(shop.refused(&RetryPrint { job: drawer.id }), "print_job_not_retryable");
    shop.world.advance_ms(QUEUED_MS_MAX - DRAWER_MS_MAX);
    assert_eq!(shop.world.run(&ExpirePrint { job: receipt.id }).unwrap().state, State::Failed(Trouble::TooLate));
}

#[test]
fn a_pulse_that_did_not_arrive_is_not_sent_later() {
    let mut shop = Shop::network();
    let reason = DrawerReason::Change;
    let job = shop.world.run(&OpenDrawer { register: REGISTER, printer: shop.printer, reason }).unwrap();
    let claimed = shop.claim(&job).unwrap();
    assert!(matches!(shop.record(&claimed, Told::Nothing(Trouble::NotReached)), State::Queued { .. }));
    shop.world.advance_ms(8_000);
    let claimed = shop.claim(&job).unwrap();
    assert_eq!(shop.record(&claimed, Told::Nothing(Trouble::NotReached)), State::Failed(Trouble::NotReached));
}

#[test]
fn a_drawer_is_opened_for_a_reason_and_somebody_answers_for_it() {
    let mut shop = Shop::network();
    let open = |reason| OpenDrawer { register: REGISTER, printer: shop.printer, reason };
    let (no_sale, for_sale) = (open(DrawerReason::NoSale), open(DrawerReason::Sale(sale_id(1))));
    let job = shop.world.run(&no_sale).unwrap();
    let event = shop.world.database.events.rows().last().unwrap();
    let data = format!(r#"{{"reason":"no_sale","print_job":"{}","by":"test"}}"#, job.id);
    assert_eq!((event.kind, &event.subject, &event.data), ("drawer.opened", &REGISTER.to_string(), &data));
    assert!(matches!(shop.world.run(&for_sale).unwrap().content, Content::Drawer { register: REGISTER, .. }));
    shop.world.open_sale(2, &[line(TEA, 1_000)]);
    let unpaid = OpenDrawer { reason: DrawerReason::Sale(sale_id(2)), ..no_sale.clone() };
    assert_eq!(shop.refused(&unpaid), "drawer_sale_without_cash");
    let nobody = OpenDrawer { reason: DrawerReason::Sale(SaleId::from_uuid(Uuid::nil())), ..no_sale.clone() };
    assert_eq!(shop.refused(&nobody), "sale_not_found");
    shop.world.run(&UpdatePrinter { drawer_of: Some(None), ..UpdatePrinter::of(shop.printer) }).unwrap();
    assert_eq!(shop.refused(&no_sale), "drawer_missing");
}

#[test]
fn a_printer_that_is_switched_off_prints_nothing() {
    let mut shop = Shop::network();
    let job = shop.print();
    shop.world.run(&UpdatePrinter { is_active: Some(false), ..UpdatePrinter::of(shop.printer) }).unwrap();
    let print = shop.a_print();
    assert_eq!(shop.refused(&print), "printer_inactive");
    let open = OpenDrawer { register: REGISTER, printer: shop.printer, reason: DrawerReason::NoSale };
    assert_eq!(shop.refused(&open), "printer_inactive");
    assert_eq!(shop.claim(&job), None);
    assert_eq!(shop.open_exceptions().len(), 1);
}

#[test]
fn only_the_merchants_own_people_print_and_only_the_hub_sends() {
    let mut shop = Shop::network();
    let job = shop.print();
    let claim = ClaimPrint { printer: shop.printer, jobs: vec![job.id] };
    let print = shop.a_print();
    let mut cashier = Shop { world: shop.world.clone().acting_as(Role::Manager), ..shop };
    assert_eq!(cashier.refused(&claim), "role_too_low");
    let mut viewer = shop.world.clone().acting_as(Role::Viewer);
    assert_eq!(viewer.refused(&print).code(), "role_too_low");
    let mut other = shop.world.of_other_merchant();
    assert_eq!(other.refused(&print).code(), "printer_not_found");
    assert_eq!(other.refused(&claim).code(), "printer_not_found");
    assert_eq!(other.refused(&RetryPrint { job: job.id }).code(), "print_job_not_found");
    let record = RecordPrint { job: job.id, attempt: 0, told: Told::Printed };
    assert_eq!(other.refused(&record).code(), "print_job_not_found");
}
