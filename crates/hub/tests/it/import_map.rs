//! `tillbridge import catalogue --map`: what a map says of a table of any form, and each thing that can be wrong with a line.

use domain::article::{Barcode, Unit};
use hub::import::{self, Map, Outcome, Request, Totals, Wish};

use crate::support::market::{Market, a_file, assert_clean, imported, lines_by_class, outcomes, planned};
use crate::support::{On, TestHub};

on_each_engine! {
    a_table_of_any_form_is_taken_by_its_map,
    one_bad_line_stops_no_other,
    skus_that_differ_by_case_are_kept_and_named,
    what_does_not_fit_the_merchant_is_said_at_once,
}

/// A German price list: decimal comma, semicolons, classes by letter, a scale.
const MAP: &str = "
separator = ';'
prices = 'inclusive'
currency = 'EUR'
[columns]
sku = 'Artikel'
barcodes = ['EAN', 'EAN Karton']
plu = 'PLU'
name = ['Bezeichnung', 'Zusatz']
price = ['Aktion', 'VK']
tax = 'MwSt'
unit = 'Einheit'
weighed = 'Waage'
is_active = 'Aktiv'
[defaults]
unit = 'piece'
[tax]
'A' = 'standard'
'B' = 'reduced'
[units]
'Flasche' = 'piece'
[weighed]
barcode = '21#####xWWWW'
";
const HEAD: &str = "Artikel;EAN;EAN Karton;PLU;Bezeichnung;Zusatz;VK;Aktion;MwSt;Einheit;Waage;Aktiv\n";
const CLASSES: [(&str, u32); 3] = [("standard", 1_900), ("reduced", 700), ("press", 700)];

fn by_map(market: &Market, file: &tempfile::NamedTempFile, map: &str) -> Request {
    let wish = Wish { map: Some(Map::parse(map).unwrap()), ..Wish::default() };
    Request { wish, ..market.request(file.path()) }
}

async fn a_table_of_any_form_is_taken_by_its_map(on: On) {
    let hub = TestHub::start(on).await;
    let app = &hub.running.app;
    let market = Market::open(app, "EUR", &CLASSES).await;
    let file = a_file(&format!(
        "{HEAD}\
         W-1;4901234567894;10614141000415;;Wein;rot;1.234,50;;A;Flasche;nein;ja\n\
         K-1;;;42;Käse;;19,9;18,90;B;;ja;ja\n\
         A-1;=\"00012345678905\";;;Altes;;1,005;;19 %;;;nein\n"
    ));
    let import = imported(app, &market, &by_map(&market, &file, MAP)).await;
    assert!(import::is_all_taken(&import.entries), "{:?}", import.entries);
    let of_sku = async |sku| app.reader.find_article_by_sku(market.merchant.id, sku).await.unwrap().unwrap().article;
    let (wine, cheese, old) = (of_sku("W-1").await, of_sku("K-1").await, of_sku("A-1").await);
    let codes = |article: &domain::article::Article| -> Vec<String> {
        article.barcodes.iter().map(|barcode| barcode.as_str().to_owned()).collect()
    };
    assert_eq!((wine.name.as_str(), wine.unit_price.to_string().as_str()), ("Wein rot", "123450"));
    assert_eq!(
        (codes(&wine), wine.tax_class.as_str()),
        (vec!["4901234567894".to_owned(), "10614141000415".to_owned()], "standard")
    );
    // What the scale prints of it is scanned from now on: 1.25 kg of number 42.
    assert_eq!(
        (cheese.unit, cheese.unit_price.to_string().as_str(), cheese.tax_class.as_str()),
        (Unit::Kilogram, "1890", "reduced")
    );
    assert_eq!(codes(&cheese), ["2100042xWWWW"]);
    let label = Barcode::parse("2100042012509").unwrap();
    let found = app.reader.find_article_by_barcode(market.merchant.id, &label).await.unwrap();
    assert_eq!(found.map(|found| found.article.id), Some(cheese.id));
    assert_eq!((old.unit_price.to_string().as_str(), &lines_by_class(&import)["price_fraction"]), ("100.5", &vec![4]));
    assert_eq!((old.is_active, codes(&old)), (false, vec!["0012345678905".to_owned()]));
    let again = planned(app, &by_map(&market, &file, MAP)).await;
    assert_eq!(Totals::of(&again.entries), Totals { lines: 3, unchanged: 3, ..Totals::default() });
    assert_clean(&hub).await;
    hub.stop().await;
}

