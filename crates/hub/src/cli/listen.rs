//! `listen`: a hub's events as they come, handed on to a developer's own URL.

use std::io::Write;

use clap::Args;

use super::events::is_wanted;
use super::say;
use crate::config::Hidden;
use crate::listen::{Answer, Heard, Hub, Receiver};
use crate::serve::Signals;

pub(super) const EXAMPLES: &str = "\
Examples:
  export TILLBRIDGE_KEY=tb_…
  tillbridge listen
  tillbridge listen --hub https://pay.example.jp --kind payment.captured --json
  tillbridge listen --forward-to http://127.0.0.1:3000/webhooks
  tillbridge listen --forward-to http://127.0.0.1:3000/webhooks --secret whsec_… --after 0
What is handed on is signed as webhooks are (docs/guides/webhooks.md), and sent once: it is for trying a receiver, not for trade.";

/// Which hub, and where to.
#[derive(Args)]
pub(super) struct Options {
    /// The hub's address.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    hub: String,
    /// An API key of the merchant; any role will do.
    #[arg(long, value_name = "KEY", env = "TILLBRIDGE_KEY", hide_env_values = true)]
    key: String,
    /// Begin after the event of this number, instead of with what comes from now on.
    #[arg(long, value_name = "NUMBER")]
    after: Option<i64>,
    /// Only this kind, for example payment.captured. May be given more than once.
    #[arg(long = "kind", value_name = "KIND")]
    kinds: Vec<String>,
    /// Hand each event on to this URL.
    #[arg(long, value_name = "URL")]
    forward_to: Option<String>,
    /// What messages are signed with; a fresh secret is drawn and shown without it.
    #[arg(
        long,
        value_name = "SECRET",
        env = "TILLBRIDGE_WEBHOOK_SECRET",
        hide_env_values = true,
        requires = "forward_to"
    )]
    secret: Option<String>,
    /// End after so many events.
    #[arg(long, value_name = "NUMBER")]
    count: Option<u64>,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

/// Listens until it is stopped, or has heard enough.
pub(super) async fn run(options: Options) -> anyhow::Result<()> {
    let mut signals = Signals::listen()?;
    tokio::select! {
        ended = listen(options) => ended,
        () = signals.wait() => Ok(()),
    }
}

async fn listen(options: Options) -> anyhow::Result<()> {
    let Options { hub, key, after, kinds, forward_to, secret, count, json } = options;
    let (key, secret) = (Hidden::new(key), secret.map(Hidden::new));
    let mut source = Hub::try_new(&hub, key.expose().to_owned(), after)?;
    let merchant = source.merchant().await?;
    let receiver = match &forward_to {
        Some(url) => Some(Receiver::try_new(url, secret.as_ref().map(Hidden::expose), merchant)?),
        None => None,
    };
    note(&format!("Listening to {hub} for {merchant}. Stop with Ctrl-C."))?;
    if let (Some(receiver), Some(url)) = (&receiver, &forward_to) {
        let (secret, public) = receiver.words();
        note(&format!("Handing on to {url}, once each.\n  secret      {secret}\n  public key  {public}"))?;
    }
    let mut left = count.unwrap_or(u64::MAX);
    while left > 0 {
        let Some(heard) = source.next().await? else {
            note("The stream broke off; taking it up again.")?;
            continue;
        };
        if !is_wanted(&kinds, &heard.kind) {
            continue;
        }
        left -= 1;
        say(&told(&heard, json))?;
        if let Some(receiver) = &receiver {
            note(&format!("  {}", answered(receiver.send(&heard).await?)))?;
        }
    }
    Ok(())
}

fn told(heard: &Heard, is_json: bool) -> String {
    if is_json {
        return format!("{}\n", heard.line);
    }
    let data = heard.data.as_deref().map_or("", serde_json::value::RawValue::get);
    format!("{:>8}  {}  {:28}  {}  {data}\n", heard.number, heard.created_at, heard.kind, heard.subject)
}

fn answered(answer: Answer) -> String {
    match answer {
        Answer::Status(status, took) => format!("answered {status} after {} ms", took.as_millis()),
        Answer::None(why) => format!("not handed on: {why}"),
    }
}

/// What is about the events and none of them: not part of the output.
fn note(text: &str) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stderr(), "{text}")?)
}
