//! How to go on by hand, when the day is over and the hub stays up.

use anyhow::Context;
use serde_json::json;

use super::answers::{Made, Sale};
use super::api::Post;
use super::goods::ONIGIRI;
use super::here::Here;
use super::options::Options;
use super::shop::Shop;
use super::wallet::WALLETS;

/// Gives a receipt of the first sale, found by its number, and says the receipt's id.
async fn give_receipt(shop: &Shop) -> anyhow::Result<String> {
    let register = shop.registers.first().context("The shop has no register")?;
    let path = format!("/v1/sales?receipt_number={}-00000001", register.name);
    let sales: Vec<Sale> = shop.cashier.list(&path).await?;
    let sale = sales.first().context("The register's first sale is not there")?;
    let path = format!("/v1/sales/{}/receipts", sale.id);
    let post = Post { path: &path, key: "receipt", body: json!({ "kind": "receipt", "locale": "en" }) };
    Ok(shop.cashier.post(&post).await?.read::<Made>(201)?.id)
}

/// This program, as it is called from where it was started.
fn program() -> String {
    let own = std::env::current_exe().unwrap_or_else(|_| "tillbridge".into());
    let here = std::env::current_dir().unwrap_or_default();
    own.strip_prefix(here).unwrap_or(&own).display().to_string()
}

/// Calls to paste, with the keys and ids of this shop in them.
pub async fn words(here: &Here, shop: &Shop, options: &Options) -> anyhow::Result<String> {
    let receipt = give_receipt(shop).await?;
    let (url, viewer) = (&shop.hub_url, &here.viewer);
    let (cashier, manager) = (shop.cashier.key(), shop.manager.key());
    let register = shop.registers.first().map_or("", |place| place.id.as_str());
    let onigiri = shop.articles.get(ONIGIRI).map_or("", String::as_str);
    let connection = &shop.sandbox_connection;
    let (page, terminals) = (shop.terminal()?.page_url(), &shop.terminal_connection);
    let key = format!("-H 'Authorization: Bearer {cashier}'");
    let json = "-H 'Content-Type: application/json'";
    let (customers, wallet) = (here.customers_url(), WALLETS[0].label);
    let shown = shop.wallet_connections.first().map_or("", String::as_str);
    let (ledger, secret) = (shop.provider.ledger_url(), shop.provider.secret());
    let (unreachable, program, folder) = (shop.provider.unreachable_url(), program(), here.folder().display());
    let fate = match &options.data {
        Some(folder) => format!("The database stays in {}.", folder.display()),
        None => "The database is deleted then.".to_owned(),
    };
    Ok(format!(
        "\nThe hub stays up at {url}\n\
         \x20 status page    {url}/#key={viewer}\n\
         \x20 cashier's key  {cashier}\n\
         \x20 manager's key  {manager}\n\
         \x20 customers      {customers}\n\
         \x20 terminal       {page}\n\n\
         Try it in another terminal.\n\n\
         # 1. Take 1,980 yen by the sandbox. Send it again: the same answer, and one charge.\n\
         answer=$(curl -sS {url}/v1/payments {key} {json} -H 'Idempotency-Key: try-1' -H 'Prefer: wait=10' \
         -d '{{\"register_id\":\"{register}\",\"connection_id\":\"{connection}\",\"amount_minor\":1980}}'); echo \"$answer\"\n\n\
         # 2. Read that payment.\n\
         curl -sS {url}/v1/payments/$(echo \"$answer\" | grep -o 'pay_[0-9a-f]*' | head -n 1) {key}; echo\n\n\
         # 3. Ring a cash sale: two onigiri, 1,000 yen given.\n\
         curl -sS {url}/v1/sales {key} {json} -H 'Idempotency-Key: try-2' \
         -d '{{\"register_id\":\"{register}\",\"lines\":[{{\"article_id\":\"{onigiri}\",\"quantity\":\"2\"}}],\"tenders\":[{{\"kind\":\"cash\",\"given_minor\":1000}}]}}'; echo\n\n\
         # 4. Read the receipt of a sale. With format=html it is a page, with format=escpos it is for a printer.\n\
         curl -sS '{url}/v1/receipts/{receipt}/document?format=text&locale=en' {key}\n\n\
         # 5. Show a code of {wallet} for 1,200 yen, and pay it as the customer at {customers}\n\
         curl -sS {url}/v1/payments {key} {json} -H 'Idempotency-Key: try-3' -H 'Prefer: wait=10' \
         -d '{{\"register_id\":\"{register}\",\"connection_id\":\"{shown}\",\"amount_minor\":1200}}'; echo\n\n\
         # 6. Pay at the terminal beside the register. It is a page, good on a phone: {page}\n\
         curl -sS {url}/v1/payments {key} {json} -H 'Idempotency-Key: try-4' -H 'Prefer: wait=50' \
         -d '{{\"register_id\":\"{register}\",\"connection_id\":\"{terminals}\",\"amount_minor\":2480}}'; echo\n\n\
         # 7. Let a payment come into doubt: the provider is not to be had for 20 seconds. Then ask why, in one command.\n\
         curl -sS {unreachable} -H 'Authorization: Bearer {secret}' {json} -d '{{\"ms\":20000}}'; echo; \
         payment=$(curl -sS {url}/v1/payments {key} {json} -H 'Idempotency-Key: try-5' -H 'Prefer: wait=3' \
         -d '{{\"register_id\":\"{register}\",\"connection_id\":\"{connection}\",\"amount_minor\":1980}}' | grep -o 'pay_[0-9a-f]*' | head -n 1)\n\
         {program} doubt why $payment --data {folder}\n\n\
         An amount that ends in 901 to 914 plays a fault of a provider: docs/guides/sandbox.md.\n\
         The provider's side: curl -sS {ledger} -H 'Authorization: Bearer {secret}'\n\n\
         Ctrl-C stops it. {fate}\n",
    ))
}
