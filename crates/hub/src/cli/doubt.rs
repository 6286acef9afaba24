//! `doubt`: payments whose end nobody knows, why, and what a person does about it.

use anyhow::{Context, bail};
use clap::{Subcommand, ValueEnum};
use domain::exception::{Kind, Place, ResolveException};
use domain::id::{ExceptionId, MerchantId, PaymentId};
use domain::locale::Locale;
use domain::money::for_people;
use domain::payment::{Override, Verdict};
use serde_json::{Value, json};
use storage::reader::Reader;

use super::source::Source;
use super::{say, whose};
use crate::clock::Clock;
use crate::config::Config;
use crate::database::Database;
use crate::doubt::{self, Doubts, Provided, Story};
use crate::local_time::local_time;
use crate::operator::Operator;

pub(super) const EXAMPLES: &str = "\
Examples:
  tillbridge doubt list --data /var/lib/tillbridge
  tillbridge doubt why pay_… --data /var/lib/tillbridge
  tillbridge doubt ask pay_… --config /etc/tillbridge/tillbridge.toml
  tillbridge doubt resolve pay_… --data /var/lib/tillbridge --outcome charged --reason 'in the portal as captured'
  tillbridge doubt resolve exc_… --data /var/lib/tillbridge --reason 'given back in cash, receipt T1-00000042'
Docs: docs/guides/why-in-doubt.md.";

const LIST_EXAMPLES: &str = "\
Examples:
  tillbridge doubt list --data /var/lib/tillbridge
  tillbridge doubt list --database postgres://hub@db/tillbridge --merchant mer_… --json";

const WHY_EXAMPLES: &str = "\
Examples:
  tillbridge doubt why pay_… --data /var/lib/tillbridge
  tillbridge doubt why pay_… --data /var/lib/tillbridge --json | jq .customer_charged";

const ASK_EXAMPLES: &str = "\
Examples:
  tillbridge doubt ask pay_… --config /etc/tillbridge/tillbridge.toml
  tillbridge doubt ask pay_… --config /etc/tillbridge/tillbridge.toml --json
The settings have to be those of the hub: the provider's credentials stand there. It works with and without a hub that serves.";

const RESOLVE_EXAMPLES: &str = "\
Examples:
  tillbridge doubt resolve pay_… --data /var/lib/tillbridge --outcome charged --reason 'in the portal as captured'
  tillbridge doubt resolve pay_… --data /var/lib/tillbridge --outcome not_charged --reason 'terminal journal: aborted'
  tillbridge doubt resolve exc_… --data /var/lib/tillbridge --reason 'given back in cash, receipt T1-00000042'
Give --config with the hub's settings where the provider may have to be told; else the hub does that by itself.";

#[derive(Subcommand)]
pub(super) enum Task {
    /// Payments in doubt, and exceptions about money.
    #[command(after_help = LIST_EXAMPLES)]
    List {
        #[command(flatten)]
        source: Source,
        /// Whose; of all merchants without it.
        #[arg(long, value_name = "ID")]
        merchant: Option<MerchantId>,
        /// One JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Why a payment is in doubt: its whole story in plain words. Also of one that no longer is.
    #[command(after_help = WHY_EXAMPLES)]
    Why {
        /// Which payment.
        payment: PaymentId,
        #[command(flatten)]
        source: Source,
        /// One JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Ask the provider now how it ended, and record the answer.
    #[command(after_help = ASK_EXAMPLES)]
    Ask {
        /// Which payment.
        payment: PaymentId,
        #[command(flatten)]
        source: Source,
        /// One JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Say how a payment in doubt ended, or that an exception about money is dealt with.
    #[command(after_help = RESOLVE_EXAMPLES)]
    Resolve {
        /// A payment (pay_…) or an exception (exc_…).
        id: String,
        #[command(flatten)]
        source: Source,
        /// Of a payment: whether the customer was charged.
        #[arg(long, value_enum)]
        outcome: Option<Outcome>,
        /// How you found out, or what was done: a slip, the portal, the customer's statement.
        #[arg(long)]
        reason: String,
        /// One JSON object.
        #[arg(long)]
        json: bool,
    },
}

/// What a person can say of a payment.
#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(super) enum Outcome {
    Charged,
    NotCharged,
}

impl From<Outcome> for Verdict {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Charged => Self::Charged,
            Outcome::NotCharged => Self::NotCharged,
        }
    }
}

