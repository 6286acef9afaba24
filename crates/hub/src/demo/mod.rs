//! `tillbridge demo`: a shop's day, played over HTTP as its two registers would, against a hub and a sandbox in this process or
//! against hubs that run elsewhere. Whatever it prints was computed from the answers of the hub, and what does not hold
//! ends it with a failure.

mod answers;
mod api;
mod audit;
mod books;
mod cart;
mod day;
mod dice;
mod drawer;
mod evening;
mod goods;
mod here;
mod hours;
mod invitation;
mod opening;
mod options;
mod plan;
mod progress;
mod provider;
mod register;
mod scenes;
mod shop;
mod speed;
mod summary;
mod tally;
mod terminal;
mod wallet;

use std::io::Write;

use anyhow::bail;

use self::here::Here;
pub use self::options::Options;
use self::progress::Progress;
use self::shop::{Entrance, Shop};
use crate::serve::wait_for_signal;

/// Plays the demo; false when something does not hold.
pub async fn run(options: &Options) -> anyhow::Result<bool> {
    crate::log::start(&crate::log::Config { filter: "error".to_owned(), format: crate::log::Format::Text })?;
    crate::tls::install_provider();
    match options.elsewhere.entrance()? {
        Some(entrance) => play_elsewhere(entrance, options).await,
        None => play_here(options).await,
    }
}

async fn play_elsewhere(entrance: Entrance, options: &Options) -> anyhow::Result<bool> {
    let mut shop = Shop::enter(entrance).await?;
    shop.expect_nothing_sold().await?;
    say(&format!("Tillbridge demo, against the hub at {}\n", shop.hub_url))?;
    unless_stopped(play(&mut shop, options)).await
}

async fn play_here(options: &Options) -> anyhow::Result<bool> {
    let here = Here::start(options).await?;
    let mut shop = Shop::enter(here.entrance()).await?;
    say(&here.words(&shop))?;
    // From here on Ctrl-C ends the demo in order, so that nothing stays behind.
    let played = unless_stopped(play(&mut shop, options)).await;
    if played.is_ok() && !options.once {
        here.leave_customers_to_people();
        shop.terminal()?.leave_customers_to_people();
        say(&invitation::words(&here, &shop, options).await?)?;
        wait_for_signal().await?;
        say("\nStopping.\n")?;
    }
    here.close().await?;
    played
}

async fn unless_stopped(work: impl Future<Output = anyhow::Result<bool>>) -> anyhow::Result<bool> {
    tokio::select! {
        done = work => done,
        signal = wait_for_signal() => signal.and_then(|()| bail!("Stopped before the end.")),
    }
}

/// Opens the shop, plays the day, and tells it.
async fn play(shop: &mut Shop, options: &Options) -> anyhow::Result<bool> {
    say("\nOpening: articles, the delivery, prices, a promotion ...\n")?;
    let plan = shop.plan(options.seed, options.sales);
    shop.open(&plan).await?;
    say(&format!("The day begins: {} sales at two registers ...\n", summary::grouped(plan.sales)))?;
    let day = day::play(shop, &plan, options.pace(), &Progress::new(plan.sales)).await?;
    let audit = audit::look(shop, &day).await?;
    say(&summary::words(shop, &day, &audit))?;
    say(&speed::words(shop, &day))?;
    Ok(audit.holds())
}

fn say(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    /// Plays a small day here, with these words on the command line; gives what it is told as.
    async fn told(words: &[&str]) -> String {
        let fixed = ["demo", "--once", "--sales", "40", "--listen", "127.0.0.1:0"];
        let options = Line::parse_from(fixed.iter().chain(words)).options;
        let here = Here::start(&options).await.unwrap();
        let mut shop = Shop::enter(here.entrance()).await.unwrap();
        let plan = shop.plan(options.seed, options.sales);
        shop.open(&plan).await.unwrap();
        let day = day::play(&shop, &plan, options.pace(), &Progress::new(plan.sales)).await.unwrap();
        let audit = audit::look(&shop, &day).await.unwrap();
        let words = summary::words(&shop, &day, &audit);
        assert!(audit.holds(), "{words}");
        assert_eq!(day.tally.sales.count, options.sales);
        let invitation = invitation::words(&here, &shop, &options).await.unwrap();
        assert!(invitation.contains("rcp_") && invitation.contains(&shop.terminal().unwrap().page_url()));
        here.close().await.unwrap();
        words
    }

    /// At another pace the two registers take turns in another way.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_day_holds_and_is_told_the_same_however_its_registers_take_turns() {
        let (fast, slow, other) = tokio::join!(told(&[]), told(&["--pace", "4"]), told(&["--seed", "2"]));
        assert_eq!(fast, slow);
        assert_ne!(fast, other);
    }
}