/// A line that breaks one rule, and the code of the rule.
const BAD: [(&str, &str); 21] = [
    ("N-01;;;;;;1,00;;A;;;", "name_missing"),
    ("1,5E+12;;;;x;;1,00;;A;;;", "sku_rounded"),
    ("N-03;4,90123E+12;;;x;;1,00;;A;;;", "barcode_rounded"),
    ("N-04;4901234567894.0;;;x;;1,00;;A;;;", "barcode_decimal"),
    ("N-05;36000291452;;;x;;1,00;;A;;;", "barcode_zeros_lost"),
    ("N-06;4901234567895;;;x;;1,00;;A;;;", "barcode_check_digit_wrong"),
    ("N-07;490123456789O;;;x;;1,00;;A;;;", "barcode_invalid"),
    ("N-08;;;;x;;;;A;;;", "price_missing"),
    ("N-09;;;;x;;gratis;;A;;;", "price_unreadable"),
    ("N-10;;;;x;;-1,00;;A;;;", "price_negative"),
    ("N-11;;;;x;;£1,00;;A;;;", "price_other_currency"),
    ("N-12;;;;x;;1,00;;;;;", "tax_missing"),
    ("N-13;;;;x;;1,00;;Z;;;", "tax_unreadable"),
    ("N-14;;;;x;;1,00;;16;;;", "tax_class_unknown"),
    ("N-15;;;;x;;1,00;;7;;;", "tax_class_ambiguous"),
    ("N-16;;;;x;;1,00;;A;Fass;;", "unit_unknown"),
    ("N-17;;;;x;;1,00;;A;;vielleicht;", "yes_no_unreadable"),
    ("N-18;;;123456;x;;1,00;;A;;ja;", "plu_unreadable"),
    ("N-19;;;;card 4111 1111 1111 1111;;1,00;;A;;;", "text_looks_like_card_number"),
    ("4111-1111-1111-1111;;;;x;;1,00;;A;;;", "text_looks_like_card_number"),
    ("N-21;;;;x;;999999999999,00;;A;;;", "unit_price_out_of_range"),
];

async fn one_bad_line_stops_no_other(on: On) {
    let hub = TestHub::start(on).await;
    let app = &hub.running.app;
    let market = Market::open(app, "EUR", &CLASSES).await;
    let bad: String = BAD.iter().map(|(line, _)| format!("{line}\n")).collect();
    let file = a_file(&format!("{HEAD}G-1;;;;Gut;;1,50;;A;;;\n{bad}G-2;;;;Auch gut;;1,50;;A;;;\n"));
    let import = imported(app, &market, &by_map(&market, &file, MAP)).await;
    let totals = Totals { lines: BAD.len() + 2, created: 2, refused: BAD.len(), ..Totals::default() };
    assert_eq!(Totals::of(&import.entries), totals);
    for ((line, code), entry) in BAD.iter().zip(&import.entries[1..]) {
        assert_eq!(entry.outcome, Outcome::Refused, "{line}");
        assert!(entry.issues.iter().any(|issue| issue.class.code() == *code), "{line}: {:?}", entry.issues);
    }
    // Nobody is shown a card number: not in the plan, not as JSON.
    let told = import::words(&import, true) + &serde_json::to_string(&import::Shape::of(&import, true)).unwrap();
    assert!(!told.contains("1111"), "{told}");
    assert_eq!(market.articles(app).await.len(), 2);
    hub.stop().await;
}

async fn skus_that_differ_by_case_are_kept_and_named(on: On) {
    let hub = TestHub::start(on).await;
    let app = &hub.running.app;
    let market = Market::open(app, "EUR", &CLASSES).await;
    let first = a_file(&format!("{HEAD}ab-1;;;;Tee;;1,50;;A;;;\n"));
    imported(app, &market, &by_map(&market, &first, MAP)).await;
    let second =
        a_file(&format!("{HEAD}AB-1;;;;Tee;;1,50;;A;;;\nCD-1;;;;Tasse;;2,50;;A;;;\ncd-1;;;;Tasse;;2,50;;A;;;\n"));
    let import = imported(app, &market, &by_map(&market, &second, MAP)).await;
    assert_eq!(outcomes(&import), [(2, "created"), (3, "created"), (4, "created")]);
    assert_eq!(lines_by_class(&import)["sku_case_twin"], [2, 3, 4]);
    assert_eq!(market.articles(app).await.len(), 4);
    hub.stop().await;
}

async fn what_does_not_fit_the_merchant_is_said_at_once(on: On) {
    let hub = TestHub::start(on).await;
    let app = &hub.running.app;
    let market = Market::open(app, "EUR", &CLASSES).await;
    let file = a_file(&format!("{HEAD}ab-1;;;;Tee;;1,50;;A;;;\n"));
    let refused = async |map: &str, tax_class: Option<&str>| {
        let tax_class = tax_class.map(str::to_owned);
        let request = Request { tax_class, ..by_map(&market, &file, map) };
        format!("{:#}", import::plan(&app.reader, &request, app.clock.now()).await.unwrap_err())
    };
    let other = |from: &str, to: &str| MAP.replace(from, to);
    for (why, told) in [
        ("are in USD", refused(&other("'EUR'", "'USD'"), None).await),
        ("are exclusive", refused(&other("inclusive", "exclusive"), None).await),
        ("names a column `Preis`", refused(&other("'VK'", "'Preis'"), None).await),
        ("has no tax class `luxury`", refused(MAP, Some("luxury")).await),
        ("says nothing of tax", refused(&other("tax = 'MwSt'\n", ""), None).await),
        ("no encoding `klingon`", refused(&format!("encoding = 'klingon'\n{MAP}"), None).await),
    ] {
        assert!(told.contains(why), "{told}");
    }
    assert!(market.articles(app).await.is_empty());
    hub.stop().await;
}