/// Does it.
pub(super) async fn run(task: Task) -> anyhow::Result<()> {
    match task {
        Task::List { source, merchant, json } => list(&source.settings(&[])?, merchant, json).await,
        Task::Why { payment, source, json } => {
            let reader = Database::of(&source.settings(&[])?.database).reader()?;
            tell(story(&reader, payment).await?, &source, json)
        }
        Task::Ask { payment, source, json } => ask(&source, payment, json).await,
        Task::Resolve { id, source, outcome, reason, json } => {
            match (id.parse::<PaymentId>(), id.parse::<ExceptionId>(), outcome) {
                (Ok(payment), _, Some(outcome)) => overrule(&source, payment, outcome.into(), reason, json).await,
                (Ok(_), _, None) => bail!("Say whether the customer was charged: --outcome charged, or not_charged."),
                (_, Ok(exception), None) => resolve(&source.settings(&[])?, exception, &reason, json).await,
                (_, Ok(_), Some(_)) => bail!("An exception has no outcome. Give --reason alone."),
                _ => bail!("{id:?} is neither a payment (pay_…) nor an exception (exc_…)."),
            }
        }
    }
}

async fn story(reader: &Reader, payment: PaymentId) -> anyhow::Result<Story> {
    let found = doubt::read(reader, payment, Clock::system().now()).await?;
    found.with_context(|| format!("There is no payment {payment}. Is this the database of the hub that took it?"))
}

fn tell(story: Story, source: &Source, is_json: bool) -> anyhow::Result<()> {
    let story = &Story { given: source.given(), ..story };
    if is_json {
        return say(&format!("{}\n", String::from_utf8_lossy(&story.json())));
    }
    say(&doubt::words(story))
}

async fn list(settings: &Config, merchant: Option<MerchantId>, is_json: bool) -> anyhow::Result<()> {
    let reader = Database::of(&settings.database).reader()?;
    let mut all = Vec::new();
    for merchant in whose::all(&reader, merchant).await? {
        all.push(doubt::list(&reader, merchant).await?);
    }
    if is_json {
        let payments: Vec<Value> = all.iter().flat_map(payments_json).collect();
        let exceptions: Vec<Value> = all.iter().flat_map(exceptions_json).collect();
        return say(&format!("{}\n", json!({ "payments": payments, "exceptions": exceptions })));
    }
    if all.iter().all(|doubts| doubts.payments.is_empty() && doubts.exceptions.is_empty()) {
        return say("Nothing is in doubt, and nothing about money needs a person.\n");
    }
    all.iter().try_for_each(|doubts| say(&in_words(doubts)))
}

fn payments_json(doubts: &Doubts) -> impl Iterator<Item = Value> + '_ {
    doubts.payments.iter().map(|payment| {
        json!({
            "id": payment.id, "merchant_id": doubts.merchant.id, "state": payment.state.as_str(),
            "currency": payment.currency, "asked_minor": payment.asked_minor, "created_at_ms": payment.created_at.0,
        })
    })
}

fn exceptions_json(doubts: &Doubts) -> impl Iterator<Item = Value> + '_ {
    doubts.exceptions.iter().map(|exception| {
        json!({
            "id": exception.id, "merchant_id": doubts.merchant.id, "kind": exception.kind.as_str(),
            "subject": exception.subject, "owner": exception.owner, "reason": exception.reason,
            "at_risk_minor": exception.at_risk_minor, "opened_at_ms": exception.opened_at.0,
        })
    })
}

