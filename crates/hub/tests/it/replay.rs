//! `tillbridge replay`: exports of our own making with all the dirt of real ones, killed and made again; and, by hand or by
//! `./test --long`, half a year of real trade.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use domain::id::{LocationId, MerchantId};
use domain::money::Currency;
use hub::config::Config;
use hub::database::Database;
use hub::operator::{NewMerchant, Operator};
use hub::replay::{self, Options, Summary};
use serde_json::{Value, json};
use storage::reader::Reader;

use crate::world::{Kind, PATIENCE, World, on_both_engines, text};

on_both_engines! {
    each_line_ends_as_what_it_is,
    what_was_recorded_is_read_like_everything_else,
    a_second_replay_changes_nothing,
    a_dry_run_tells_the_same_and_records_nothing,
    a_source_is_replayed_by_one_map,
    an_export_in_another_encoding_and_packed_is_read,
    a_replay_that_is_killed_again_and_again_ends_the_same,
    a_history_that_does_not_fit_is_refused_with_what_to_do,
}

/// How often a replay is killed where nothing else is asked for.
const KILLS: u64 = 3;
/// The pause between two looks at how far a replay is.
const LOOK_EVERY: Duration = Duration::from_millis(3);

/// A map of an export in yen.
const MAP: &str = r#"
source = "old-till"
[columns]
invoice = "no"
code = "code"
description = "name"
quantity = "quantity"
unit_price = "price"
time = "time"
customer = "customer"
[formats]
times = ["%Y-%m-%d %H:%M"]
zone = "Asia/Tokyo"
[articles]
currency = "JPY"
tax_class = "standard"
not_stocked = ["POST"]
[[rule]]
is = "returned"
invoice_starts_with = ["C"]
[[rule]]
is = "written_off"
quantity = "negative"
unit_price = "zero"
"#;

/// Exact duplicates, prices with three decimals, codes that differ by case, a fee, goods that are given away, a return with its
/// sale, one at another price, one of nobody, a write-off, a name that is a card number, and lines that cannot be read.
const DIRTY: &str = "\u{feff}no,code,name,quantity,price,time,customer
1,A1,Lamp,2,100.125,2024-03-31 23:30,ann
1,A1,Lamp,2,100.125,2024-03-31 23:30,ann
1,a1,\"Lamp, small\",1,50,2024-03-31 23:31,ann
2,POST,Postage,1,500,2024-04-01 09:00,ann
2,B2,,3,200,2024-04-01 09:00,ann
2,B2,Free cup,1,0,2024-04-01 09:00,ann
C3,B2,Cup,-2,200,2024-04-02 10:00,ann
C3,B2,Cup,-1,190,2024-04-02 10:00,ann
C3,B2,Cup,-1,200,2024-04-02 10:00,
4,B2,broken,-5,0,2024-04-03 10:00,
5,4111111111111111,4111 1111 1111 1111,1,10,2024-04-03 11:00,bob
5,D4,4111 1111 1111 1111,1,10,2024-04-03 11:00,bob
6,A1,Lamp,two,100,2024-04-03 12:00,bob
6,A1,Lamp,1,100,yesterday,bob
6,A1,Lamp,-1,100,2024-04-03 12:00,bob
,A1,Lamp,1,100,2024-04-03 12:00,bob
6,A1,Lamp,0.5,100,2024-04-03 12:00,bob
6,A1,Lamp,1,100,2024-04-03 12:00,bob
";

