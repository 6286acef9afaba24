//! Around the committer: one process per file, a schema that may be made twice, and readers that see what was answered.

use std::time::{Duration, Instant};

use domain::sale::State;
use storage::lock_file::{LockError, LockFile};

use crate::support::command::{sale_id, sell};
use crate::support::shop::{Ids, MERCHANT, RICE, Shop, encode, keyed};
use crate::support::store::{Database, Kind, Place, Store, block_on, on_server};

on!([sqlite postgres] [
    a_reader_sees_an_effect_right_after_its_answer
    a_read_that_takes_too_long_is_given_up
    the_schema_may_be_made_again
]);

#[test]
fn a_second_process_is_refused_and_told_who_serves() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("till.db");
    let held = LockFile::take(&database).unwrap();
    let Err(LockError::Held { path, pid }) = LockFile::take(&database) else { panic!("not refused") };
    assert_eq!((path, pid), (database.clone(), std::process::id().to_string()));
    drop(held);
    LockFile::take(&database).unwrap();
}

#[test]
fn hubs_that_start_together_make_the_schema_once() {
    let Some(database) = Database::empty() else { return };
    let hubs: Vec<_> = (0..4)
        .map(|_| {
            let url = database.url.clone();
            std::thread::spawn(move || block_on(storage::migrate::postgres(&url)))
        })
        .collect();
    for hub in hubs {
        hub.join().unwrap().unwrap();
    }
    let count = on_server(&database.url, "SELECT COUNT(*) FROM refinery_schema_history", &[]);
    let migrations = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations")).unwrap().count();
    assert_eq!(count, [[storage::Cell::Int(migrations as i64)]]);
}

/// A server elsewhere is reached by TLS and has to prove its name; the tests' own is asked to do so, too.
#[test]
fn a_server_proves_its_name() {
    let Some(database) = Database::empty() else { return };
    let one_text = |sql: &str| match on_server(&database.url, sql, &[]).concat().as_slice() {
        [storage::Cell::Text(text)] => text.to_string(),
        other => panic!("{sql}: {other:?}"),
    };
    if one_text("SHOW ssl") != "on" {
        println!("skipped: the server has no TLS");
        return;
    }
    let by = |roots: &str| format!("{}?sslmode=verify-full&sslrootcert={roots}", database.url);
    let certificate = one_text("SHOW ssl_cert_file");
    block_on(storage::migrate::postgres(&by(&certificate))).unwrap();
    let reader = storage::reader::Reader::postgres(&by(&certificate)).unwrap();
    let is_secret = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    assert_eq!(block_on(reader.query(is_secret, Vec::new())).unwrap(), [[storage::Cell::Bool(true)]]);
    storage::check::Snapshot::postgres(&by(&certificate)).unwrap();
    storage::postgres::Postgres::connect(&by(&certificate)).unwrap();

    let stranger = tempfile::NamedTempFile::new().unwrap();
    let signed = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(&stranger, signed.cert.pem()).unwrap();
    assert!(storage::postgres::Postgres::connect(&by(&stranger.path().display().to_string())).is_err());
}

fn the_schema_may_be_made_again(shop: &mut Shop) {
    let dump = shop.dump();
    match &shop.store.place {
        Place::Sqlite(_) => {
            let mut connection = storage::sqlite::open(&shop.store.path(), false).unwrap();
            storage::migrate::sqlite(&mut connection).unwrap();
        }
        _ => block_on(storage::migrate::postgres(shop.store.url())).unwrap(),
    }
    assert_eq!(shop.dump(), dump);
}

fn a_reader_sees_an_effect_right_after_its_answer(shop: &mut Shop) {
    let reader = shop.store.reader().unwrap();
    let (handle, thread) = storage::committer::start(shop.store.connect(), Box::new(Ids::new(3))).unwrap();
    block_on(async {
        for n in 0..50 {
            handle.submit(keyed(&format!("k{n}")), sell(n, RICE), encode).await.unwrap();
            let sale = reader.find_sale(MERCHANT, sale_id(n)).await.unwrap().unwrap();
            assert_eq!((sale.sale.state, sale.lines.len(), sale.tenders.len()), (State::Completed, 1, 1));
            let answer = reader.find_answer(MERCHANT, &format!("k{n}")).await.unwrap().unwrap();
            assert_eq!(answer.status, 201);
        }
    });
    handle.stop();
    thread.join().unwrap();
}

fn a_read_that_takes_too_long_is_given_up(shop: &mut Shop) {
    let reader = shop.store.reader().unwrap();
    let endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT MAX(CAST(i AS BIGINT)) FROM n \
                   WHERE i < 0";
    block_on(async {
        let reads = (0..storage::reader::READERS_MAX).map(|_| reader.query(endless, Vec::new()));
        let begun = Instant::now();
        assert!(futures::future::join_all(reads).await.into_iter().all(|read| read.is_err()));
        // The connections are free again at once, all of them.
        let next = reader.list_merchants();
        let next = tokio::time::timeout(Duration::from_secs(4), next).await.expect("a free connection").unwrap();
        assert_eq!(next.len(), 2);
        assert!(begun.elapsed() < Duration::from_millis(2 * storage::reader::READ_MS_MAX));
    });
}

#[test]
fn the_tests_know_all_tables() {
    assert!(crate::support::rows::TABLES.len() >= 22);
    let store = Store::new(Kind::Sqlite).unwrap();
    let rows = store.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'refinery%'", &[]);
    assert_eq!(rows.len(), crate::support::rows::TABLES.len());
}
