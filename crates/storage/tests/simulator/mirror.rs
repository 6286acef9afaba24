//! What the rows on the disk say, in the checker's own words: decoded here by the places of their columns, and held to the
//! invariants as each transaction becomes durable. Nothing of the rules of `domain` is used but the words of its states.

use std::collections::{BTreeMap, BTreeSet};

use domain::payment::{Kind, State, Witness};
use domain::sale::{State as SaleState, TenderState};
use storage::{Cell, Row};
use uuid::Uuid;

use crate::disk::Written;
use crate::purse::{Earned, Purse};
use crate::taking::{Take, TakeRows};

/// Something that must hold and does not.
#[derive(Debug, Clone)]
pub struct Finding {
    pub invariant: &'static str,
    /// Of which record.
    pub subject: String,
    pub words: String,
}

pub type Checked = Result<(), Finding>;

pub fn found(invariant: &'static str, subject: impl ToString, words: impl Into<String>) -> Finding {
    Finding { invariant, subject: subject.to_string(), words: words.into() }
}

/// Goes on only if `holds`.
macro_rules! must {
    ($holds:expr, $invariant:expr, $subject:expr, $($words:tt)*) => {
        if !$holds {
            return Err($crate::mirror::found($invariant, $subject, format!($($words)*)));
        }
    };
}
pub(crate) use must;

pub fn text(row: &Row, place: usize) -> &str {
    match row.get(place) {
        Some(Cell::Text(text)) => text,
        _ => "",
    }
}

pub fn int(row: &Row, place: usize) -> i64 {
    match row.get(place) {
        Some(Cell::Int(value)) => *value,
        _ => 0,
    }
}

fn int_option(row: &Row, place: usize) -> Option<i64> {
    match row.get(place) {
        Some(Cell::Int(value)) => Some(*value),
        _ => None,
    }
}

fn flag(row: &Row, place: usize) -> bool {
    matches!(row.get(place), Some(Cell::Bool(true)))
}

pub fn bytes(row: &Row, place: usize) -> &[u8] {
    match row.get(place) {
        Some(Cell::Bytes(bytes)) => bytes,
        _ => &[],
    }
}

/// The number behind the prefix of an id.
pub fn id_of(text: &str) -> u128 {
    text.get(4..36).and_then(|hex| Uuid::try_parse(hex).ok()).map_or(0, |uuid| uuid.as_u128())
}

fn id(row: &Row, place: usize) -> u128 {
    id_of(text(row, place))
}

pub fn payment_text(id: u128) -> String {
    format!("pay_{id:032x}")
}

pub fn sale_text(id: u128) -> String {
    format!("sal_{id:032x}")
}

/// Where an operation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stand {
    Open,
    NotFound,
    Refused,
    Approved,
}

impl Stand {
    fn of(word: &str) -> Self {
        match word {
            "approved" => Self::Approved,
            "not_sent" | "cancelled" | "declined" => Self::Refused,
            "not_found" => Self::NotFound,
            _ => Self::Open,
        }
    }