fn write(world: &World, name: &str, bytes: &[u8]) -> PathBuf {
    let path = world.folder().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

async fn reader_and_merchant(world: &World) -> (Reader, MerchantId) {
    let reader = Database::of(&world.settings().database).reader().unwrap();
    for merchant in reader.list_merchants().await.unwrap() {
        if reader.find_register(merchant.id, world.shop.register).await.unwrap().is_some() {
            return (reader, merchant.id);
        }
    }
    panic!("no merchant has the register");
}

async fn options(world: &World, file: PathBuf, map: &str) -> Options {
    Options {
        file,
        map: write(world, "map.toml", map.as_bytes()),
        merchant: Some(reader_and_merchant(world).await.1),
        register: None,
        source: None,
        is_dry_run: false,
        report: Some(world.folder().join("report.csv")),
    }
}

async fn replayed(world: &World, options: &Options) -> Value {
    let summary: Summary = replay::run(world.settings(), options).await.unwrap();
    assert!(summary.words().contains("Replayed"), "{}", summary.words());
    serde_json::from_str(&summary.json()).unwrap()
}

/// Line, outcome, amount and reason of each line of the report, in the order of the file.
fn report(options: &Options) -> Vec<[String; 4]> {
    let mut reader = csv::Reader::from_path(options.report.as_ref().unwrap()).unwrap();
    let mut rows: Vec<_> = reader.records().map(Result::unwrap).collect();
    rows.sort_by_key(|row| row[0].parse::<u64>().unwrap());
    rows.iter().map(|row| [&row[0], &row[4], &row[6], &row[8]].map(str::to_owned)).collect()
}

async fn each_line_ends_as_what_it_is(mut world: World) {
    world.stop().await;
    let file = write(&world, "dirty.csv", DIRTY.as_bytes());
    let options = options(&world, file, MAP).await;
    let told = replayed(&world, &options).await;
    let outcomes: Vec<String> =
        report(&options).into_iter().map(|[line, outcome, amount, _]| format!("{line} {outcome} {amount}")).collect();
    assert_eq!(
        outcomes,
        [
            "2 sold 200",
            "3 sold 200",
            "4 sold 50",
            "5 sold 500",
            "6 sold 600",
            "7 sold 0",
            "8 returned -400",
            "9 returned -190",
            "10 returned -200",
            "11 written_off 0",
            "12 refused 10",
            "13 sold 10",
            "14 refused ",
            "15 refused ",
            "16 refused -100",
            "17 refused ",
            "18 refused 50",
            "19 sold 100",
        ]
    );
    let sum =
        |lines: u64, amount: &str, exact: &str| json!({ "lines": lines, "amount": amount, "exact_amount": exact });
    assert_eq!(told["sold"], sum(8, "1660", "1660.5"));
    assert_eq!(told["returned"], sum(3, "-790", "-790"));
    assert_eq!(told["returned_unreferenced"], sum(2, "-390", "-390"));
    assert_eq!(told["written_off"], sum(1, "0", "0"));
    assert_eq!((&told["refused"]["lines"], &told["total"]["lines"]), (&json!(6), &json!(18)));
    assert_eq!((&told["rounded_lines"], &told["merge_candidates"]), (&json!(2), &json!([["A1", "a1"]])));
    let records = json!({
        "sales": { "new": 4, "known": 0 }, "returns": { "new": 1, "known": 0 },
        "unreferenced_returns": { "new": 1, "known": 0 }, "write_offs": { "new": 1, "known": 0 },
    });
    assert_eq!(told["records"], records);
    for (line, why) in [
        ("12", "looks like a card number"),
        ("14", "the quantity"),
        ("15", "the time"),
        ("16", "quantity is below zero"),
        ("17", "number of the invoice"),
        ("18", "has a fraction"),
    ] {
        let rows = report(&options);
        let reason = &rows.iter().find(|row| row[0] == line).unwrap()[3];
        assert!(reason.contains(why), "{line}: {reason}");
    }
    world.start().await;
    let exceptions = world.exceptions().await;
    assert_eq!(exceptions.iter().map(|(kind, _)| kind.as_str()).collect::<Vec<_>>(), ["stock_negative"]);
    world.close().await;
}

async fn what_was_recorded_is_read_like_everything_else(mut world: World) {
    world.stop().await;
    let file = write(&world, "dirty.csv", DIRTY.as_bytes());
    replayed(&world, &options(&world, file, MAP).await).await;
    world.start().await;
    let sales = world.get("/v1/sales?external_system=old-till&external_id=1").await.expect(200);
    let id = sales["data"][0]["id"].as_str().unwrap().to_owned();
    let sale = world.get(&format!("/v1/sales/{id}")).await.expect(200);
    assert_eq!(sale["elsewhere"]["origin"], "old-till");
    assert_eq!(sale["elsewhere"]["occurred_at"], "2024-03-31T14:30:00.000Z");
    assert_eq!(
        (&sale["created_at"], &sale["closed_at"]),
        (&sale["elsewhere"]["occurred_at"], &sale["elsewhere"]["occurred_at"])
    );
    assert_eq!((&sale["receipt_number"], &sale["total_minor"]), (&json!("1"), &json!(450)));
    assert_eq!((&sale["tenders"][0]["kind"], &sale["tenders"][0]["amount_minor"]), (&json!("recorded"), &json!(450)));
    let names: Vec<&str> =
        sale["lines"].as_array().unwrap().iter().map(|line| line["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Lamp", "Lamp", "Lamp, small"]);
    assert_eq!(sale["external_refs"], json!([{ "system": "old-till", "id": "1" }]));
    let second = world.get("/v1/sales?external_system=old-till&external_id=2").await.expect(200);
    let second = second["data"][0]["id"].as_str().unwrap().to_owned();
    let returns = world.get(&format!("/v1/sales/{second}/returns")).await.expect(200);
    let back = &returns["data"][0];
    assert_eq!((&back["total_minor"], &back["due_minor"]), (&json!(400), &json!(0)));
    assert_eq!((&back["refunds"][0]["kind"], &back["elsewhere"]["origin"]), (&json!("recorded"), &json!("old-till")));
    let refs = world.get("/v1/external-refs?system=old-till&id=C3%232").await.expect(200);
    assert_eq!(refs["data"][0]["kind"], "unreferenced_return");
    let unreferenced = refs["data"][0]["subject"].as_str().unwrap();
    let unreferenced = world.get(&format!("/v1/unreferenced-returns/{unreferenced}")).await.expect(200);
    assert_eq!((&unreferenced["total_minor"], &unreferenced["elsewhere"]["origin"]), (&json!(390), &json!("old-till")));
    // A sale belongs to the day of the shop on which it was made: the last of March in Tokyo.
    for (date, count, gross, recorded) in [
        ("2024-03-31", 1, 450, json!({ "count": 1, "amount_minor": 450, "refunded_minor": 0, "net_minor": 450 })),
        ("2024-04-01", 1, 1_100, json!({ "count": 1, "amount_minor": 1_100, "refunded_minor": 0, "net_minor": 1_100 })),
        ("2024-04-02", 0, 0, json!({ "count": 0, "amount_minor": 0, "refunded_minor": 790, "net_minor": -790 })),
    ] {
        let day = world.get(&format!("/v1/reports/day?date={date}")).await.expect(200);
        let of_day = &day["currencies"][0];
        assert_eq!(
            (&of_day["sales"]["count"], &of_day["sales"]["gross_minor"]),
            (&json!(count), &json!(gross)),
            "{date}"
        );
        assert_eq!(
            (&of_day["tenders"]["recorded"], &of_day["tenders"]["cash"]["net_minor"]),
            (&recorded, &json!(0)),
            "{date}"
        );
        assert_eq!(day["receipts"], json!([]), "a register has given no number");
    }
    let ledger = world.get("/v1/stock-movements?kind=write_off").await.expect(200);
    let gone = &ledger["data"][0];
    assert_eq!(
        (&gone["quantity"], &gone["origin"], &gone["reason"]),
        (&json!("-5"), &json!("old-till"), &json!("broken"))
    );
    let receipt = world
        .post(&format!("/v1/sales/{second}/receipts"), &json!({ "kind": "receipt", "locale": "en" }))
        .await
        .expect(201);
    let receipt = world.get(&format!("/v1/receipts/{}", text(&receipt["id"]))).await.expect(200);
    assert_eq!(receipt["content"]["tenders"], json!([{ "kind": "recorded", "amount_minor": 1_100 }]), "{receipt:#}");
    world.close().await;
}

async fn a_second_replay_changes_nothing(mut world: World) {
    world.stop().await;
    let file = write(&world, "dirty.csv", DIRTY.as_bytes());
    let options = options(&world, file, MAP).await;
    let first = replayed(&world, &options).await;
    let (reader, merchant) = reader_and_merchant(&world).await;
    let before = (end(&reader, merchant).await, report(&options));
    let second = replayed(&world, &options).await;
    assert_eq!(before, (end(&reader, merchant).await, report(&options)));
    assert_eq!(second["records"]["sales"], json!({ "new": 0, "known": 4 }));
    assert_eq!(second["articles_created"], json!(0));
    for part in ["sold", "returned", "returned_unreferenced", "written_off", "refused", "total"] {
        assert_eq!(first[part], second[part], "{part}");
    }
    // Another price in the file is no new fact under the old number.
    let changed = DIRTY.replace("3,200,2024-04-01", "3,201,2024-04-01");
    let changed = Options { file: write(&world, "changed.csv", changed.as_bytes()), ..options };
    let third = replayed(&world, &changed).await;
    assert!(
        report(&changed).iter().any(|[_, outcome, _, why]| outcome == "refused" && why.contains("recorded_otherwise"))
    );
    assert_eq!(third["sold"]["lines"], json!(5));
    assert_eq!(third["returned"]["lines"], json!(0), "what came back of it was told as something else");
    assert_eq!(before.0.0, end(&reader, merchant).await.0, "the shelves are as before");
    world.start().await;
    world.close().await;
}

async fn a_dry_run_tells_the_same_and_records_nothing(mut world: World) {
    let file = write(&world, "dirty.csv", DIRTY.as_bytes());
    let options = options(&world, file, MAP).await;
    let (reader, merchant) = reader_and_merchant(&world).await;
    let before = end(&reader, merchant).await;
    // A hub serves the database meanwhile.
    let dry = Options { is_dry_run: true, ..options.clone() };
    let summary = replay::run(world.settings(), &dry).await.unwrap();
    assert!(summary.words().starts_with("Looked at (nothing is recorded)"), "{}", summary.words());
    let foreseen = (serde_json::from_str::<Value>(&summary.json()).unwrap(), report(&dry));
    assert_eq!(end(&reader, merchant).await, before);
    world.stop().await;
    let told = replayed(&world, &options).await;
    assert_eq!(foreseen.1, report(&options));
    for part in ["sold", "returned", "returned_unreferenced", "written_off", "refused", "total", "articles_created"] {
        assert_eq!(foreseen.0[part], told[part], "{part}");
    }
    world.start().await;
    world.close().await;
}

async fn a_source_is_replayed_by_one_map(mut world: World) {
    world.stop().await;
    let file = write(&world, "dirty.csv", DIRTY.as_bytes());
    let first = options(&world, file.clone(), MAP).await;
    replayed(&world, &first).await;
    let changed = MAP.replace("invoice_starts_with = [\"C\"]", "invoice_starts_with = [\"C\", \"R\"]");
    let second = options(&world, file, &changed).await;
    let refused = replay::run(world.settings(), &second).await.err().expect("another map").to_string();
    assert!(refused.contains("by another map before"), "{refused}");
    replayed(&world, &Options { source: Some("another-till".to_owned()), ..second }).await;
    world.start().await;
    world.close().await;
}

async fn an_export_in_another_encoding_and_packed_is_read(mut world: World) {
    world.stop().await;
    let text = DIRTY.trim_start_matches('\u{feff}').replace("Lamp", "表示灯").replace("broken", "破損");
    let (bytes, _, is_lossy) = encoding_rs::SHIFT_JIS.encode(&text);
    assert!(!is_lossy);
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&bytes).unwrap();
    // The half of a character is a line that cannot be read, and the others can.
    packed.write_all(b"7,A1,\x83,1,100,2024-04-04 12:00,bob\n8,A1,x,1,100,2024-04-04 12:00,bob\n").unwrap();
    let file = write(&world, "sjis.csv.gz", &packed.finish().unwrap());
    let map = format!("{MAP}[file]\nencoding = \"cp932\"\n");
    let options = options(&world, file, &map).await;
    let told = replayed(&world, &options).await;
    assert_eq!((&told["sold"]["lines"], &told["refused"]["lines"]), (&json!(9), &json!(7)));
    assert!(report(&options).iter().any(|[line, _, _, why]| line == "20" && why.contains("Shift_JIS")));
    world.start().await;
    let found = world.get("/v1/articles?sku=A1").await.expect(200);
    assert_eq!(found["data"][0]["name"], "表示灯");
    world.close().await;
}

