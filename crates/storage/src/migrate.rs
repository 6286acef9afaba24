//! Brings a database to the schema of this version: one tree of migrations for both engines, forward only.

use refinery::{Migration, Runner};

use crate::dial::Dial;
use crate::error::EngineError;

/// Name and text of each migration, in order.
const MIGRATIONS: &[(&str, &str)] = &[
    ("V1__walking_skeleton", include_str!("../migrations/V1__walking_skeleton.sql")),
    ("V2__returns", include_str!("../migrations/V2__returns.sql")),
    ("V3__receipts", include_str!("../migrations/V3__receipts.sql")),
    ("V4__day", include_str!("../migrations/V4__day.sql")),
    ("V5__webhooks", include_str!("../migrations/V5__webhooks.sql")),
    ("V6__operators", include_str!("../migrations/V6__operators.sql")),
    ("V7__return_receipt", include_str!("../migrations/V7__return_receipt.sql")),
    ("V8__price", include_str!("../migrations/V8__price.sql")),
    ("V9__shifts", include_str!("../migrations/V9__shifts.sql")),
    ("V10__consumption", include_str!("../migrations/V10__consumption.sql")),
    ("V11__parked_sales", include_str!("../migrations/V11__parked_sales.sql")),
    ("V12__printing", include_str!("../migrations/V12__printing.sql")),
    ("V13__stock", include_str!("../migrations/V13__stock.sql")),
    ("V14__stocktakes", include_str!("../migrations/V14__stocktakes.sql")),
    ("V15__catalogue", include_str!("../migrations/V15__catalogue.sql")),
    ("V16__promotions", include_str!("../migrations/V16__promotions.sql")),
    ("V17__transfers", include_str!("../migrations/V17__transfers.sql")),
    ("V18__external_refs", include_str!("../migrations/V18__external_refs.sql")),
    ("V19__unreferenced_returns", include_str!("../migrations/V19__unreferenced_returns.sql")),
    ("V20__customers", include_str!("../migrations/V20__customers.sql")),
    ("V21__points", include_str!("../migrations/V21__points.sql")),
    ("V22__exchanges", include_str!("../migrations/V22__exchanges.sql")),
    ("V23__metadata", include_str!("../migrations/V23__metadata.sql")),
    ("V24__facts_from_elsewhere", include_str!("../migrations/V24__facts_from_elsewhere.sql")),
    ("V25__origins", include_str!("../migrations/V25__origins.sql")),
    ("V26__wallets", include_str!("../migrations/V26__wallets.sql")),
    ("V27__credentials", include_str!("../migrations/V27__credentials.sql")),
    ("V28__terminals", include_str!("../migrations/V28__terminals.sql")),
    ("V29__relay", include_str!("../migrations/V29__relay.sql")),
    ("V30__mpos", include_str!("../migrations/V30__mpos.sql")),
    ("V31__provider_notices", include_str!("../migrations/V31__provider_notices.sql")),
];

/// Stands after a table whose rows SQLite keeps in the key's own tree: one tree fewer per row.
const CLUSTERED_MARK: &str = "[clustered]";

/// The key of the advisory lock under which one hub at a time migrates; the letters of "till".
const ADVISORY_LOCK: i64 = 0x7469_6c6c;

/// The number of the last migration that this program knows.
pub fn latest() -> i64 {
    let number = |name: &str| name.strip_prefix('V')?.split("__").next()?.parse().ok();
    MIGRATIONS.iter().filter_map(|(name, _)| number(name)).max().unwrap_or_default()
}

fn runner(clustered: &str) -> Result<Runner, EngineError> {
    let migrations: Result<Vec<Migration>, _> = MIGRATIONS
        .iter()
        .map(|(name, sql)| Migration::unapplied(name, &sql.replace(CLUSTERED_MARK, clustered)))
        .collect();
    // One transaction for the changes and the rows that say they were made: without it a hub that is killed between the
    // two leaves a database that no hub can start on.
    Ok(Runner::new(&migrations.map_err(EngineError::engine)?).set_grouped(true))
}

/// Migrates the SQLite file behind the connection.
pub fn sqlite(connection: &mut rusqlite::Connection) -> Result<(), EngineError> {
    runner("WITHOUT ROWID")?.run(connection).map_err(EngineError::engine)?;
    Ok(())
}

/// Migrates the PostgreSQL database at `url`, one hub at a time.
pub async fn postgres(url: &str) -> Result<(), EngineError> {
    let (mut client, connection) = Dial::parse(url)?.connect().await.map_err(crate::postgres::translate)?;
    let driver = tokio::spawn(connection);
    // A second hub waits here; a migration that cannot have its table's lock gives up instead of stopping the shop.
    client.batch_execute("SET lock_timeout = '30s'").await.map_err(crate::postgres::translate)?;
    client.execute("SELECT pg_advisory_lock($1)", &[&ADVISORY_LOCK]).await.map_err(crate::postgres::translate)?;
    let outcome = runner("")?.run_async(&mut client).await.map_err(EngineError::engine);
    drop(client);
    let _ = driver.await;
    outcome.map(|_| ())
}
