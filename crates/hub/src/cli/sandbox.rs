//! `sandbox`: a payment provider that is played.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use sandbox::Server;
use sandbox::paypay::{self, PayPay};
use sandbox::wechat::{self, WeChat};
use tokio::net::TcpListener;

use super::say;
use crate::serve;

pub(super) const EXAMPLES: &str = "\
Examples:
  tillbridge sandbox
  tillbridge sandbox --listen 127.0.0.1:9000 --secret s3cret --notify-secret n0tify
  tillbridge sandbox --paypay 127.0.0.1:8091
  tillbridge sandbox --wechat --wechat-credentials ./wechat
  curl -s http://127.0.0.1:8090/ledger -H 'Authorization: Bearer sandbox-secret'
Its calls and its faults: docs/guides/sandbox.md, docs/guides/paypay.md and docs/guides/wechat.md";

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
    /// Play PayPay too, on this address.
    #[arg(long, value_name = "ADDR", num_args = 0..=1, default_missing_value = "127.0.0.1:8091")]
    paypay: Option<SocketAddr>,
    /// Play WeChat Pay too, APIv3 on this address.
    #[arg(long, value_name = "ADDR", num_args = 0..=1, default_missing_value = "127.0.0.1:8092")]
    wechat: Option<SocketAddr>,
    /// Where its v2 is, over TLS.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8093", requires = "wechat")]
    wechat_tls: SocketAddr,
    /// Write what a hub needs to get in there into this folder: v3.toml and v2.toml.
    #[arg(long, value_name = "DIR", requires = "wechat")]
    wechat_credentials: Option<PathBuf>,
}

/// Plays it until SIGTERM or SIGINT.
pub(super) async fn run(asked: Options) -> anyhow::Result<()> {
    let Options { listen, secret, notify_secret, paypay, wechat, wechat_tls, wechat_credentials } = asked;
    let options = sandbox::Options { secret, notify_secret, ..Default::default() };
    let credentials = options.credentials();
    let handle = sandbox::serve(bind(listen).await?, options).await?;
    say(&format!(
        "The sandbox provider is up. Nothing it does moves money; its ledger is gone when it stops.\n\
         \n  base URL     {}\n  credentials  {credentials}\n\n\
         Make a connection with `tillbridge connections add --provider sandbox --base-url {}`. Stop with Ctrl-C.\n",
        handle.base_url(),
        handle.base_url(),
    ))?;
    // Serves as long as it is held.
    let _paypay = match paypay {
        Some(listen) => Some(play_paypay(listen).await?),
        None => None,
    };
    let _wechat = match wechat {
        Some(listen) => Some(play_wechat([listen, wechat_tls], wechat_credentials.as_deref()).await?),
        None => None,
    };
    tokio::select! {
        ended = serve::wait_for_signal() => ended?,
        ended = handle.wait() => ended?,
    }
    Ok(())
}

async fn bind(listen: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(listen).await.with_context(|| format!("The address {listen} cannot be listened on"))
}

/// A customer pays what is shown to nobody in particular after this long: time to look at the code.
const CUSTOMER_MS: u64 = 3_000;

async fn play_paypay(listen: SocketAddr) -> anyhow::Result<Server> {
    let options = paypay::Options { customer_ms: Some(CUSTOMER_MS), ..Default::default() };
    let (opa, oauth) = (options.credentials_of_opa(), options.credentials_of_oauth());
    let server = PayPay::new(options).serve(bind(listen).await?)?;
    say(&format!(
        "\nPayPay is played too. A customer pays a code three seconds after it was made.\n\
         \n  base URL     {}\n  credentials  {opa} (opa)\n               {oauth} (oauth)\n",
        server.base_url(),
    ))?;
    Ok(server)
}

async fn play_wechat([listen, tls]: [SocketAddr; 2], credentials: Option<&Path>) -> anyhow::Result<[Server; 2]> {
    let options = wechat::Options { customer_ms: Some(CUSTOMER_MS), ..Default::default() };
    let provider = WeChat::new(options);
    let servers = [provider.serve(bind(listen).await?)?, provider.serve_tls(bind(tls).await?)?];
    say(&format!(
        "\nWeChat Pay is played too. A customer pays a code three seconds after it was made.\n\
         \n  base URL     {} (v3, v3-global)\n               {} (v2)\n",
        servers[0].base_url(),
        servers[1].base_url(),
    ))?;
    if let Some(folder) = credentials {
        std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        for (name, words) in [("v3.toml", provider.credentials_of_v3()), ("v2.toml", provider.credentials_of_v2())] {
            let path = folder.join(name);
            std::fs::write(&path, words).with_context(|| format!("{} cannot be written", path.display()))?;
            say(&format!("  credentials  {}\n", path.display()))?;
        }
    }
    Ok(servers)
}