async fn a_history_that_does_not_fit_is_refused_with_what_to_do(world: World) {
    let file = write(&world, "dirty.csv", DIRTY.as_bytes());
    let good = options(&world, file, MAP).await;
    let refused = async |settings: &Config, options: &Options| {
        format!("{:#}", replay::run(settings, options).await.err().expect("it does not fit"))
    };
    if world.settings().database.url.is_none() {
        let why = refused(world.settings(), &good).await;
        assert!(why.contains("is served by process"), "{why}");
    }
    let mut world = world;
    world.stop().await;
    for (map, why) in [
        (MAP.replace("JPY", "EUR"), "trades in JPY"),
        (MAP.replace("\"standard\"", "\"luxury\""), "none of the classes"),
        (MAP.replace("code = \"code\"", "code = \"sku\""), "Its columns are: no | code | name"),
    ] {
        let wrong = options(&world, good.file.clone(), &map).await;
        let told = refused(world.settings(), &wrong).await;
        assert!(told.contains(why), "{told}");
    }
    let good = options(&world, good.file.clone(), MAP).await;
    for (wrong, why) in [
        (Options { merchant: None, ..good.clone() }, "several merchants"),
        (Options { register: Some(world.other_shop.register), ..good.clone() }, "no register"),
        (Options { source: Some("Old Till".to_owned()), ..good.clone() }, "small letters"),
        (Options { file: world.folder().join("nowhere.csv"), ..good.clone() }, "cannot be read"),
    ] {
        let told = refused(world.settings(), &wrong).await;
        assert!(told.contains(why), "{told}");
    }
    world.start().await;
    world.close().await;
}

