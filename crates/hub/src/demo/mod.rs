//! `tillbridge demo`: a hub, the sandbox, a demo shop and its sales, all in this process, and over HTTP as registers do it.
//! Whatever it prints was computed from the answers of the hub, and what does not hold ends it with a failure.

mod api;
mod audit;
mod goods;
mod plan;
mod register;
mod shop;
mod summary;
mod tally;

use std::collections::VecDeque;
use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use self::register::Register;
use self::shop::Shop;
use self::tally::Tally;
use crate::serve::wait_for_signal;

/// Fewer would not have room for every scene, more would be a bench.
const SALES_MIN: u64 = 20;
const SALES_MAX: u64 = 100_000;
/// Plain lines about the progress where there is no terminal.
const LINES_OF_PROGRESS: u64 = 4;

/// How the demo is played.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// End after the summary: status 0 when everything holds.
    #[arg(long)]
    pub once: bool,
    /// Sales to make: 20 to 100,000.
    #[arg(long, value_name = "N", default_value_t = 300, value_parser = clap::value_parser!(u64).range(SALES_MIN..=SALES_MAX))]
    pub sales: u64,
    /// Where the hub listens, on this machine only; the next free port if this one is taken.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Keep the database in this folder; without it a temporary folder is used and deleted.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
}

/// Plays the demo; false when something does not hold.
pub async fn run(options: &Options) -> anyhow::Result<bool> {
    crate::log::start(&crate::log::Config { filter: "error".to_owned(), format: crate::log::Format::Text })?;
    let shop = Shop::open(options).await?;
    // From here on Ctrl-C ends the demo in order, so that nothing stays behind.
    let played = tokio::select! {
        played = play(&shop, options) => played,
        signal = wait_for_signal() => signal.and_then(|()| bail!("Stopped before the end.")),
    };
    if played.is_ok() && !options.once {
        let receipt = shop.give_receipt().await?;
        say(&summary::invitation(&shop, &receipt, options))?;
        wait_for_signal().await?;
        say("\nStopping.\n")?;
    }
    shop.close().await?;
    played
}

async fn play(shop: &Shop, options: &Options) -> anyhow::Result<bool> {
    say(&shop.words())?;
    say(&format!("\nMaking {} sales over HTTP, as two registers would ...\n", summary::grouped(options.sales)))?;
    let start = Instant::now();
    let tally = ring(shop, options.sales).await?;
    let sold_in = start.elapsed();
    let audit = audit::look(shop, &tally).await?;
    say(&summary::words(shop, &tally, &audit, sold_in))?;
    Ok(audit.holds())
}

/// The registers take the customers as they come: each the next when it is free.
async fn ring(shop: &Shop, sales: u64) -> anyhow::Result<Tally> {
    let queue: VecDeque<_> = plan::customers(sales).into();
    let (queue, tally, progress) = (Mutex::new(queue), Mutex::new(Tally::default()), Progress::new(sales));
    let registers = shop.registers.iter().map(|place| async {
        let register = Register { shop, place, tally: &tally };
        loop {
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some(customer) = next else { return anyhow::Ok(()) };
            register
                .serve(&customer)
                .await
                .with_context(|| format!("Customer {} ({:?}) at {}", customer.number, customer.scene, place.name))?;
            progress.step();
        }
    });
    futures::future::try_join_all(registers).await?;
    progress.finish();
    Ok(tally.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// A bar on a terminal, a few lines elsewhere.
struct Progress {
    bar: ProgressBar,
    is_terminal: bool,
}

impl Progress {
    fn new(sales: u64) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        let target = if is_terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(sales), target);
        if let Ok(style) = ProgressStyle::with_template("  {bar:40} {pos} of {len} sales, {elapsed}") {
            bar.set_style(style.progress_chars("=> "));
        }
        Self { bar, is_terminal }
    }

    fn step(&self) {
        self.bar.inc(1);
        let (done, all) = (self.bar.position(), self.bar.length().unwrap_or_default());
        let every = all.div_ceil(LINES_OF_PROGRESS).max(1);
        if !self.is_terminal && (done % every == 0 || done == all) {
            let _ = writeln!(std::io::stderr(), "  {done} of {all} sales");
        }
    }

    fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

fn say(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_small_demo_holds() {
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let options = Options { once: true, sales: SALES_MIN, listen, data: None };
        let shop = Shop::open(&options).await.unwrap();
        let tally = ring(&shop, options.sales).await.unwrap();
        let audit = audit::look(&shop, &tally).await.unwrap();
        let words = summary::words(&shop, &tally, &audit, std::time::Duration::from_secs(1));
        assert!(shop.give_receipt().await.unwrap().starts_with("rcp_"));
        shop.close().await.unwrap();
        assert!(audit.holds(), "{words}");
        assert_eq!(tally.sales, SALES_MIN);
    }
}
