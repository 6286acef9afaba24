//! `keys`: API keys.

use clap::{Subcommand, ValueEnum};
use domain::call::Role;
use domain::id::{ApiKeyId, MerchantId};
use serde_json::json;

use super::say;
use super::source::Source;
use crate::api_key::Environment;
use crate::database::Database;
use crate::operator::{NewKey, Operator};

pub(super) const EXAMPLES: &str = "\
Examples:
  tillbridge keys add --data ./data --merchant mer_… --role cashier --name 'Till 1'
  tillbridge keys add --data ./data --merchant mer_… --role manager --name 'First steps' --test
  tillbridge keys list --data ./data --merchant mer_… --json
  tillbridge keys revoke --data ./data key_…
Rotation, and the secret behind all keys: docs/guides/keys.md.";

#[derive(Subcommand)]
pub(super) enum Task {
    /// Make an API key. Its words are printed once and can never be shown again.
    #[command(after_help = EXAMPLES)]
    Add {
        #[command(flatten)]
        source: Source,
        /// Whose records it opens.
        #[arg(long, value_name = "ID")]
        merchant: MerchantId,
        /// What it may do.
        #[arg(long, value_enum)]
        role: RoleName,
        /// What it is for.
        #[arg(long)]
        name: String,
        /// A key that reaches the sandbox only.
        #[arg(long)]
        test: bool,
    },
    /// List the API keys of a merchant.
    #[command(after_help = EXAMPLES)]
    List {
        #[command(flatten)]
        source: Source,
        /// Whose keys.
        #[arg(long, value_name = "ID")]
        merchant: MerchantId,
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Shut an API key out, for good. Hubs at work know it within five seconds.
    #[command(after_help = EXAMPLES)]
    Revoke {
        #[command(flatten)]
        source: Source,
        /// Which one: `key_…`, as `list` shows it.
        id: ApiKeyId,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum RoleName {
    Viewer,
    Cashier,
    Manager,
    System,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Viewer => Self::Viewer,
            RoleName::Cashier => Self::Cashier,
            RoleName::Manager => Self::Manager,
            RoleName::System => Self::System,
        }
    }
}

/// Does it.
pub(super) async fn run(task: Task) -> anyhow::Result<()> {
    match task {
        Task::Add { source, merchant, role, name, test } => {
            let mut operator = Operator::open(&source.settings(&[])?).await?;
            let environment = if test { Environment::Test } else { Environment::Live };
            let words = operator.add_key(NewKey { merchant, role: role.into(), name, environment }).await;
            operator.close().await?;
            say(&format!("{}\n", words?))
        }
        Task::List { source, merchant, json } => {
            let reader = Database::of(&source.settings(&[])?.database).reader()?;
            for key in reader.list_api_keys(merchant).await? {
                let state = if key.revoked_at.is_some() { "revoked" } else { "active" };
                if json {
                    let told = json!({ "id": key.id, "role": key.role.as_str(), "state": state, "name": key.name });
                    say(&format!("{told}\n"))?;
                    continue;
                }
                say(&format!("{}  {:8}  {state:8}  {}\n", key.id, key.role.as_str(), key.name))?;
            }
            Ok(())
        }
        Task::Revoke { source, id } => {
            let operator = Operator::open(&source.settings(&[])?).await?;
            let revoked = operator.revoke_key(id).await;
            operator.close().await?;
            revoked
        }
    }
}