    pub fn is_definite(self) -> bool {
        matches!(self, Self::Refused | Self::Approved)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Op {
    pub number: u32,
    pub kind: Kind,
    pub target: Option<u32>,
    pub asked: i64,
    pub stand: Stand,
    pub approved: i64,
    pub is_by_person: bool,
    pub is_contradicted: bool,
    pub recorded_at: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pay {
    pub merchant: usize,
    pub connection: u128,
    pub sale: Option<u128>,
    pub tender: u128,
    pub asked: i64,
    pub approved: i64,
    pub captured: i64,
    pub refunded: i64,
    pub state: State,
    pub is_closed_uncharged: bool,
    pub count: i64,
    pub reference: String,
    pub ops: Vec<Op>,
}

impl Pay {
    /// What is with us.
    pub fn net(&self) -> i64 {
        self.captured - self.refunded
    }

    /// The charge was approved after it was told to be off.
    pub fn is_late(&self) -> bool {
        self.is_closed_uncharged && self.ops.iter().any(|op| op.kind.is_charge() && op.stand == Stand::Approved)
    }

    /// The words of a witness differ from another's, or from a person's: then sums may, too, and an exception says so.
    pub fn is_disputed(&self) -> bool {
        self.ops.iter().any(|op| op.is_contradicted || op.is_by_person)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ten {
    pub payment: Option<u128>,
    /// The sale and the number of the return whose credit it is.
    pub credit: Option<(u128, u32)>,
    pub given: i64,
    pub change: i64,
    pub amount: i64,
    pub state: TenderState,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deal {
    pub merchant: usize,
    pub location: u128,
    pub register: u128,
    pub state: SaleState,
    pub total: i64,
    pub reserved_until: i64,
    /// Who buys, or nobody, and minor units for one point, or none.
    pub buyer: (u128, i64),
    /// Number to article, quantity, amount after its discounts, stocked, removed.
    pub lines: BTreeMap<u32, (u128, i64, i64, bool, bool)>,
    pub tenders: BTreeMap<u128, Ten>,
    pub held: BTreeMap<u128, i64>,
    /// What the movements of this sale took off the shelf, or put back.
    pub moved: BTreeMap<u128, i64>,
    pub backs: BTreeMap<u32, Back>,
}

/// A return.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Back {
    pub total: i64,
    /// Number of the sale's line to article, quantity, restocked.
    pub lines: BTreeMap<u32, (u128, i64, bool)>,
    pub refunds: BTreeMap<u32, Given>,
}

/// What a return gave back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// Out of whose drawer.
    pub register: u128,
    /// The payment with the operation.
    pub by: (u128, u32),
    /// The sale and the tender that it pays as a credit.
    pub credit: Option<(u128, u128)>,
    pub is_released: bool,
    pub amount: i64,
}

impl Deal {
    pub fn due(&self) -> i64 {
        self.total
            - self.tenders.values().filter(|one| one.state != TenderState::Failed).map(|one| one.amount).sum::<i64>()
    }

    pub fn has_pending(&self) -> bool {
        self.tenders.values().any(|one| one.state == TenderState::Pending)
    }

    pub fn cash(&self) -> i64 {
        let is_cash = |one: &&Ten| one.payment.is_none() && one.credit.is_none();
        let paid = self.tenders.values().filter(|one| one.state == TenderState::Paid).filter(is_cash);
        paid.map(|one| one.given - one.change).sum()
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Level {
    pub merchant: usize,
    pub on_hand: i64,
    pub reserved: i64,
    pub moved: i64,
    pub held: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub fingerprint: Vec<u8>,
    pub status: i64,
    pub body: Vec<u8>,
    pub subject: String,
}

/// What of a connection the checks need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conn {
    pub merchant: usize,
    pub has_inquiry: bool,
    pub finality_ms: i64,
}

/// All rows, decoded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mirror {
    pub merchants: Vec<String>,
    pub connections: BTreeMap<u128, Conn>,
    /// Whose register it is.
    pub registers: BTreeMap<u128, usize>,
    pub payments: BTreeMap<u128, Pay>,
    /// Merchant and reference to the payment: the simulator gives each wish its own reference.
    pub by_reference: BTreeMap<(usize, String), u128>,
    pub sales: BTreeMap<u128, Deal>,
    pub levels: BTreeMap<(u128, u128), Level>,
    /// Account to the stored balance and the sum of its postings.
    pub balances: BTreeMap<(usize, String), (i64, i64)>,
    /// Connection to the sum of what its payments hold.
    pub receivable: BTreeMap<u128, i64>,
    /// Register to the cash of its completed sales.
    pub drawers: BTreeMap<u128, i64>,
    /// The events that a consumer has seen, by number, as ids.
    pub events: Vec<Vec<u128>>,
    pub answers: BTreeMap<(usize, String), Stored>,
    /// Open exceptions by subject, one bit for each kind.
    pub exceptions: BTreeMap<String, u8>,
    /// Jobs that will come: kind and subject to the due time.
    pub jobs: BTreeMap<(bool, u128), (i64, usize)>,
    /// The same by time: due, whether it settles, subject, merchant.
    pub due: BTreeSet<(i64, bool, u128, usize)>,
    pub takes: BTreeMap<u128, Take>,
    pub purses: BTreeMap<u128, Purse>,
    /// Sale to what it earned.
    pub earned: BTreeMap<u128, Earned>,
    /// Payments that a customer or cashier called off.
    pub called_off: BTreeSet<u128>,
}

pub const LATE_APPROVAL: u8 = 1;
pub const CONTRADICT: u8 = 2;
const OTHER: u8 = 4;

/// What one transaction touched.
#[derive(Default)]
pub struct Touched {
    pub payments: BTreeSet<u128>,
    pub sales: BTreeSet<u128>,
    pub levels: BTreeSet<(u128, u128)>,
    pub balances: BTreeSet<(usize, String)>,
    /// Whose rows were written.
    pub owners: BTreeSet<usize>,
    /// Whose commands changed something.
    pub audited: BTreeSet<usize>,
    /// Commands with a key, by merchant and key.
    pub keyed: Vec<(usize, String)>,
    pub answered: BTreeSet<(usize, String)>,
    pub takes: TakeRows,
    pub purses: BTreeSet<u128>,
}

impl Mirror {
    pub fn new(merchants: Vec<String>) -> Self {
        let events = vec![Vec::new(); merchants.len()];
        Self { merchants, events, ..Self::default() }
    }

    fn owner(&self, row: &Row, place: usize) -> usize {
        let owner = text(row, place);
        self.merchants.iter().position(|merchant| merchant == owner).unwrap_or(usize::MAX)
    }

    /// Whether an exception about the subject is open.
    pub fn has_exception(&self, subject: &str) -> bool {
        self.exceptions.get(subject).is_some_and(|open| *open != 0)
    }

    /// Takes in one transaction and holds what it touched to the invariants.
    pub fn observe(&mut self, written: &Written, is_checked: bool) -> Checked {
        let mut touched = Touched::default();
        for (table, row) in written {
            self.apply(table.name, row, &mut touched)?;
        }
        if !is_checked {
            return Ok(());
        }
        for payment in &touched.payments {
            self.check_payment(*payment)?;
        }
        for sale in &touched.sales {
            self.check_sale(*sale)?;
        }
        for place in &touched.levels {
            self.check_level(place)?;
        }
        for customer in &touched.purses {
            self.check_purse(*customer)?;
        }
        self.check_takes(&touched.takes)?;
        self.check_balances(&touched)?;
        self.check_transaction(&touched)
    }

    fn apply(&mut self, table: &str, row: &Row, touched: &mut Touched) -> Checked {
        match table {
            "payment" => self.apply_payment(row, touched),
            "operation" => self.apply_operation(row, touched),
            "exception" => {
                self.apply_exception(row, touched);
                Ok(())
            }
            "job" => {
                self.apply_job(row, touched);
                Ok(())
            }
            "sale" => self.apply_sale(row, touched),
            "sale_line" => {
                let line = (id(row, 3), int(row, 5), int(row, 9) - int(row, 12), flag(row, 10), flag(row, 11));
                self.deal(id(row, 0)).lines.insert(int(row, 1) as u32, line);
                touched.sales.insert(id(row, 0));
                Ok(())
            }
            "tender" => self.apply_tender(row, touched),
            "reservation" => {
                let (sale, article, place) = (id(row, 0), id(row, 1), (id(row, 3), id(row, 1)));
                let quantity = int(row, 4);
                let before = self.deal(sale).held.insert(article, quantity).unwrap_or(0);
                self.levels.entry(place).or_default().held += quantity - before;
                touched.sales.insert(sale);
                touched.levels.insert(place);
                Ok(())
            }
            "return" => {
                self.back(row, 2, touched).total = int(row, 6);
                Ok(())
            }
            "return_line" => {
                let line = (id(row, 4), int(row, 6), flag(row, 9));
                self.back(row, 3, touched).lines.insert(int(row, 2) as u32, line);
                Ok(())
            }
            "refund" => {
                let given = Given {
                    register: id(row, 4),
                    by: (id(row, 5), int(row, 6) as u32),
                    credit: Some((id(row, 10), id(row, 11))).filter(|(sale, _)| *sale != 0),
                    is_released: int_option(row, 13).is_some(),
                    amount: int(row, 7),
                };
                self.back(row, 3, touched).refunds.insert(int(row, 2) as u32, given);
                Ok(())
            }
            "stock_level" => {
                let place = (id(row, 0), id(row, 1));
                let merchant = self.owner(row, 2);
                let level = self.levels.entry(place).or_default();
                (level.merchant, level.on_hand, level.reserved) = (merchant, int(row, 3), int(row, 4));
                touched.levels.insert(place);
                Ok(())
            }
            "stocktake" => {
                touched.owners.insert(self.owner(row, 1));
                self.apply_take(row);
                Ok(())
            }
            "stocktake_line" => {
                touched.owners.insert(self.owner(row, 2));
                self.apply_take_line(row, &mut touched.takes);
                Ok(())
            }
            "movement" => {
                self.apply_take_movement(row, &mut touched.takes);
                let place = (id(row, 2), id(row, 3));
                self.levels.entry(place).or_default().moved += int(row, 5);
                touched.levels.insert(place);
                touched.owners.insert(self.owner(row, 1));
                if !text(row, 6).is_empty() {
                    let sale = id(row, 6);
                    *self.deal(sale).moved.entry(place.1).or_default() += int(row, 5);
                    touched.sales.insert(sale);
                }
                Ok(())
            }
            "balance" => {
                let key = (self.owner(row, 0), text(row, 1).to_owned());
                self.balances.entry(key.clone()).or_default().0 = int(row, 3);
                touched.balances.insert(key);
                Ok(())
            }
            "customer" => {
                touched.owners.insert(self.owner(row, 1));
                Ok(())
            }
            "points_balance" => {
                touched.owners.insert(self.owner(row, 1));
                touched.purses.insert(id(row, 0));
                self.apply_purse(row);
                Ok(())
            }
            "points_entry" => {
                touched.owners.insert(self.owner(row, 2));
                touched.purses.insert(id(row, 0));
                touched.sales.extend(self.apply_points(row)?);
                Ok(())
            }
            "journal_entry" => self.apply_journal(row, touched),
            "event" => self.apply_event(row),
            "audit" => {
                let merchant = self.owner(row, 0);
                touched.audited.insert(merchant);
                if text(row, 4).starts_with('k') {
                    touched.keyed.push((merchant, text(row, 4).to_owned()));
                }
                Ok(())
            }
            "idempotency" => self.apply_answer(row, touched),
            "register" => {
                self.registers.insert(id(row, 0), self.owner(row, 1));
                Ok(())
            }
            "connection" => {
                let merchant = self.owner(row, 1);
                let profile: serde_json::Value = serde_json::from_str(text(row, 4)).unwrap_or_default();
                let has_inquiry = profile["has_inquiry"].as_bool().unwrap_or(false);
                let finality_ms = profile["finality_window_ms"].as_i64().unwrap_or(0);
                self.connections.insert(id(row, 0), Conn { merchant, has_inquiry, finality_ms });
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn apply_payment(&mut self, row: &Row, touched: &mut Touched) -> Checked {
        let payment = id(row, 0);
        let merchant = self.owner(row, 1);
        touched.payments.insert(payment);
        touched.owners.insert(merchant);
        let (connection, register) = (id(row, 6), id(row, 3));
        let is_own = self.connections.get(&connection).is_some_and(|one| one.merchant == merchant)
            && self.registers.get(&register) == Some(&merchant);
        must!(is_own, "I9 no crossing", payment_text(payment), "its connection or register is another merchant's");
        let before = self.payments.remove(&payment);
        let sale = Some(id(row, 4)).filter(|sale| *sale != 0);
        let (net_before, ops) = before.map_or((0, Vec::new()), |before| (before.net(), before.ops));
        let now = Pay {
            merchant,
            connection,
            sale,
            tender: id(row, 5),
            asked: int(row, 8),
            approved: int(row, 9),
            captured: int(row, 10),
            refunded: int(row, 11),
            state: State::parse(text(row, 12)).unwrap_or(State::InDoubt),
            is_closed_uncharged: flag(row, 13),
            count: int(row, 14),
            reference: text(row, 15).to_owned(),
            ops,
        };
        *self.receivable.entry(connection).or_default() += now.net() - net_before;
        touched.balances.insert((merchant, format!("receivable:con_{connection:032x}")));
        let other = self.by_reference.insert((merchant, now.reference.clone()), payment);
        self.payments.insert(payment, now);
        must!(
            other.is_none_or(|other| other == payment),
            "I5 one key, one effect",
            payment_text(payment),
            "the same request made {} too",
            payment_text(other.unwrap_or(0))
        );
        Ok(())
    }

    fn apply_operation(&mut self, row: &Row, touched: &mut Touched) -> Checked {
        let payment = id(row, 0);
        touched.payments.insert(payment);
        let merchant = self.owner(row, 2);
        touched.owners.insert(merchant);
        let op = Op {
            number: int(row, 1) as u32,
            kind: Kind::parse(text(row, 4)).unwrap_or(Kind::Purchase),
            target: int_option(row, 5).map(|target| target as u32),
            asked: int(row, 6),
            stand: Stand::of(text(row, 7)),
            approved: int_option(row, 9).unwrap_or(0),
            is_by_person: text(row, 14) == Witness::Person.as_str(),
            is_contradicted: flag(row, 15),
            recorded_at: int(row, 17),
        };
        let Some(pay) = self.payments.get_mut(&payment) else {
            // Rows come in the order of their tables: the operation stands before its payment.
            self.payments.insert(payment, orphan(op));
            return Ok(());
        };
        match pay.ops.iter_mut().find(|known| known.number == op.number) {
            Some(known) => {
                let is_kept = match known.stand {
                    Stand::Approved => op.stand == Stand::Approved,
                    Stand::Refused => op.stand.is_definite(),
                    Stand::Open | Stand::NotFound => true,
                };
                let asked = (known.kind, known.target, known.asked);
                let is_same = asked == (op.kind, op.target, op.asked);
                let words = format!("operation {}: {:?} became {:?}", op.number, known.stand, op.stand);
                *known = op;
                must!(is_kept, "I3 a definite state stays", payment_text(payment), "{words}");
                must!(is_same, "I2 an intent never changes", payment_text(payment), "{words}");
            }
            None => pay.ops.push(op),
        }
        Ok(())
    }

    fn apply_exception(&mut self, row: &Row, touched: &mut Touched) {
        let bit = match text(row, 1) {
            "late_approval" => LATE_APPROVAL,
            "witnesses_contradict" => CONTRADICT,
            "payment_in_doubt" => OTHER,
            "refund_failed" => 8,
            "oversold" => 16,
            _ => 32,
        };
        touched.owners.insert(self.owner(row, 3));
        let open = self.exceptions.entry(text(row, 0).to_owned()).or_default();
        *open = if int_option(row, 9).is_none() { *open | bit } else { *open & !bit };
        if text(row, 0).starts_with("pay") {
            touched.payments.insert(id(row, 0));
        }
    }

    fn apply_job(&mut self, row: &Row, touched: &mut Touched) {
        if text(row, 0) == "close_stocktake" {
            // Done by who counts.
            touched.owners.insert(self.owner(row, 2));
            return;
        }
        let settles = text(row, 0) == "settle";
        let subject = id(row, 1);
        let merchant = self.owner(row, 2);
        touched.owners.insert(merchant);
        if let Some((due, merchant)) = self.jobs.remove(&(settles, subject)) {
            self.due.remove(&(due, settles, subject, merchant));
        }
        if let Some(due) = int_option(row, 3) {
            self.jobs.insert((settles, subject), (due, merchant));
            self.due.insert((due, settles, subject, merchant));
        }
        if settles {
            touched.payments.insert(subject);
        }
    }

    fn deal(&mut self, sale: u128) -> &mut Deal {
        self.sales.entry(sale).or_insert_with(|| Deal {
            merchant: usize::MAX,
            location: 0,
            register: 0,
            state: SaleState::Open,
            total: 0,
            reserved_until: 0,
            buyer: (0, 0),
            lines: BTreeMap::new(),
            tenders: BTreeMap::new(),
            held: BTreeMap::new(),
            moved: BTreeMap::new(),
            backs: BTreeMap::new(),
        })
    }

    /// The return that a row belongs to, which begins with the sale and the number of the return; its owner stands at
    /// `owner`.
    fn back(&mut self, row: &Row, owner: usize, touched: &mut Touched) -> &mut Back {
        touched.sales.insert(id(row, 0));
        touched.owners.insert(self.owner(row, owner));
        self.deal(id(row, 0)).backs.entry(int(row, 1) as u32).or_default()
    }

    fn apply_sale(&mut self, row: &Row, touched: &mut Touched) -> Checked {
        let sale = id(row, 0);
        let merchant = self.owner(row, 1);
        touched.sales.insert(sale);
        touched.owners.insert(merchant);
        let register = id(row, 3);
        must!(
            self.registers.get(&register) == Some(&merchant),
            "I9 no crossing",
            sale_text(sale),
            "a foreign register"
        );
        let state = SaleState::parse(text(row, 5)).unwrap_or(SaleState::Open);
        let deal = self.deal(sale);
        let was = deal.state;
        let is_known = deal.merchant != usize::MAX;
        (deal.merchant, deal.location, deal.register) = (merchant, id(row, 2), register);
        (deal.state, deal.total, deal.reserved_until) = (state, int(row, 6), int(row, 13));
        deal.buyer = (id(row, 20), int(row, 21));
        must!(was == SaleState::Open || was == state, "I4 an end stays", sale_text(sale), "{was:?} became {state:?}");
        let _ = is_known;
        if was == SaleState::Open && state == SaleState::Completed {
            touched.balances.insert((merchant, format!("drawer:reg_{register:032x}")));
        }
        Ok(())
    }

    fn apply_tender(&mut self, row: &Row, touched: &mut Touched) -> Checked {
        let sale = id(row, 0);
        touched.sales.insert(sale);
        touched.owners.insert(self.owner(row, 2));
        let payment = Some(id(row, 6)).filter(|payment| *payment != 0);
        let origin = text(row, 9);
        let credit = origin.rsplit_once('-').map(|(_, number)| (id_of(origin), number.parse().unwrap_or(0)));
        let tender = Ten {
            payment,
            credit,
            given: int(row, 4),
            change: int(row, 5),
            amount: int(row, 7),
            state: TenderState::parse(text(row, 8)).unwrap_or(TenderState::Pending),
        };
        self.deal(sale).tenders.insert(id(row, 1), tender);
        Ok(())
    }

    fn apply_journal(&mut self, row: &Row, touched: &mut Touched) -> Checked {
        let merchant = self.owner(row, 1);
        touched.owners.insert(merchant);
        let postings: Vec<(String, i64)> = serde_json::from_str(text(row, 4)).unwrap_or_default();
        let sum: i64 = postings.iter().map(|(_, amount)| amount).sum();
        must!(sum == 0 && !postings.is_empty(), "I7 entries sum to zero", text(row, 2), "{postings:?}");
        for (account, amount) in postings {
            let key = (merchant, account);
            self.balances.entry(key.clone()).or_default().1 += amount;
            touched.balances.insert(key);
        }
        Ok(())
    }

    fn apply_event(&mut self, row: &Row) -> Checked {
        let merchant = self.owner(row, 0);
        let (number, event) = (int(row, 1), id(row, 2));
        let Some(seen) = self.events.get_mut(merchant) else {
            return Err(found("I9 no crossing", text(row, 0), "an event of nobody"));
        };
        let before = seen.get(number as usize - 1).copied();
        must!(
            before.is_none_or(|before| before == event),
            "I8 an event number is used once",
            text(row, 4),
            "number {number} was seen with another event before"
        );
        if before.is_none() {
            must!(
                number as usize == seen.len() + 1,
                "I8 event numbers have no gap",
                text(row, 4),
                "number {number} after {}",
                seen.len()
            );
            seen.push(event);
        }
        Ok(())
    }

    fn apply_answer(&mut self, row: &Row, touched: &mut Touched) -> Checked {
        let key = (self.owner(row, 0), text(row, 1).to_owned());
        let now = Stored {
            fingerprint: bytes(row, 2).to_vec(),
            subject: text(row, 3).to_owned(),
            status: int(row, 4),
            body: bytes(row, 6).to_vec(),
        };
        touched.answered.insert(key.clone());
        if let Some(before) = self.answers.insert(key.clone(), now.clone()) {
            let is_same = before.fingerprint == now.fingerprint && (before.status == 0 || before == now);
            must!(is_same, "I5 an answer stays", &key.1, "{before:?} became {now:?}");
        }
        Ok(())
    }
}

fn orphan(op: Op) -> Pay {
    Pay {
        merchant: usize::MAX,
        connection: 0,
        sale: None,
        tender: 0,
        asked: 0,
        approved: 0,
        captured: 0,
        refunded: 0,
        state: State::InProgress,
        is_closed_uncharged: false,
        count: 0,
        reference: String::new(),
        ops: vec![op],
    }
}