fn in_words(Doubts { merchant, payments, exceptions }: &Doubts) -> String {
    let at = |instant| local_time(instant, &merchant.zone);
    let payments = payments.iter().map(|payment| {
        let amount = for_people(payment.asked_minor, payment.currency, Locale::En);
        let (id, state) = (payment.id, payment.state.as_str());
        format!("  {id}  {state:12}  {amount:>12}  since {}\n", at(payment.created_at))
    });
    let exceptions = exceptions.iter().map(|exception| {
        let risk = for_people(exception.at_risk_minor, merchant.currency, Locale::En);
        let (id, kind, subject) = (exception.id, exception.kind.as_str(), &exception.subject);
        format!("  {id}  {kind:20}  {risk:>12}  of {subject}, for {}\n      {}\n", exception.owner, exception.reason)
    });
    let lines: String = payments.chain(exceptions).collect();
    if lines.is_empty() {
        return String::new();
    }
    format!("{} ({})\n{lines}  `tillbridge doubt why pay_…` tells the story of one.\n", merchant.name, merchant.id)
}

async fn ask(source: &Source, payment: PaymentId, is_json: bool) -> anyhow::Result<()> {
    let settings = source.settings(&[])?;
    let operator = Operator::open(&settings).await?;
    let asked = ask_now(&operator, &settings, payment).await;
    let after = story(&operator.reader, payment).await;
    operator.close().await?;
    let requests = asked?;
    let after = after?;
    if !is_json {
        let told = match requests {
            0 => "The provider was not asked: there is no question that is due or of use now.",
            _ => "The provider was asked.",
        };
        say(&format!("{told}\n\n"))?;
    }
    tell(after, source, is_json)
}

async fn ask_now(operator: &Operator, settings: &Config, payment: PaymentId) -> anyhow::Result<usize> {
    let before = story(&operator.reader, payment).await?;
    let provided = Provided::of(operator, settings, &before.connection)?;
    Ok(doubt::ask(operator, &provided, before.merchant.id, payment).await?.requests)
}

async fn overrule(
    source: &Source,
    payment: PaymentId,
    verdict: Verdict,
    reason: String,
    is_json: bool,
) -> anyhow::Result<()> {
    let settings = source.settings(&[])?;
    let operator = Operator::open(&settings).await?;
    let done = async {
        let before = story(&operator.reader, payment).await?;
        let moved = operator.run(before.merchant.id, Override { payment, verdict, reason }).await?;
        doubt::carry_on(&operator, &Provided::of(&operator, &settings, &before.connection)?, moved).await?;
        story(&operator.reader, payment).await
    };
    let after = done.await;
    operator.close().await?;
    tell(after?, source, is_json)
}

async fn resolve(settings: &Config, id: ExceptionId, reason: &str, is_json: bool) -> anyhow::Result<()> {
    let operator = Operator::open(settings).await?;
    let done = async {
        let found = operator.reader.find_exception_of_any(id).await?;
        let found = found.with_context(|| format!("There is no exception {id}."))?;
        if found.kind == Kind::PaymentInDoubt {
            bail!(
                "Say how the payment ended: tillbridge doubt resolve {} --outcome charged|not_charged",
                found.subject
            );
        }
        let place = Place { subject: found.subject, kind: found.kind };
        operator.run(found.merchant, ResolveException { place, reason: reason.to_owned() }).await
    };
    let resolved = done.await;
    operator.close().await?;
    let resolved = resolved?;
    if is_json {
        let told = json!({ "id": resolved.id, "kind": resolved.kind.as_str(), "resolution": resolved.resolution });
        return say(&format!("{told}\n"));
    }
    say(&format!("Resolved: {} of {}.\n", resolved.kind.as_str(), resolved.subject))
}