/// What a database holds in the end: of each article what is on hand, how many events of each kind there are, and the sum of
/// what was paid elsewhere, and each return with its number within its sale. Ids and times of the runs are left out.
type End = (BTreeMap<String, i64>, BTreeMap<String, u64>, i64, BTreeSet<String>);

async fn end(reader: &Reader, merchant: MerchantId) -> End {
    let location = location_of(reader, merchant).await;
    let mut shelves = BTreeMap::new();
    let mut after = String::new();
    loop {
        let page = reader.list_articles(merchant, &after, 200).await.unwrap();
        let Some(last) = page.last() else { break };
        after = last.article.id.to_string();
        for described in page {
            let id = described.article.id;
            let levels = reader.list_stock_levels(merchant, location, Some(id), "", 1).await.unwrap();
            shelves.insert(described.article.sku, levels.first().map_or(0, |level| level.on_hand.0));
        }
    }
    let (mut kinds, mut paid_minor, mut last) = (BTreeMap::new(), 0, 0);
    let (mut sales, mut returns) = (BTreeMap::new(), BTreeSet::new());
    loop {
        let page = reader.list_events(merchant, last, 200).await.unwrap();
        let Some(event) = page.last() else { return (shelves, kinds, paid_minor, returns) };
        last = event.number;
        for event in page {
            let data: Value = serde_json::from_str(&event.data).unwrap();
            let sign = if event.kind == "sale.recorded" { 1 } else { -1 };
            if event.kind.ends_with("recorded") {
                paid_minor += sign * data["total_minor"].as_i64().unwrap();
            }
            if event.kind == "sale.recorded" {
                sales.insert(event.subject.clone(), text(&data["external_id"]));
            }
            if event.kind == "return.recorded" {
                let (sale, number) = (&sales[&text(&data["sale"])], event.subject.rsplit_once('-').unwrap().1);
                returns.insert(format!("{sale} {number} {} {}", data["external_id"], data["total_minor"]));
            }
            *kinds.entry(event.kind).or_default() += 1;
        }
    }
}

