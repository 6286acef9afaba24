//! Somebody who counts the shelves while the shop is open, and the piece-by-piece closing that the hub does. The checker
//! keeps for each count what had moved by then, in the order in which transactions became durable, and holds what comes
//! into the ledger to it.

use std::collections::{BTreeMap, BTreeSet};

use domain::id::{ArticleId, LocationId, StocktakeId};
use domain::stocktake::{BookCounts, ListUncounted};
use storage::{Answer, Idempotency, Row};
use uuid::Uuid;

use crate::hub::Waiter;
use crate::mirror::{Checked, Finding, Mirror, id_of, int, must, text};
use crate::people::Person;
use crate::wish::{Ask, Wait};
use crate::world::World;

/// A stocktake, as its rows say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Take {
    pub location: u128,
    pub state: String,
    pub lines: BTreeMap<u128, TakeLine>,
}

/// One article of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TakeLine {
    pub state: String,
    pub counted: i64,
    /// What had moved when it was counted; unknown where goods moved in the same transaction.
    pub moved_before: Option<i64>,
    /// What came into the ledger for it.
    pub entered: i64,
}

/// What one transaction wrote of stocktakes and of goods.
#[derive(Default)]
pub struct TakeRows {
    pub lines: BTreeSet<(u128, u128)>,
    /// Levels that something else than a count moved.
    pub moved: BTreeSet<(u128, u128)>,
}

impl Mirror {
    pub fn apply_take(&mut self, row: &Row) {
        let take = self.takes.entry(id_of(text(row, 0))).or_default();
        (take.location, take.state) = (id_of(text(row, 2)), text(row, 5).to_owned());
    }

    pub fn apply_take_line(&mut self, row: &Row, rows: &mut TakeRows) {
        let (take, article) = (id_of(text(row, 0)), id_of(text(row, 1)));
        let line = self.takes.entry(take).or_default().lines.entry(article).or_default();
        (line.state, line.counted) = (text(row, 3).to_owned(), int(row, 4));
        rows.lines.insert((take, article));
    }

    pub fn apply_take_movement(&mut self, row: &Row, rows: &mut TakeRows) {
        let (location, article) = (id_of(text(row, 2)), id_of(text(row, 3)));
        if text(row, 10).is_empty() {
            rows.moved.insert((location, article));
            return;
        }
        let take = self.takes.entry(id_of(text(row, 10))).or_default();
        take.lines.entry(article).or_default().entered += int(row, 5);
    }

    /// Holds the lines that a transaction wrote to the rule: what lies there is what was counted and what moved since.
    pub fn check_takes(&mut self, rows: &TakeRows) -> Checked {
        for (take, article) in &rows.lines {
            let Some(known) = self.takes.get_mut(take) else { continue };
            let place = (known.location, *article);
            let moved = self.levels.get(&place).map_or(0, |level| level.moved);
            let Some(line) = known.lines.get_mut(article) else { continue };
            match line.state.as_str() {
                "counted" => line.moved_before = (!rows.moved.contains(&place)).then_some(moved),
                "booked" => {
                    let Some(before) = line.moved_before else { continue };
                    let subject = format!("stk_{take:032x}");
                    must!(
                        line.entered == line.counted - before,
                        "I6 a count is worth what was counted and what moved since",
                        subject,
                        "{before} had moved when {} were counted, {} entered",
                        line.counted,
                        line.entered
                    );
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Lets the person who counts act.
pub fn act(world: &mut World, merchant: usize, wish: Option<usize>, patience: u32) -> Result<Option<i64>, Finding> {
    if patience == 0 {
        return Ok(None);
    }
    let location = world.shops[merchant].location.uuid().as_u128();
    let opening = match wish {
        Some(opening) => opening,
        None => world.wish(merchant, Ask::OpenStocktake { location }, false)?,
    };
    let me = world.people.iter().position(|person| matches!(person, Person::Stocktaker { .. }));
    if let Some(me) = me {
        world.people[me] = Person::Stocktaker { merchant, wish: Some(opening), patience: patience - 1 };
    }
    let opened = world.wishes[opening].answer.as_ref().filter(|(status, _)| *status < 400);
    let take = opened.map(|(_, body)| id_of(&String::from_utf8_lossy(body)));
    let take = take.and_then(|id| world.mirror.takes.get(&id).map(|take| (id, take.clone())));
    if let Some((stocktake, take)) = take {
        match take.state.as_str() {
            "open" if take.lines.values().any(|line| line.state == "counted") && world.rng.chance(250) => {
                world.wish(merchant, Ask::CloseStocktake { stocktake }, false)?;
            }
            "open" => {
                let (article, _) = world.shops[merchant].articles[world.rng.below(2)];
                let (article, quantity) = (article.uuid().as_u128(), world.rng.between(0, 40) * 1_000);
                let is_added = world.rng.chance(200);
                world.wish(merchant, Ask::Count { stocktake, location, article, quantity, is_added }, false)?;
            }
            "closing" => world.close_piece(merchant, stocktake, &take)?,
            _ => return Ok(None),
        }
    }
    Ok(Some(world.rng.between(300, 4_000)))
}

impl World {
    /// What the hub's worker does with a stocktake that is being closed.
    fn close_piece(&mut self, merchant: usize, stocktake: u128, take: &Take) -> Checked {
        let Some(hub) = self.live_hub() else { return Ok(()) };
        let envelope = self.envelope(self.shops[merchant].merchant, 2, "closing", Idempotency::None);
        let Some((handle, _)) = &self.hubs[hub].live else { return Ok(()) };
        let stocktake = StocktakeId::from_uuid(Uuid::from_u128(stocktake));
        if self.rng.chance(300) {
            let command = ListUncounted { stocktake, articles: Vec::new(), is_all: true };
            let wait = handle.send(envelope, command, |_| Answer::default()).map(Wait::Stocktake);
            return self.wait(hub, Waiter::Closing, wait);
        }
        let command = BookCounts {
            stocktake,
            location: LocationId::from_uuid(Uuid::from_u128(take.location)),
            articles: take.lines.keys().map(|article| ArticleId::from_uuid(Uuid::from_u128(*article))).collect(),
            seen: Vec::new(),
        };
        let wait = handle.send(envelope, command, |_| Answer::default()).map(Wait::Stocktake);
        self.wait(hub, Waiter::Closing, wait)
    }
}
