//! `sandbox`: a payment provider that is played.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{ArgGroup, Args, ValueEnum};
use sandbox::Server;
use sandbox::acquirer::{self, Acquirer, Amounts};
use sandbox::alipay::{self, Alipay};
use sandbox::antom::{self, Antom};
use sandbox::customer::{Customers, Wallet};
use sandbox::paypay::{self, PayPay};
use sandbox::wechat::{self, WeChat};
use tokio::net::TcpListener;

use super::say;
use crate::serve;

pub(super) const EXAMPLES: &str = "\
Examples:
  tillbridge sandbox
  tillbridge sandbox --listen 127.0.0.1:9000 --secret s3cret --notify-secret n0tify
  tillbridge sandbox --alipay --antom
  tillbridge sandbox --wechat --wechat-credentials ./wechat
  tillbridge sandbox --acquirer --acquirer-amounts documented
  tillbridge sandbox --paypay 127.0.0.1:8091 --customers
  tillbridge sandbox --paypay --wechat --alipay --antom --customers
  curl -s http://127.0.0.1:8090/ledger -H 'Authorization: Bearer sandbox-secret'
Its calls and its faults: docs/guides/sandbox.md and the guides of the providers";

/// How it is played.
#[derive(Args)]
#[command(group(ArgGroup::new("wallets").args(["paypay", "wechat", "alipay", "antom"]).multiple(true)))]
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
    /// Play Alipay too, on this address.
    #[arg(long, value_name = "ADDR", num_args = 0..=1, default_missing_value = "127.0.0.1:8092")]
    alipay: Option<SocketAddr>,
    /// Play Antom too, on this address.
    #[arg(long, value_name = "ADDR", num_args = 0..=1, default_missing_value = "127.0.0.1:8093")]
    antom: Option<SocketAddr>,
    /// Play WeChat Pay too, APIv3 on this address.
    #[arg(long, value_name = "ADDR", num_args = 0..=1, default_missing_value = "127.0.0.1:8094")]
    wechat: Option<SocketAddr>,
    /// Where its v2 is, over TLS.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8095", requires = "wechat")]
    wechat_tls: SocketAddr,
    /// Write what a hub needs to get in there into this folder: v3.toml and v2.toml.
    #[arg(long, value_name = "DIR", requires = "wechat")]
    wechat_credentials: Option<PathBuf>,
    /// Play an mPOS gateway with a bank too, on this address.
    #[arg(long, value_name = "ADDR", num_args = 0..=1, default_missing_value = "127.0.0.1:8096")]
    acquirer: Option<SocketAddr>,
    /// Which amounts play what at the bank: last digits, or the vendor's test page.
    #[arg(long, value_enum, default_value_t = PlayedAmounts::Digits)]
    acquirer_amounts: PlayedAmounts,
    /// Serve the page where one plays the customers of the wallets, on this address. Then they pay nothing by themselves.
    #[arg(long, value_name = "ADDR", num_args = 0..=1, default_missing_value = "127.0.0.1:8099", requires = "wallets")]
    customers: Option<SocketAddr>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PlayedAmounts {
    Digits,
    Documented,
}

/// Plays it until SIGTERM or SIGINT.
pub(super) async fn run(asked: Options) -> anyhow::Result<()> {
    let options = sandbox::Options { secret: asked.secret, notify_secret: asked.notify_secret, ..Default::default() };
    let credentials = options.credentials();
    let handle = sandbox::serve(bind(asked.listen).await?, options).await?;
    say(&format!(
        "The sandbox provider is up. Nothing it does moves money; its ledger is gone when it stops.\n\
         \n  base URL     {}\n  credentials  {credentials}\n\n\
         Make a connection with `tillbridge connections add --provider sandbox --base-url {}`. Stop with Ctrl-C.\n",
        handle.base_url(),
        handle.base_url(),
    ))?;
    let mut played: Vec<Played> = Vec::new();
    if let Some(listen) = asked.paypay {
        played.push(play_paypay(listen).await?);
    }
    if let Some(listen) = asked.wechat {
        played.push(play_wechat([listen, asked.wechat_tls], asked.wechat_credentials.as_deref()).await?);
    }
    if let Some(listen) = asked.alipay {
        played.push(play_alipay(listen).await?);
    }
    if let Some(listen) = asked.antom {
        played.push(play_antom(listen).await?);
    }
    let (servers, wallets): (Vec<_>, Vec<_>) = played.into_iter().unzip();
    let acquirer = match asked.acquirer {
        Some(listen) => Some(play_acquirer(listen, asked.acquirer_amounts).await?),
        None => None,
    };
    let _page = match asked.customers {
        Some(listen) => Some(show_customers(listen, wallets).await?),
        None => None,
    };
    tokio::select! {
        ended = serve::wait_for_signal() => ended?,
        ended = handle.wait() => ended?,
    }
    // They served as long as they were held.
    drop((servers, acquirer));
    Ok(())
}