/// A few months of a made-up shop: 400 invoices, among them returns with and without their sale, write-offs and a long one.
fn made_up() -> String {
    let mut text = "no,code,name,quantity,price,time,customer\n".to_owned();
    let mut line = |no: &str, code: u32, quantity: i64, day: u32, customer: u32| {
        let price = 100 + code * 7;
        let (month, day) = (1 + day / 28, 1 + day % 28);
        let row = format!("{no},K{code},Thing {code},{quantity},{price},2024-{month:02}-{day:02} 10:00,c{customer}\n");
        text.push_str(&row);
    };
    for invoice in 1..=400_u32 {
        let (day, customer) = (invoice / 3, invoice % 17);
        if invoice.is_multiple_of(9) {
            let sold = invoice - 7;
            line(&format!("C{invoice}"), sold * 3 % 50, -1, day, sold % 17);
            line(&format!("C{invoice}"), 49, -3, day, customer);
            continue;
        }
        let lines = if invoice == 200 { 620 } else { 1 + invoice % 8 };
        for place in 0..lines {
            line(&invoice.to_string(), (invoice * 3 + place) % 50, i64::from(1 + place % 3), day, customer);
        }
    }
    for gone in 1..=20 {
        text.push_str(&format!("W{gone},K{gone},broken,-1,0,2024-06-01 10:00,\n"));
    }
    text
}

