//! `tillbridge import catalogue`: what becomes of each line, that a second run changes nothing, and that a run which was cut off is
//! taken up where it ended.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use domain::article::{Barcode, Unit};
use domain::money::{Quantity, UnitPrice};
use domain::stock::{Booking, MoveStock};
use domain::tax::TaxRules;
use hub::import::{self, Carrier, Effect, Map, Outcome, Request, Totals, Wish};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::support::market::{
    Market, a_file, assert_clean, drained, imported, lines_by_class, outcomes, planned, shared,
};
use crate::support::shop::{add_location, run};
use crate::support::{On, TestHub};

on_each_engine! {
    a_japanese_item_master_is_taken_with_each_of_its_issues,
    a_second_run_changes_nothing,
    an_import_that_was_cut_off_is_taken_up,
    what_changed_in_the_file_changes_in_the_catalogue,
    variants_are_made_with_what_stands_for_them,
    stock_comes_in_once_and_only_where_nothing_is,
    what_somebody_else_did_meanwhile_is_told_of_the_line,
    the_shared_exports_are_read_as_their_answers_say,
    what_is_exported_is_imported_as_it_was,
    the_program_imports_beside_a_hub_that_serves,
    two_thousand_products_are_taken_or_refused_with_reasons,
}

fn own(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/import").join(name)
}

