//! The day itself: the registers open, serve whom the plan sends them, and close.

use std::mem;
use std::time::Instant;

use anyhow::Context;

use super::books::{Books, ClosedRegister, Day};
use super::evening::{take_stock, wait_for_rest};
use super::hours::Pace;
use super::plan::{Plan, Visit, What};
use super::progress::Progress;
use super::register::{Meeting, Register};
use super::shop::Shop;
use super::tally::Tally;

/// Plays the day.
pub async fn play(shop: &Shop, plan: &Plan, pace: Pace, progress: &Progress) -> anyhow::Result<Day> {
    let (meeting, start) = (Meeting::new(), Instant::now());
    let registers = shop.registers.iter().zip(&plan.visits).map(|(place, visits)| {
        let meeting = &meeting;
        async move {
            let mut register = Register { shop, place, meeting, shift: String::new(), tally: Tally::default() };
            register.open_drawer().await?;
            for visit in visits {
                pace.wait_until(visit.minute).await;
                register.receive(visit).await.with_context(|| format!("{} at {}", visit.what.words(), place.name))?;
                progress.note(visit);
            }
            anyhow::Ok(register)
        }
    });
    let registers = futures::future::try_join_all(registers).await?;
    let sold_in = start.elapsed();
    progress.finish();
    let day = close(shop, registers).await?;
    Ok(Day { sold_in, closed_in: start.elapsed() - sold_in, ..day })
}

/// First everything comes to rest, so that each shift has all that belongs to it.
async fn close(shop: &Shop, mut registers: Vec<Register<'_>>) -> anyhow::Result<Day> {
    let tally = registers.iter().map(|register| register.tally.clone()).fold(Tally::default(), Tally::plus);
    let payments = wait_for_rest(shop, &tally).await?;
    let counted = take_stock(shop, &tally).await?;
    let mut closed = Vec::new();
    for register in &mut registers {
        let report = register.close_drawer().await?;
        closed.push(ClosedRegister { place: register.place.clone(), tally: mem::take(&mut register.tally), report });
    }
    let books = Books::of(closed.iter().map(|register| &register.report));
    Ok(Day { registers: closed, tally, payments, counted, books, ..Day::default() })
}

impl Register<'_> {
    async fn receive(&mut self, visit: &Visit) -> anyhow::Result<()> {
        match &visit.what {
            What::Serve(customer) => self.serve(customer).await,
            What::Park(customer) => self.park(customer).await,
            What::DropIntoSafe => self.drop_into_safe().await,
            What::BuyStamps => self.buy_stamps().await,
        }
    }
}