/// How often a replay is killed.
fn kills() -> u64 {
    std::env::var("TILLBRIDGE_REPLAY_KILLS").map_or(KILLS, |text| text.parse().expect("a number of kills"))
}

fn spawn(settings: &Config, options: &Options, out: Stdio) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tillbridge"));
    command
        .arg("replay")
        .arg(&options.file)
        .arg("--map")
        .arg(&options.map)
        .arg("--data")
        .arg(&settings.database.data_dir);
    if let Some(url) = &settings.database.url {
        command.arg("--database").arg(url.expose());
    }
    command.arg("--merchant").arg(options.merchant.unwrap().to_string()).arg("--json");
    if let Some(report) = &options.report {
        command.arg("--report").arg(report);
    }
    command.stdin(Stdio::null()).stdout(out).stderr(Stdio::null()).spawn().unwrap()
}

/// Replays, and kills the program once so many events are in the database; false where it was done before.
async fn kill_after(settings: &Config, options: &Options, reader: &Reader, events: i64) -> bool {
    let mut child = spawn(settings, options, Stdio::null());
    let (begun, merchant) = (Instant::now(), options.merchant.unwrap());
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "{status}");
            return false;
        }
        if !reader.list_events(merchant, events - 1, 1).await.unwrap().is_empty() {
            child.kill().unwrap();
            child.wait().unwrap();
            return true;
        }
        assert!(begun.elapsed() < PATIENCE * 10, "it does not come so far");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// The events that a database has, by the last number.
async fn count_events(reader: &Reader, merchant: MerchantId) -> i64 {
    let mut last = 0;
    loop {
        let page = reader.list_events(merchant, last, 200).await.unwrap();
        let Some(event) = page.last() else { return last };
        last = event.number;
    }
}

/// Points to kill at, spread over the events that are still to come and seldom the same twice.
fn kill_points(begun: i64, events: i64, kills: u64) -> Vec<i64> {
    let seed = i64::from(std::process::id());
    let mut points: Vec<i64> = (1..=kills)
        .map(|kill| {
            begun + 1 + (seed * 2_654_435_761 + i64::try_from(kill).unwrap() * 40_503 * 7_919) % (events - begun - 1)
        })
        .collect();
    points.sort_unstable();
    points
}

async fn a_replay_that_is_killed_again_and_again_ends_the_same(mut world: World) {
    world.stop().await;
    let file = write(&world, "made-up.csv", made_up().as_bytes());
    let options = options(&world, file, MAP).await;
    let (reader, merchant) = reader_and_merchant(&world).await;
    let begun = count_events(&reader, merchant).await;
    // The same file for the other merchant says what the end is.
    let other = other_merchant(&reader, merchant).await;
    let whole = Options { merchant: Some(other), ..options.clone() };
    let told = replayed(&world, &whole).await;
    let expected = report(&whole);
    let events = count_events(&reader, other).await;
    let mut killed = 0;
    for point in kill_points(begun, events, kills()) {
        killed += u64::from(kill_after(world.settings(), &options, &reader, point).await);
    }
    assert!(killed > 0, "it was over before it could be killed");
    let last = replayed(&world, &options).await;
    assert_eq!(report(&options), expected);
    for part in ["sold", "returned", "returned_unreferenced", "written_off", "refused", "total", "codes"] {
        assert_eq!(told[part], last[part], "{part}");
    }
    assert_eq!(told["refused"]["lines"], json!(0));
    assert!(
        told["records"]["returns"]["new"].as_u64().unwrap() > 0
            && told["returned_unreferenced"]["lines"].as_u64().unwrap() > 0
    );
    assert_eq!(count_events(&reader, merchant).await, events, "nothing is told twice, and nothing is missing");
    assert_eq!(end(&reader, merchant).await, end(&reader, other).await);
    world.start().await;
    world.close().await;
}

async fn other_merchant(reader: &Reader, own: MerchantId) -> MerchantId {
    let merchants = reader.list_merchants().await.unwrap();
    merchants.iter().map(|merchant| merchant.id).find(|id| *id != own).unwrap()
}

/// The location of a merchant that was set up with one.
async fn location_of(reader: &Reader, merchant: MerchantId) -> LocationId {
    reader.list_locations(merchant, "", 1).await.unwrap()[0].id
}

