//! A return: goods of a completed sale come back, onto the shelf or not, and the shop owes what they are worth.

use serde::Serialize;

use super::history::{History, is_wholly_returned, returned, standing};
use super::paid_with::PaidWith;
use super::refund::{NewRefund, give_back, plan, plan_as_paid, post, require_ways, way_keys};
use super::worth::{kept_minor, worth};
use super::{Moved, RETURNS_MAX, Refusal, Return, ReturnLine};
use crate::call::{Call, Role};
use crate::command::{self, Command, require_role};
use crate::elsewhere::Told;
use crate::guard;
use crate::id::{ArticleId, LocationId, MerchantId, RegisterId, ReturnId, SaleId};
use crate::journal::{LedgerAccount, return_postings};
use crate::metadata::Metadata;
use crate::money::{Currency, Quantity};
use crate::operator::require_register_at;
use crate::payment::{REASON_CHARS_MAX, Task};
use crate::points;
use crate::sale::{Sale, SaleLine, State, coupons_of, find_sale, give_coupons_back, next_receipt_number};
use crate::shift::current_shift;
use crate::stock;
use crate::tax::{Totals, totals};
use crate::work::{Key, Stop, UnitOfWork};

/// What comes back of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewReturnLine {
    /// The number of the line of the sale.
    pub number: u32,
    /// How much.
    pub quantity: Quantity,
    /// Whether it goes back on the shelf.
    pub is_restocked: bool,
}

/// Takes goods of a completed sale back.
#[derive(Debug, Clone)]
pub struct CreateReturn {
    /// The caller's merchant.
    pub merchant: MerchantId,
    /// Where the register stands; what is restocked lies there from now on.
    pub location: LocationId,
    /// The register that takes the goods, and gives the cash.
    pub register: RegisterId,
    /// What was sold.
    pub sale: SaleId,
    /// What comes back.
    pub lines: Vec<NewReturnLine>,
    /// Why, if the customer says.
    pub reason: String,
    /// How the money goes back; in the ways in which the sale was paid where it is left out. What is not given back at
    /// once stays owed.
    pub refunds: Option<Vec<NewRefund>>,
    /// What the caller knows to be needed, and spares the command to ask for.
    pub foreseen: Vec<Key>,
}

impl Command for CreateReturn {
    type Reply = Moved;

    fn name(&self) -> &'static str {
        "return.create"
    }

    fn keys(&self) -> Vec<Key> {
        [
            Key::Merchant(self.merchant),
            Key::Location(self.location),
            Key::Register(self.register),
            Key::Sale(self.sale),
            Key::Returns(self.sale),
            Key::ReceiptSeries(self.register),
        ]
        .into_iter()
        .chain(self.foreseen.iter().cloned())
        .collect()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Moved, Stop<command::Refusal>> {
        let taken = self.take(work, call)?;
        let tasks = self.give_back(work, call, &taken)?;
        Ok(Moved { standing: standing(work, call, taken.origin.id)?, tasks })
    }
}

/// A return whose goods are back, and whose worth is owed.
pub(super) struct Taken {
    pub origin: Return,
    sale: Sale,
    paid_with: PaidWith,
}