async fn a_japanese_item_master_is_taken_with_each_of_its_issues(on: On) {
    let hub = TestHub::start(on).await;
    let app = &hub.running.app;
    let market = Market::open(app, "JPY", &[("standard", 1_000), ("reduced", 800), ("none", 0)]).await;
    let import = imported(app, &market, &market.request(&own("items_cp932.csv"))).await;
    assert_eq!(import.layout, "japanese_items");
    let wanted: BTreeMap<String, Vec<u64>> = [
        ("code_respelled", vec![3, 16, 29, 42, 55]),
        ("barcode_check_digit_wrong", vec![5, 18, 31, 44, 57]),
        ("price_respelled", vec![6, 19, 32, 45, 58]),
        ("barcode_missing", vec![7, 20, 33, 46, 59]),
        ("tax_respelled", vec![8, 21, 34, 47, 60]),
        ("name_padded", vec![9, 22, 35, 48, 61]),
        ("barcode_rounded", vec![10, 23, 36, 49, 62]),
        ("stock_negative", vec![11, 24, 37, 50, 63]),
        ("sku_case_unusual", vec![12, 25, 38, 51, 64]),
        ("line_twice", vec![14, 27, 40, 53, 66]),
        ("sku_twice", vec![67]),
    ]
    .map(|(code, lines)| (code.to_owned(), lines))
    .into();
    assert_eq!(lines_by_class(&import), wanted);
    let totals = Totals { lines: 66, created: 50, unchanged: 5, refused: 11, opening_stock: 45, ..Totals::default() };
    assert_eq!(Totals::of(&import.entries), totals);
    let told = import::words(&import, true);
    assert!(told.contains("line 10, JANコード: `4.99900E+12`  (JP0008 食パン 6枚)"), "{told}");
    let shelves = market.shelves(app).await;
    assert_eq!(shelves.len(), 50);
    assert_eq!(shelves["JP0001"], r#"おにぎり 梅 140 piece reduced [Barcode("4998999920811")] None 74"#);
    assert_eq!(shelves["JP0004"], r#"日本酒 720ml 1650 piece standard [Barcode("4998999683242")] None 37"#);
    assert!(shelves["jp0010"].starts_with("おにぎり 鮭 1 "), "{}", shelves["jp0010"]);
    assert!(shelves["JP0009"].ends_with("None none"), "{}", shelves["JP0009"]);
    assert_clean(&hub).await;
    hub.stop().await;
}

async fn a_second_run_changes_nothing(on: On) {
    let hub = TestHub::start(on).await;
    let app = &hub.running.app;
    let market = Market::of_shop(&hub).await;
    let request = market.request(&own("items_cp932.csv"));
    imported(app, &market, &request).await;
    let before = hub.rows().await;
    let again = imported(app, &market, &request).await;
    let totals = Totals { lines: 66, unchanged: 55, refused: 11, ..Totals::default() };
    assert_eq!(Totals::of(&again.entries), totals);
    assert_eq!(hub.rows().await, before);
    hub.stop().await;
}

/// A catalogue of more lines than are sent at once.
fn many_lines() -> String {
    let line = |number: u32| format!("Article {number},A-{number:04},,{}.50,,,{},N\n", number % 90, number % 7);
    let head = "Item Name,SKU,Barcode,Price,Department,Category,On Hand,Weighed (Y/N)\n".to_owned();
    head + &(1..=700).map(line).collect::<String>()
}

async fn an_import_that_was_cut_off_is_taken_up(on: On) {
    let hub = TestHub::start(on).await;
    let app = &hub.running.app;
    let [whole, cut] = [
        Market::open(app, "EUR", &[("standard", 1_900)]).await,
        Market::open(app, "EUR", &[("standard", 1_900)]).await,
    ];
    let file = a_file(&many_lines());
    imported(app, &whole, &whole.request(file.path())).await;

    let request = cut.request(file.path());
    let mut import = planned(app, &request).await;
    let (heard, mut progress) = mpsc::unbounded_channel();
    let tell = move |lines| heard.send(lines).unwrap();
    let carrier = cut.carrier(&app.committer, &tell);
    // Dropped in the middle of what is sent after the first part, as by a process that dies.
    tokio::select! {
        biased;
        _ = progress.recv() => {}
        done = carrier.carry_out(&mut import.entries) => panic!("it was not cut off: {done:?}"),
    }
    // Its last commands were on their way; a process takes them with it.
    drained(app, &cut).await;
    let half = cut.articles(app).await.len();
    assert!((256..700).contains(&half), "{half}");
    let again = imported(app, &cut, &request).await;
    assert!(import::is_all_taken(&again.entries));
    assert_eq!(cut.shelves(app).await, whole.shelves(app).await);
    let last = planned(app, &request).await;
    assert_eq!(Totals::of(&last.entries), Totals { lines: 700, unchanged: 700, ..Totals::default() });
    assert_clean(&hub).await;
    hub.stop().await;
}

const HEAD: &str = "Item Name,SKU,Barcode,Price,Department,Category,On Hand,Weighed (Y/N)\n";

async fn what_changed_in_the_file_changes_in_the_catalogue(on: On) {
    let hub = TestHub::start(on).await;
    let app = &hub.running.app;
    let market = Market::open(app, "EUR", &[("standard", 1_900)]).await;
    let before = a_file(&format!("{HEAD}Tea,T,4901234567894,1.50,,,3,N\nRice,R,,2.00,,,1.5,Y\nBag,B,,0.10,,,,N\n"));
    imported(app, &market, &market.request(before.path())).await;
    let tea = app.reader.find_article_by_sku(market.merchant.id, "T").await.unwrap().unwrap().article;
    let after = a_file(&format!(
        "{HEAD}Green tea,T,49012347,\"1.234,50\",,,3,N\nRice,R,,\"2,00\",,,1.5,N\nBag,B,,\"0,10\",,,,N\nCup,C,49012347,\"1,00\",,,,N\n"
    ));
    let import = imported(app, &market, &market.request(after.path())).await;
    let told: Vec<_> = import.entries.iter().map(|entry| (entry.outcome, entry.changes.join(", "))).collect();
    let changes = "name Tea -> Green tea, price 1.50 -> 1,234.50, barcode + 49012347";
    assert_eq!(told[0], (Outcome::Updated, changes.to_owned()));
    assert_eq!(told[2], (Outcome::Unchanged, String::new()));
    // What is weighed cannot become pieces, and no code is on two goods.
    let wanted = [
        ("barcode_missing", vec![3, 4]),
        ("barcode_twice", vec![5]),
        ("price_respelled", vec![2, 3, 4, 5]),
        ("unit_differs", vec![3]),
    ];
    assert_eq!(lines_by_class(&import), wanted.map(|(code, lines)| (code.to_owned(), lines)).into());
    let changed = app.reader.find_article(market.merchant.id, tea.id).await.unwrap().unwrap().article;
    let codes: Vec<&str> = changed.barcodes.iter().map(Barcode::as_str).collect();
    assert_eq!((changed.version, codes), (tea.version + 1, vec!["4901234567894", "49012347"]));
    hub.stop().await;
}

async fn variants_are_made_with_what_stands_for_them(on: On) {
    let hub = TestHub::start(on).await;
    let app = &hub.running.app;
    let market = Market::open(app, "EUR", &[("standard", 1_900)]).await;
    // Only the first line of an item says its name and the names of its options.
    let loyverse = a_file(
        "Handle,SKU,Name,Category,Sold by weight,Option 1 name,Option 1 value,Option 2 name,Option 2 value,Option 3 name,\
         Option 3 value,Cost,Barcode,SKU of included item,Quantity of included item,Default price,In stock [Ginza]\n\
         shirt,S-1,Shirt,,N,Size,M,Colour,red,,,,4901234567894,,,10.00,2\n\
         shirt,S-2,,,,,L,,red,,,,,,,11.00,\n\
         shirt,S-3,,,,,L,,red,,,,,,,12.00,\n\
         cheese,C-1,Cheese,,Y,,,,,,,,,,,20.00,1.25\n",
    );
    let import = imported(app, &market, &market.request(loyverse.path())).await;
    assert_eq!(outcomes(&import), [(2, "created"), (2, "created"), (3, "created"), (4, "refused"), (5, "created")]);
    assert_eq!(lines_by_class(&import)["article_options_taken"], [4]);
    let shelves = market.shelves(app).await;
    assert!(shelves["shirt"].starts_with("Shirt 1000 piece") && shelves["shirt"].ends_with("None none"));
    assert!(shelves["S-1"].starts_with("Shirt M red 1000 "), "{}", shelves["S-1"]);
    assert!(shelves["S-2"].contains(r#"Some({"Colour": "red", "Size": "L"}) none"#), "{}", shelves["S-2"]);
    assert!(shelves["C-1"].starts_with("Cheese 2000 kg") && shelves["C-1"].ends_with(" 1.25"));
    let of =
        app.reader.find_article_by_sku(market.merchant.id, "S-1").await.unwrap().unwrap().article.variant.unwrap().of;
    let whole = app.reader.find_article(market.merchant.id, of).await.unwrap().unwrap().article;
    assert_eq!((whole.sku.as_str(), whole.has_variants, whole.is_stocked), ("shirt", true, false));

    // The line of the whole stands behind that of its variant, and one variant has no whole.
    let woo = a_file(
        "ID,Type,SKU,Name,Published,Is featured?,Visibility in catalog,Short description,Description,Date sale price starts,\
         Date sale price ends,Tax status,Tax class,In stock?,Stock,Backorders allowed?,Sold individually?,Weight (lbs),\
         Length (in),Width (in),Height (in),Allow customer reviews?,Purchase note,Sale price,Regular price,Categories,Tags,\
         Shipping class,Images,Parent,Attribute 1 name,Attribute 1 value(s)\n\
         8,variation,H-8,Hat - blue,1,,,,,,,,,,4,,,,,,,,,,5,,,,,id:7,Colour,blue\n\
         7,variable,H,Hat,1,,,\"For\nsunny days\",,,,,,,,,,,,,,,,,,,,,,,Colour,\"blue, red\"\n\
         9,variation,H-9,Hat - red,0,,,,,,,,,,,,,,,,,,,,6,,,,,H,Colour,red\n\
         10,variation,X-1,Cap - red,1,,,,,,,,,,,,,,,,,,,,6,,,,,X,Colour,red\n",
    );
    let import = imported(app, &market, &market.request(woo.path())).await;
    assert_eq!(outcomes(&import), [(2, "created"), (3, "created"), (5, "created"), (6, "refused")]);
    assert_eq!(lines_by_class(&import)["whole_missing"], [6]);
    let of_sku = async |sku| app.reader.find_article_by_sku(market.merchant.id, sku).await.unwrap().unwrap();
    let (hat, blue, red) = (of_sku("H").await, of_sku("H-8").await.article, of_sku("H-9").await.article);
    assert_eq!(hat.details.description, "For\nsunny days");
    assert_eq!((blue.variant.unwrap().of, red.variant.unwrap().of), (hat.article.id, hat.article.id));
    assert_eq!((blue.is_active, red.is_active, hat.article.has_variants), (true, false, true));
    for file in [loyverse.path(), woo.path()] {
        let again = planned(app, &market.request(file)).await;
        let totals = Totals::of(&again.entries);
        assert_eq!((totals.created, totals.updated, totals.refused, totals.wholes_created), (0, 0, 1, 0));
    }
    assert_clean(&hub).await;
    hub.stop().await;
}

async fn stock_comes_in_once_and_only_where_nothing_is(on: On) {
    let hub = TestHub::start(on).await;
    let app = &hub.running.app;
    let market = Market::open(app, "EUR", &[("standard", 1_900)]).await;
    let file = a_file(&format!(
        "{HEAD}Tea,T,,1.50,,,3,N\nRice,R,,2.00,,,1.5,Y\nBag,B,,0.10,,,0,N\nCup,C,,1.00,,,2.5,N\nPot,P,,9.00,,,some,N\n"
    ));
    let nowhere = Request { location: None, ..market.request(file.path()) };
    let mut import = planned(app, &nowhere).await;
    let carrier = Carrier { location: None, ..market.carrier(&app.committer, &|_| {}) };
    carrier.carry_out(&mut import.entries).await.unwrap();
    assert_eq!(Totals::of(&import.entries).opening_stock, 0);
    let article =
        async |sku| app.reader.find_article_by_sku(market.merchant.id, sku).await.unwrap().unwrap().article.id;
    let (tea, rice) = (article("T").await, article("R").await);
    let moved = async |kind, article, quantity| {
        let mut command = MoveStock::one(market.merchant.id, market.location.id, kind, article, Quantity(quantity));
        command.reason = "counted".to_owned();
        run(app, market.merchant.id, command).await;
    };
    moved(Booking::Receipt, rice, 1_000).await;

    let import = imported(app, &market, &market.request(file.path())).await;
    let found = [
        ("barcode_missing", vec![2, 3, 4, 5, 6]),
        ("stock_not_whole", vec![5]),
        ("stock_on_hand", vec![3]),
        ("stock_unreadable", vec![6]),
    ];
    assert_eq!(lines_by_class(&import), found.map(|(code, lines)| (code.to_owned(), lines)).into());
    assert!(!import::is_all_taken(&import.entries));
    assert_eq!(import.entries[0].changes, ["opening stock 3"]);
    assert_eq!((market.on_hand(app, tea).await, market.on_hand(app, rice).await), ("3".to_owned(), "1".to_owned()));

    // Sold out since: the old system's number is no reason to let it come in again.
    moved(Booking::Correction, tea, -3_000).await;
    let again = imported(app, &market, &market.request(file.path())).await;
    assert_eq!(again.entries[0].outcome, Outcome::Unchanged);
    assert_eq!(market.on_hand(app, tea).await, "0");
    // Another location has a stock of its own.
    let annexe = add_location(app, market.merchant.id).await;
    let annexe = Market::find(app, market.merchant.id, annexe).await;
    imported(app, &annexe, &annexe.request(file.path())).await;
    assert_eq!((annexe.on_hand(app, tea).await, annexe.on_hand(app, rice).await), ("3".to_owned(), "1.5".to_owned()));
    assert_clean(&hub).await;
    hub.stop().await;
}

async fn what_somebody_else_did_meanwhile_is_told_of_the_line(on: On) {
    let hub = TestHub::start(on).await;
    let app = &hub.running.app;
    let market = Market::open(app, "EUR", &[("standard", 1_900)]).await;
    let (first, second) = (
        a_file(&format!("{HEAD}Tea,T,,1.50,,,3,N\n")),
        a_file(&format!("{HEAD}Tea,T,,1.60,,,3,N\nCup,C,,1.00,,,,N\n")),
    );
    let mut late = planned(app, &market.request(second.path())).await;
    imported(app, &market, &market.request(first.path())).await;
    market.carrier(&app.committer, &|_| {}).carry_out(&mut late.entries).await.unwrap();
    assert_eq!(outcomes(&late), [(2, "refused"), (3, "created")]);
    assert_eq!(lines_by_class(&late)["article_sku_taken"], [2]);

    // A change that was planned on an older version is not made.
    let mut late = planned(app, &market.request(second.path())).await;
    let third = a_file(&format!("{HEAD}Tea,T,,1.70,,,3,N\n"));
    imported(app, &market, &market.request(third.path())).await;
    market.carrier(&app.committer, &|_| {}).carry_out(&mut late.entries).await.unwrap();
    assert_eq!(lines_by_class(&late)["version_stale"], [2]);
    let tea = app.reader.find_article_by_sku(market.merchant.id, "T").await.unwrap().unwrap().article;
    assert_eq!((tea.unit_price, market.on_hand(app, tea.id).await.as_str()), (UnitPrice(1_700_000), "3"));
    hub.stop().await;
}

/// A code in a shared export whose last digit does not fit the others.
const WRONG_CODE: &str = "5000000000011";

async fn the_shared_exports_are_read_as_their_answers_say(on: On) {
    let Some(folder) = shared("legacy") else { return };
    let hub = TestHub::start(on).await;
    let app = &hub.running.app;
    let answers: Value = serde_json::from_str(&std::fs::read_to_string(folder.join("expected.json")).unwrap()).unwrap();
    let classes = [("standard", 1_900), ("reduced", 700), ("none", 0)];
    for (name, answers) in answers.as_object().unwrap() {
        let market = Market::open(app, "GBP", &classes).await;
        let tax_class = (name != "tax_columns.csv").then(|| "standard".to_owned());
        let text = std::fs::read_to_string(folder.join(name)).unwrap();
        assert_eq!(text.starts_with('\u{feff}'), answers["bom"] == Value::Bool(true), "{name}");
        // The answers are those of a reader that computes no check digits: its code is refused here, and read once it is right.
        let mended = a_file(&text.replace(WRONG_CODE, "5000000000012"));
        if text.contains(WRONG_CODE) {
            let request = Request { tax_class: tax_class.clone(), ..market.request(&folder.join(name)) };
            assert_eq!(lines_by_class(&planned(app, &request).await)["barcode_check_digit_wrong"], [3]);
        }
        let import = imported(app, &market, &Request { tax_class, ..market.request(mended.path()) }).await;
        assert_eq!(import.entries.len() as u64, answers["rows"].as_u64().unwrap(), "{name}");
        for (key, answers) in answers.as_object().unwrap() {
            let Some(answers) = answers.as_array() else { continue };
            for (entry, answer) in import.entries.iter().zip(answers) {
                assert_answer(name, key, entry, answer, &market.merchant.tax);
            }
        }
        assert_eq!(market.articles(app).await.len(), Totals::of(&import.entries).created, "{name}");
    }
    for (name, skus) in [("exported-products-comma.csv", 5), ("invalid-prices.csv", 2)] {
        let market = Market::open(app, "USD", &classes).await;
        let request = Request { tax_class: Some("standard".to_owned()), ..market.request(&folder.join(name)) };
        assert!(import::is_all_taken(&imported(app, &market, &request).await.entries), "{name}");
        assert!(import::is_all_taken(&imported(app, &market, &request).await.entries), "{name}");
        assert_eq!(market.articles(app).await.len(), skus, "{name}");
    }
    assert_clean(&hub).await;
    hub.stop().await;
}

/// Holds what became of a line against one answer: null stands for nothing, `ERROR` for a line that is refused because of it.
#[track_caller]
fn assert_answer(file: &str, key: &str, entry: &import::Entry, answer: &Value, rules: &TaxRules) {
    let create = entry.steps.as_ref().and_then(|steps| steps.create.as_ref());
    let rate = |class: &str| u64::from(rules.rate(class).unwrap().0);
    let is_refused_for =
        |code: &str| entry.outcome == Outcome::Refused && entry.issues.iter().any(|issue| issue.class.code() == code);
    let holds = match (key, create, answer) {
        ("tax_bp" | "takeaway_bp", _, Value::String(_)) => is_refused_for("tax_unreadable"),
        ("tax_bp" | "takeaway_bp", _, Value::Null) => is_refused_for("tax_missing"),
        // The other of the two is what the line is refused for.
        ("tax_bp" | "takeaway_bp", None, Value::Number(_)) => is_refused_for("tax_unreadable"),
        ("tax_bp", Some(create), rate_told) => {
            Some(rate(create.eat_in_tax_class.as_ref().unwrap_or(&create.tax_class))) == rate_told.as_u64()
        }
        ("takeaway_bp", Some(create), rate_told) => Some(rate(&create.tax_class)) == rate_told.as_u64(),
        ("names", Some(create), name) => Some(create.name.as_str()) == name.as_str(),
        ("price_minor", Some(create), price) => Some(create.unit_price.0 / 10_000) == price.as_i64(),
        ("barcode", Some(create), Value::Null) => create.barcodes.is_empty(),
        ("barcode", Some(create), code) => {
            create.barcodes == [Barcode::parse(code.as_str().unwrap()).unwrap().as_str()]
        }
        ("stock", Some(_), stock) => {
            let came_in = entry.steps.as_ref().and_then(|steps| steps.stock).map(|stock| stock.to_string());
            came_in.as_deref() == stock.as_str()
        }
        ("weighed", Some(create), is_weighed) => Some(create.unit == Unit::Kilogram) == is_weighed.as_bool(),
        _ => false,
    };
    assert!(holds, "{file}, line {}, {key}: {answer} {entry:?}", entry.line);
}

async fn two_thousand_products_are_taken_or_refused_with_reasons(on: On) {
    let Some(file) = shared("catalogue/off_products.csv.gz") else { return };
    let hub = TestHub::start(on).await;
    let app = &hub.running.app;
    let market = Market::open(app, "EUR", &[("standard", 1_900)]).await;
    let map = "[columns]\nbarcodes = 'code'\nname = 'product_name'\n[defaults]\nprice = '0'\n";
    let wish = Wish { map: Some(Map::parse(map).unwrap()), ..Wish::default() };
    let request = Request { wish, ..market.request(&file) };
    let import = imported(app, &market, &request).await;
    let totals = Totals::of(&import.entries);
    assert_eq!(totals, Totals { lines: 2_481, created: 2_166, refused: 315, ..Totals::default() });
    for entry in import.entries.iter().filter(|entry| entry.outcome == Outcome::Refused) {
        assert!(entry.issues.iter().any(|issue| issue.class.effect() == Effect::Refused), "{entry:?}");
    }
    let counts: BTreeMap<String, usize> =
        lines_by_class(&import).into_iter().map(|(code, lines)| (code, lines.len())).collect();
    let reasons =
        [("barcode_check_digit_wrong", 170), ("barcode_zeros_lost", 138), ("sku_derived", 2_481), ("sku_twice", 7)];
    assert_eq!(counts, reasons.map(|(code, count)| (code.to_owned(), count)).into());
    assert_eq!(market.articles(app).await.len(), totals.created);
    let again = imported(app, &market, &request).await;
    let told = Totals::of(&again.entries);
    assert_eq!((told.created, told.updated, told.refused), (0, 0, totals.refused));
    assert_clean(&hub).await;
    hub.stop().await;
}

async fn what_is_exported_is_imported_as_it_was(on: On) {
    let hub = TestHub::start(on).await;
    let app = &hub.running.app;
    let classes = [("standard", 1_000), ("reduced", 800)];
    let [from, to] = [Market::open(app, "JPY", &classes).await, Market::open(app, "JPY", &classes).await];
    imported(app, &from, &from.request(&own("items_cp932.csv"))).await;
    let more = a_file("Name,Price,Tax rate,Takeaway tax\nTea; hot,150,10,8\n\"Cake, \"\"big\"\"\",0.25,8,\n");
    imported(app, &from, &from.request(more.path())).await;
    let shirts = a_file(
        "Handle,SKU,Name,Category,Sold by weight,Option 1 name,Option 1 value,Option 2 name,Option 2 value,Option 3 name,\
         Option 3 value,Cost,Barcode,SKU of included item,Quantity of included item,Default price,In stock [Ginza]\n\
         shirt,S-1,Shirt,,N,Size,M,Colour,red,,,,49012347;S;036000291452,,,1000,2\n\
         cheese,C-1,Cheese,,Y,,,,,,,,,,,20,1.25\n",
    );
    let request = Request { tax_class: Some("standard".to_owned()), ..from.request(shirts.path()) };
    imported(app, &from, &request).await;

    let mut table = Vec::new();
    let count = hub::export::write(&app.reader, &from.merchant, Some(from.location.id), &mut table).await.unwrap();
    assert_eq!(count, 55);
    let file = a_file(std::str::from_utf8(&table).unwrap());
    let import = imported(app, &to, &to.request(file.path())).await;
    assert_eq!((import.layout.as_str(), Totals::of(&import.entries).created), ("tillbridge_catalogue", 55));
    assert!(import::is_all_taken(&import.entries), "{}", import::words(&import, false));
    assert_eq!(to.shelves(app).await, from.shelves(app).await);
    let mut again = Vec::new();
    hub::export::write(&app.reader, &to.merchant, Some(to.location.id), &mut again).await.unwrap();
    assert_eq!(in_lines(&again), in_lines(&table));
    // Into the catalogue that it comes from it brings nothing new.
    let home = planned(app, &from.request(file.path())).await;
    assert_eq!(Totals::of(&home.entries), Totals { lines: 55, unchanged: 55, ..Totals::default() });
    hub.stop().await;
}

/// The rows of a table, in an order of their own.
fn in_lines(table: &[u8]) -> Vec<String> {
    let mut lines: Vec<String> = std::str::from_utf8(table).unwrap().lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

async fn the_program_imports_beside_a_hub_that_serves(on: On) {
    let hub = TestHub::start(on).await;
    let (merchant, items) = (hub.shop.merchant.to_string(), own("items_cp932.csv").display().to_string());
    let run = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tillbridge"));
        command.args(["import", "catalogue", &items, "--merchant", &merchant]).args(more).args(hub.source());
        tokio::task::spawn_blocking(move || command.env_remove("TILLBRIDGE_CONFIG").output().unwrap())
    };
    let before = hub.mark().await;
    let dry = run(&["--dry-run"]).await.unwrap();
    assert_eq!(dry.status.code(), Some(1), "{}", text(&dry.stderr));
    assert!(text(&dry.stdout).contains("      50 created"), "{}", text(&dry.stdout));
    assert_eq!(hub.mark().await, before);
    let done = run(&["--location", &hub.shop.location.to_string()]).await.unwrap();
    assert_eq!(done.status.code(), Some(1), "{}", text(&done.stderr));
    let found = hub.get(&hub.shop.viewer, "/v1/articles?barcode=4998999920811").await.expect(200);
    assert_eq!(found["data"][0]["sku"], "JP0001");
    hub.stop().await;
}

/// The program itself, on a database of its own.
fn tillbridge(folder: &Path, arguments: &[&str]) -> Output {
    let data = folder.display().to_string();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tillbridge"));
    command.args(arguments).args(["--data", &data]).env_remove("TILLBRIDGE_CONFIG").output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_command_line_plans_then_imports_and_says_by_its_status_how_it_went() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let items = own("items_cp932.csv").display().to_string();
    let run = |arguments: &[&str]| tillbridge(path, arguments);
    let missing = run(&["import", "catalogue", &items]);
    assert_eq!(missing.status.code(), Some(2), "{}", text(&missing.stderr));
    assert!(run(&["migrate"]).status.success());
    let none = run(&["import", "catalogue", &items, "--dry-run"]);
    assert_eq!((none.status.code(), text(&none.stderr).contains("merchants add")), (Some(2), true));
    let added = ["merchants", "add", "--name", "Corner Shop", "--location", "Ginza", "--register", "T1"];
    assert!(run(&added).status.success());

    let dry = run(&["import", "catalogue", &items, "--dry-run"]);
    let told = text(&dry.stdout);
    assert_eq!(dry.status.code(), Some(1), "{}", text(&dry.stderr));
    for line in ["Dry run: nothing is written.", "      50 created", "      11 refused", "barcode_rounded, 5 lines."] {
        assert!(told.contains(line), "{told}");
    }
    let report = path.join("report.csv").display().to_string();
    let done = run(&["import", "catalogue", &items, "--json", "--report", &report]);
    assert_eq!(done.status.code(), Some(1), "{}", text(&done.stderr));
    let told: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!((&told["created"], &told["is_dry_run"]), (&50.into(), &false.into()), "the dry run wrote something");
    let mut report = csv::Reader::from_path(report).unwrap();
    let rows: Vec<csv::StringRecord> = report.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 66);
    let row = rows.iter().find(|row| &row[0] == "10").unwrap();
    assert_eq!((&row[1], &row[2], &row[4]), ("refused", "JP0008", "barcode_rounded"));
    assert!(row[5].contains("formatted as text"), "{row:?}");

    let good = a_file("商品コード,JANコード,商品名,部門,売価,原価,税率,在庫数\nZ-1,4901234567894,茶,食品,150,,8,\n");
    let good = good.path().display().to_string();
    assert_eq!(run(&["import", "catalogue", &good]).status.code(), Some(0));
    let unknown = run(&["import", "catalogue", &good, "--layout", "nonsense"]);
    assert_eq!((unknown.status.code(), text(&unknown.stderr).contains("There is no layout")), (Some(2), true));
    assert!(run(&["check"]).status.success());

    let table = path.join("articles.csv").display().to_string();
    let exported = run(&["export", "catalogue", &table]);
    assert!(exported.status.success() && text(&exported.stdout).starts_with("51 articles of Corner Shop are in "));
    let over = run(&["export", "catalogue", &table]);
    assert!(over.status.code() == Some(2) && text(&over.stderr).contains("cannot be made"), "{}", text(&over.stderr));
    assert_eq!(run(&["import", "catalogue", &table]).status.code(), Some(0));
}
