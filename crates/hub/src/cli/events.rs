//! `events`: what was committed, by number, out of the database itself.

use std::time::Duration;

use clap::Args;
use domain::id::MerchantId;
use domain::merchant::Merchant;
use storage::read::{PAGE_MAX, StoredEvent};

use super::source::Source;
use super::{say, whose};
use crate::database::Database;
use crate::http::event::line;
use crate::local_time::local_time;

/// How often `--follow` looks: nobody wakes a program beside the hub.
const LOOK_EVERY: Duration = Duration::from_millis(500);

pub(super) const EXAMPLES: &str = "\
Examples:
  tillbridge events --data /var/lib/tillbridge
  tillbridge events --data /var/lib/tillbridge --after 1200 --count 50
  tillbridge events --data /var/lib/tillbridge --merchant mer_… --follow
  tillbridge events --database postgres://hub@db/tillbridge --kind payment.in_doubt --json | jq .subject
Every kind of event with its data: docs/guides/events.md.";

/// Which events.
#[derive(Args)]
pub(super) struct Options {
    #[command(flatten)]
    source: Source,
    /// Whose; not needed where there is one merchant.
    #[arg(long, value_name = "ID")]
    merchant: Option<MerchantId>,
    /// Those after this number.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    after: i64,
    /// Only this kind, for example payment.in_doubt. May be given more than once.
    #[arg(long = "kind", value_name = "KIND")]
    kinds: Vec<String>,
    /// End after so many.
    #[arg(long, value_name = "NUMBER")]
    count: Option<u64>,
    /// Go on with what is committed from now on, until stopped.
    #[arg(long)]
    follow: bool,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

/// Prints them.
pub(super) async fn run(options: Options) -> anyhow::Result<()> {
    let reader = Database::of(&options.source.settings(&[])?.database).reader()?;
    let merchant = whose::one(&reader, options.merchant).await?;
    let (mut after, mut left) = (options.after, options.count.unwrap_or(u64::MAX));
    while left > 0 {
        let events = reader.list_events(merchant.id, after, PAGE_MAX).await?;
        let is_last = events.len() < usize::try_from(PAGE_MAX).unwrap_or(usize::MAX);
        for event in &events {
            after = event.number;
            if left > 0 && is_wanted(&options.kinds, &event.kind) {
                say(&told(&merchant, event, options.json))?;
                left -= 1;
            }
        }
        if is_last && !options.follow {
            return Ok(());
        }
        if is_last {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
    Ok(())
}

/// Whether a kind is one of those that are wanted: all, where none is named.
pub(super) fn is_wanted(kinds: &[String], kind: &str) -> bool {
    kinds.is_empty() || kinds.iter().any(|wanted| wanted == kind)
}

fn told(merchant: &Merchant, event: &StoredEvent, is_json: bool) -> String {
    if is_json {
        return format!("{}\n", String::from_utf8_lossy(&line(event)));
    }
    let at = local_time(event.recorded_at, &merchant.zone);
    format!("{:>8}  {at}  {:28}  {}  {}\n", event.number, event.kind, event.subject, event.data)
}