/// The real export; `None`, and a line that says so, where it is not there.
fn real_export() -> Option<PathBuf> {
    let name = "../../../shared/data/retail/online_retail_2010-12_2011-05.csv.zst";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {} is not there", path.display());
    None
}

/// Half a year of a wholesaler's real trade, killed at random points on the way, ends at the numbers of the file to the penny.
async fn real_trade(mut world: World) {
    let Some(file) = real_export() else { return world.close().await };
    world.stop().await;
    let mut operator = Operator::open(world.settings()).await.unwrap();
    let mut add = async |name: &str| {
        let new = NewMerchant {
            name: name.to_owned(),
            currency: Currency::parse("GBP").unwrap(),
            zone: "Europe/London".to_owned(),
            location: "Warehouse".to_owned(),
            registers: vec![format!("R{name}")],
        };
        operator.add_merchant(new).await.unwrap()
    };
    let (whole, killed) = (add("1").await, add("2").await);
    operator.close().await.unwrap();
    let map = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/maps/online-retail.toml");
    let report = Some(world.folder().join("report.csv"));
    let options = Options { file, map, merchant: Some(whole), register: None, source: None, is_dry_run: false, report };
    let (told, peak_kib) = measured(world.settings(), &options).await;
    eprintln!("{told:#}\nat most {} MiB in memory", peak_kib / 1024);
    check_real_numbers(&told);
    assert!(peak_kib <= 200 * 1024, "{peak_kib} KiB");
    let expected = report_by_line(&options);
    let (reader, again) = (reader_and_merchant(&world).await.0, Options { merchant: Some(killed), ..options });
    let events = count_events(&reader, whole).await;
    let begun = Instant::now();
    let mut kills_made = 0;
    for point in kill_points(1, events, kills()) {
        kills_made += u64::from(kill_after(world.settings(), &again, &reader, point).await);
    }
    let (last, _) = measured(world.settings(), &again).await;
    eprintln!("killed {kills_made} times, the same end after {:.1} s", begun.elapsed().as_secs_f64());
    check_real_numbers(&last);
    assert_eq!((report_by_line(&again), count_events(&reader, killed).await), (expected, events));
    assert_eq!(end(&reader, whole).await, end(&reader, killed).await);
    world.start().await;
    world.close().await;
}

fn check_real_numbers(told: &Value) {
    let of = |part: &str, field: &str| told[part][field].clone();
    assert_eq!((of("total", "lines"), of("refused", "lines")), (json!(209_029), json!(0)));
    assert_eq!((of("total", "amount"), of("total", "exact_amount")), (json!("3706827.64"), json!("3706827.641")));
    assert_eq!((of("returned", "lines"), of("returned", "amount")), (json!(3_783), json!("-357898.95")));
    assert_eq!((of("written_off", "lines"), of("sold", "lines")), (json!(651), json!(204_595)));
    let line = "line 157197: invoice 550193, PADS comes to 0.001 and is recorded as 0.00";
    assert_eq!((&told["rounded_lines"], &told["rounded"]), (&json!(1), &json!([line])));
    assert_eq!((&told["codes"], told["merge_candidates"].as_array().unwrap().len()), (&json!(3_514), 88));
}

/// Replays by the program, and says what it told and how much memory it took at most, in KiB.
async fn measured(settings: &Config, options: &Options) -> (Value, u64) {
    let mut child = spawn(settings, options, Stdio::piped());
    let status = format!("/proc/{}/status", child.id());
    let mut peak_kib = 0;
    loop {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let peak = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok());
        peak_kib = peak.unwrap_or(peak_kib);
        if let Some(status) = child.try_wait().unwrap() {
            let mut words = String::new();
            std::io::Read::read_to_string(&mut child.stdout.take().unwrap(), &mut words).unwrap();
            assert!(status.success(), "{words}");
            return (serde_json::from_str(&words).unwrap(), peak_kib);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// What came of each line, by its number.
fn report_by_line(options: &Options) -> BTreeMap<String, [String; 3]> {
    report(options).into_iter().map(|[line, outcome, amount, why]| (line, [outcome, amount, why])).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes; ./test --long runs it"]
async fn real_trade_on_sqlite() {
    if let Some(world) = World::open(Kind::Sqlite).await {
        real_trade(world).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes; ./test --long runs it"]
async fn real_trade_on_postgres() {
    if let Some(world) = World::open(Kind::Postgres).await {
        real_trade(world).await;
    }
}