async fn bind(listen: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(listen).await.with_context(|| format!("The address {listen} cannot be listened on"))
}

/// A customer pays what is shown to nobody in particular after this long: time to look at the code.
const CUSTOMER_MS: u64 = 3_000;

/// A played wallet: its servers, and its customers.
type Played = (Vec<Server>, Box<dyn Wallet>);

async fn show_customers(listen: SocketAddr, wallets: Vec<Box<dyn Wallet>>) -> anyhow::Result<Server> {
    let customers = Customers::of(wallets);
    customers.set_pays_after_ms(None);
    let server = customers.serve(bind(listen).await?)?;
    say(&format!("\nPlay the customers of the wallets: {}\n", server.base_url()))?;
    Ok(server)
}

async fn play_paypay(listen: SocketAddr) -> anyhow::Result<Played> {
    let options = paypay::Options { customer_ms: Some(CUSTOMER_MS), ..Default::default() };
    let (opa, oauth) = (options.credentials_of_opa(), options.credentials_of_oauth());
    let paypay = PayPay::new(options);
    let server = paypay.serve(bind(listen).await?)?;
    say(&format!(
        "\nPayPay is played too. A customer pays a code three seconds after it was made, unless you play the customers.\n\
         \n  base URL     {}\n  credentials  {opa} (opa)\n               {oauth} (oauth)\n",
        server.base_url(),
    ))?;
    Ok((vec![server], Box::new(paypay)))
}

async fn play_alipay(listen: SocketAddr) -> anyhow::Result<Played> {
    let options = alipay::Options { customer_ms: Some(CUSTOMER_MS), ..Default::default() };
    let credentials = options.credentials();
    let alipay = Alipay::new(options);
    let server = alipay.serve(bind(listen).await?)?;
    say(&format!(
        "\nAlipay is played too, in yuan. A customer pays a code three seconds after it was made, unless you play the customers.\n\
         \n  base URL     {}\n  credentials  {credentials} (alipay)\n",
        server.base_url(),
    ))?;
    Ok((vec![server], Box::new(alipay)))
}

async fn play_antom(listen: SocketAddr) -> anyhow::Result<Played> {
    let options = antom::Options::default();
    let credentials = options.credentials();
    let antom = Antom::new(options);
    let server = antom.serve(bind(listen).await?)?;
    say(&format!(
        "\nAntom is played too. It takes any code that a customer shows.\n\
         \n  base URL     {}\n  credentials  {credentials} (antom)\n",
        server.base_url(),
    ))?;
    Ok((vec![server], Box::new(antom)))
}

async fn play_acquirer(listen: SocketAddr, amounts: PlayedAmounts) -> anyhow::Result<Server> {
    let amounts = match amounts {
        PlayedAmounts::Digits => Amounts::ByDigits,
        PlayedAmounts::Documented => Amounts::Documented,
    };
    let options = acquirer::Options { amounts, ..Default::default() };
    let credentials = options.credentials();
    let server = Acquirer::new(options).serve(bind(listen).await?)?;
    say(&format!(
        "\nAn mPOS gateway with a bank is played too.\n\n  base URL     {}/paynet\n  credentials  {credentials}\n",
        server.base_url(),
    ))?;
    Ok(server)
}

async fn play_wechat([listen, tls]: [SocketAddr; 2], credentials: Option<&Path>) -> anyhow::Result<Played> {
    let options = wechat::Options { customer_ms: Some(CUSTOMER_MS), ..Default::default() };
    let provider = WeChat::new(options);
    let servers = vec![provider.serve(bind(listen).await?)?, provider.serve_tls(bind(tls).await?)?];
    say(&format!(
        "\nWeChat Pay is played too. A customer pays a code three seconds after it was made, unless you play the customers.\n\
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
    Ok((servers, Box::new(provider)))
}