impl CreateReturn {
    /// Takes the goods back: from here on the shop owes what they are worth.
    pub(super) fn take(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Taken, Stop<command::Refusal>> {
        require_role(call, Role::Cashier)?;
        check_reason(&self.reason)?;
        work.require(self.keys())?;
        let sale = find_sale(work, call.merchant, self.sale)?.clone();
        if sale.state != State::Completed {
            return Err(Refusal::SaleNotCompleted { state: sale.state }.into());
        }
        require_register_at(work, call, self.register, self.location)?;
        let before = History::of(work, &sale);
        let id = next_id(&before, self.sale)?;
        let lines = pick(&self.lines, call.merchant, id, &before)?;
        let paid_with = self.require_rest(work, &sale, &lines)?;
        let totals = worth_of(&before, &lines)?;
        let origin = self.insert(work, call, id, &sale, totals)?;
        emit_created(work, call, &origin, &lines);
        points::take_back(work, call, &sale, &origin, before.total_minor())?;
        if is_all_back(&before, &lines) {
            give_coupons_back(work, &sale)?;
        }
        take_lines(work, call, self.location, lines, None)?;
        post(work, call, &origin, return_postings(totals.net_minor, totals.tax_minor))?;
        Ok(Taken { origin, sale, paid_with })
    }

    /// Gives back what it still owes, as the register asks or as the sale was paid.
    pub(super) fn give_back(
        &self,
        work: &mut UnitOfWork,
        call: &mut Call<'_>,
        taken: &Taken,
    ) -> Result<Vec<Task>, Stop<command::Refusal>> {
        let Taken { origin, sale, paid_with } = taken;
        let due_minor = standing(work, call, origin.id)?.due_minor;
        let planned = match &self.refunds {
            Some(asked) => plan(work, call, sale, paid_with, due_minor, asked)?,
            None => plan_as_paid(work, call, sale, paid_with, due_minor)?,
        };
        give_back(work, call, origin, self.register, &planned)
    }

    /// What is known to be needed once the sale is loaded: the books, the shelf, and the ways to give back.
    fn require_rest(
        &self,
        work: &UnitOfWork,
        sale: &Sale,
        lines: &[ReturnLine],
    ) -> Result<PaidWith, Stop<command::Refusal>> {
        let earned = [LedgerAccount::Revenue, LedgerAccount::Tax];
        let books = earned.map(|account| Key::Balance(sale.merchant, account, sale.currency));
        let shelf = lines.iter().filter(|line| line.is_restocked).map(|line| line.article);
        let shelf = shelf.flat_map(|article| [Key::Article(article), Key::StockLevel(self.location, article)]);
        let points = points::points_key(sale);
        let paid_with = PaidWith::of(work, sale)?;
        work.require(
            way_keys(sale, &paid_with, self.register)
                .into_iter()
                .chain(books)
                .chain(shelf)
                .chain(points)
                .chain(coupons_of(sale)),
        )?;
        require_ways(work, sale, self.register)
    }

    fn insert(
        &self,
        work: &mut UnitOfWork,
        call: &mut Call<'_>,
        id: ReturnId,
        sale: &Sale,
        totals: Totals,
    ) -> Result<Return, Stop<command::Refusal>> {
        let origin = Return {
            id,
            merchant: call.merchant,
            location: self.location,
            register: self.register,
            shift: current_shift(work, call.merchant, self.register)?,
            currency: sale.currency,
            total_minor: totals.gross_minor,
            tax_minor: totals.tax_minor,
            receipt_number: next_receipt_number(work, call.merchant, self.register)?,
            metadata: Metadata::default(),
            reason: self.reason.clone(),
            created_at: call.now,
            elsewhere: None,
            version: 1,
        };
        work.returns.insert(origin.clone());
        Ok(origin)
    }
}

/// Puts the lines of the return where they belong: what is restocked on the shelf, and all of them on the return.
pub(super) fn take_lines(
    work: &mut UnitOfWork,
    call: &mut Call<'_>,
    location: LocationId,
    lines: Vec<ReturnLine>,
    told: Option<&Told>,
) -> Result<(), Stop<command::Refusal>> {
    for line in lines {
        if line.is_restocked {
            stock::take_back(work, call, line.origin.sale, (location, line.article), line.quantity, told)?;
        }
        work.return_lines.insert(line);
    }
    Ok(())
}

impl NewReturnLine {
    /// The line of the return, if as much is left to come back of what was sold.
    fn pick(
        &self,
        merchant: MerchantId,
        origin: ReturnId,
        sold: &SaleLine,
        returned: Quantity,
    ) -> Result<ReturnLine, Refusal> {
        let returnable = sold.quantity.checked_sub(returned).unwrap_or_default();
        let number = self.number;
        if !(1..=returnable.0).contains(&self.quantity.0) {
            return Err(Refusal::QuantityNotReturnable { number, returnable });
        }
        let after = returned.checked_add(self.quantity).ok_or(Refusal::AmountOutOfRange)?;
        let amount_minor = kept_minor(sold, returned)?.saturating_sub(kept_minor(sold, after)?);
        Ok(ReturnLine {
            origin,
            number,
            merchant,
            article: sold.article,
            name: sold.name.clone(),
            quantity: self.quantity,
            tax_rate: sold.tax_rate,
            amount_minor,
            is_restocked: self.is_restocked && sold.is_stocked,
            version: 1,
        })
    }
}

/// The lines of the return, if all of it may come back.
pub(super) fn pick(
    lines: &[NewReturnLine],
    merchant: MerchantId,
    id: ReturnId,
    before: &History,
) -> Result<Vec<ReturnLine>, Refusal> {
    let returned = before.returned();
    let mut picked: Vec<ReturnLine> = Vec::new();
    for new in lines {
        if picked.iter().any(|line| line.number == new.number) {
            return Err(Refusal::LineRepeated { number: new.number });
        }
        let sold = before.sale_lines.iter().find(|line| line.number == new.number && !line.is_removed);
        let sold = sold.ok_or(Refusal::LineUnknown { number: new.number })?;
        picked.push(new.pick(merchant, id, sold, returned.get(&new.number).copied().unwrap_or_default())?);
    }
    if picked.is_empty() { Err(Refusal::Empty) } else { Ok(picked) }
}

pub(super) fn worth_of(before: &History, lines: &[ReturnLine]) -> Result<Totals, Refusal> {
    let after = returned(before.lines.iter().chain(lines));
    Ok(totals(&worth(&before.sale_lines, &before.returned(), &after, before.tax_terms)?)?)
}

/// Whether nothing of the sale is kept once these lines have come back, too.
fn is_all_back(before: &History, lines: &[ReturnLine]) -> bool {
    is_wholly_returned(&before.sale_lines, &returned(before.lines.iter().chain(lines)))
}

pub(super) fn next_id(before: &History, sale: SaleId) -> Result<ReturnId, Refusal> {
    let number = before.last_number().saturating_add(1);
    if number > RETURNS_MAX { Err(Refusal::TooManyReturns) } else { Ok(ReturnId { sale, number }) }
}

pub(super) fn check_reason(reason: &str) -> Result<(), Refusal> {
    if reason.chars().count() > REASON_CHARS_MAX {
        return Err(Refusal::ReasonInvalid);
    }
    if guard::looks_like_card_number(reason) { Err(Refusal::TextLooksLikeCardNumber) } else { Ok(()) }
}

fn emit_created(work: &mut UnitOfWork, call: &mut Call<'_>, origin: &Return, lines: &[ReturnLine]) {
    let lines = lines.iter().map(|line| LineFact {
        number: line.number,
        article: line.article,
        quantity: line.quantity,
        is_restocked: line.is_restocked,
    });
    let Return { id, location, register, currency, total_minor, tax_minor, receipt_number, .. } = origin;
    let created = Created {
        sale: id.sale,
        receipt_number,
        location: *location,
        register: *register,
        currency: *currency,
        total_minor: *total_minor,
        tax_minor: *tax_minor,
        lines: lines.collect(),
    };
    work.emit(call, "return.created", id, &created);
}

#[derive(Serialize)]
struct Created<'a> {
    sale: SaleId,
    receipt_number: &'a str,
    location: LocationId,
    register: RegisterId,
    currency: Currency,
    total_minor: i64,
    tax_minor: i64,
    lines: Vec<LineFact>,
}

#[derive(Serialize)]
struct LineFact {
    number: u32,
    article: ArticleId,
    quantity: Quantity,
    is_restocked: bool,
}
