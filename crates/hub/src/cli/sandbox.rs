//! `sandbox`: a payment provider that is played.

use std::net::SocketAddr;

use anyhow::Context;
use clap::Args;

use super::say;
use crate::serve;

pub(super) const EXAMPLES: &str = "\
Examples:
  tillbridge sandbox
  tillbridge sandbox --listen 127.0.0.1:9000 --secret s3cret --notify-secret n0tify
  curl -s http://127.0.0.1:8090/ledger -H 'Authorization: Bearer sandbox-secret'
Its calls and its faults: docs/guides/sandbox.md";

/// How it is played.
#[derive(Args)]
pub(super) struct Options {
    /// Where it is called.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    /// What callers present as their bearer token.
    #[arg(long, default_value_t = sandbox::Options::default().secret)]
    secret: String,
    /// The key of the signatures of its notifications.
    #[arg(long, default_value_t = sandbox::Options::default().notify_secret)]
    notify_secret: String,
}

/// Plays it until SIGTERM or SIGINT.
pub(super) async fn run(asked: Options) -> anyhow::Result<()> {
    let Options { listen, secret, notify_secret } = asked;
    let options = sandbox::Options { secret, notify_secret, ..Default::default() };
    let credentials = options.credentials();
    let listener = tokio::net::TcpListener::bind(listen).await;
    let listener = listener.with_context(|| format!("The address {listen} cannot be listened on"))?;
    let handle = sandbox::serve(listener, options).await?;
    say(&format!(
        "The sandbox provider is up. Nothing it does moves money; its ledger is gone when it stops.\n\
         \n  base URL     {}\n  credentials  {credentials}\n\n\
         Make a connection with `tillbridge connections add --provider sandbox --base-url {}`. Stop with Ctrl-C.\n",
        handle.base_url(),
        handle.base_url(),
    ))?;
    tokio::select! {
        ended = serve::wait_for_signal() => ended?,
        ended = handle.wait() => ended?,
    }
    Ok(())
}
