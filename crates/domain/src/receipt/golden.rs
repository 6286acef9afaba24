//! Whole receipts as they come out, in each form.

mod returns;

use std::collections::BTreeMap;

use encoding_rs::SHIFT_JIS;
use proptest::prelude::*;
use uuid::Uuid;

use super::printer::print;
use super::*;
use crate::customer::CustomerRules;
use crate::id::{ArticleId, LocationId, MerchantId, OperationId, PaymentId, RegisterId, TenderId};
use crate::merchant::{Contact, DISCOUNT_LIMIT_DEFAULT, Issuer, Location, Merchant, Register, RegistrationNumber};
use crate::money::{Currency, Quantity, UnitPrice, line_amount};
use crate::sale::{
    self, Consumption, Discounts, NewDiscount, Reduction, Sale, SaleLine, Standing, State, Target, Tender, TenderKind,
    TenderState,
};
use crate::tax::{PriceMode, REDUCED, Rounding, TaxRate, TaxRules, TaxTerms, tax_totals, totals};

const SALE: SaleId = SaleId::from_uuid(Uuid::from_u128(0x0197_aaaa_0000_7000_8000_0000_0000_0001));
const PAYMENT: PaymentId = PaymentId::from_uuid(Uuid::from_u128(0xbeef));
const SOLD_AT: CivilTime = CivilTime { year: 2026, month: 11, day: 22, hour: 9, minute: 5 };

fn merchant_id() -> MerchantId {
    MerchantId::from_uuid(Uuid::nil())
}

/// The records of a sale, to be changed by a test.
struct Shop {
    merchant: Merchant,
    location: Location,
    standing: Standing,
    issued: IssuedReceipt,
    issued_at: CivilTime,
    paid_by: Vec<PaidBy>,
    others: Vec<OtherReceipt>,
}

impl Shop {
    /// A sale of these lines (name, thousandths, ten-thousandths of the minor unit, class), paid in cash with the rest given
    /// back.
    fn selling(currency: Currency, rules: TaxRules, lines: &[(&str, i64, i64, &str)], given_minor: i64) -> Self {
        let lines: Vec<SaleLine> = lines
            .iter()
            .zip(1..)
            .map(|((name, quantity, unit_price, class), number)| {
                a_line(number, name, *quantity, *unit_price, class, &rules)
            })
            .collect();
        let amounts: Vec<_> = lines.iter().map(|line| (line.tax_rate, line.amount_minor)).collect();
        let total = totals(&tax_totals(&amounts, rules.terms()).unwrap()).unwrap();
        let sale = a_sale(currency, rules.terms(), total.gross_minor, total.tax_minor);
        let tenders = vec![cash(sale.total_minor, given_minor)];
        let merchant = Merchant {
            id: merchant_id(),
            name: "茶屋".to_owned(),
            currency,
            zone: "Asia/Tokyo".to_owned(),
            tax: rules,
            discount_limit: DISCOUNT_LIMIT_DEFAULT,
            customers: CustomerRules::default(),
            issuer: Issuer {
                legal_name: Some("株式会社茶屋".to_owned()),
                registration_number: RegistrationNumber::parse("T5835678256246"),
                is_sole_proprietor: false,
            },
            created_at: Timestamp(0),
            version: 1,
        };
        let contact = Contact {
            address: vec!["〒110-0005".to_owned(), "東京都台東区上野1-2-3".to_owned()],
            phone: Some("03-1234-5678".to_owned()),
        };
        let location = Location {
            id: LocationId::from_uuid(Uuid::nil()),
            merchant: merchant_id(),
            name: "上野店".to_owned(),
            contact,
            version: 1,
        };
        let standing = Standing::of(sale, lines, tenders).unwrap();
        Self {
            merchant,
            location,
            standing,
            issued: a_receipt(),
            issued_at: SOLD_AT,
            paid_by: Vec::new(),
            others: Vec::new(),
        }
    }

    /// The same goods with something taken off, paid in cash.
    fn taking_off(mut self, discounts: &[NewDiscount]) -> Self {
        let Standing { mut sale, mut lines, .. } = self.standing.clone();
        for discount in discounts {
            sale::give(&mut sale, &mut lines, discount, "key", crate::call::Role::Manager).unwrap();
        }
        sale::set_totals(&mut sale, &lines).unwrap();
        let tenders = vec![cash(sale.total_minor, 2_000)];
        self.standing = Standing::of(sale, lines, tenders).unwrap();
        self
    }

    fn receipt(&self) -> Result<Receipt, Mismatch> {
        Receipt::of(Parts {
            issued: &self.issued,
            issued_at: self.issued_at,
            standing: &self.standing,
            sold_at: SOLD_AT,
            merchant: &self.merchant,
            location: &self.location,
            register: &self.a_register(),
            paid_by: &self.paid_by,
            others: &self.others,
        })
    }

    fn a_register(&self) -> Register {
        let (id, location) = (RegisterId::from_uuid(Uuid::nil()), self.location.id);
        Register { id, merchant: merchant_id(), location, name: "K1".to_owned(), version: 1 }
    }

    fn text(&self, locale: Locale, columns: Columns) -> String {
        text(&self.receipt().unwrap(), locale, columns)
    }
}

fn a_line(number: u32, name: &str, quantity: i64, unit_price: i64, class: &str, rules: &TaxRules) -> SaleLine {
    let (quantity, unit_price) = (Quantity(quantity), UnitPrice(unit_price));
    SaleLine {
        sale: SALE,
        number,
        merchant: merchant_id(),
        article: ArticleId::from_uuid(Uuid::nil()),
        name: name.to_owned(),
        quantity,
        unit_price,
        tax_class: class.to_owned(),
        tax_rate: rules.rate(class).unwrap(),
        amount_minor: line_amount(quantity, unit_price).unwrap(),
        discount_minor: 0,
        is_stocked: true,
        is_removed: false,
        version: 1,
    }
}

fn a_sale(currency: Currency, tax_terms: TaxTerms, total_minor: i64, tax_minor: i64) -> Sale {
    Sale {
        id: SALE,
        merchant: merchant_id(),
        location: LocationId::from_uuid(Uuid::nil()),
        register: RegisterId::from_uuid(Uuid::nil()),
        operator: None,
        buyer: None,
        shift: None,
        currency,
        tax_terms,
        consumption: Consumption::TakeAway,
        state: State::Completed,
        total_minor,
        tax_minor,
        discounts: Discounts::default(),
        metadata: crate::metadata::Metadata::default(),
        line_count: 1,
        receipt_number: Some("K1-00000042".to_owned()),
        note: String::new(),
        opened_at: Timestamp(0),
        closed_at: Some(Timestamp(0)),
        elsewhere: None,
        reserved_until: Timestamp(0),
        version: 1,
    }
}

fn a_tender(amount_minor: i64, kind: TenderKind, state: TenderState) -> Tender {
    let id = TenderId::from_uuid(Uuid::nil());
    Tender { sale: SALE, id, merchant: merchant_id(), kind, amount_minor, state, version: 1 }
}

fn cash(amount_minor: i64, given_minor: i64) -> Tender {
    let change_minor = given_minor - amount_minor;
    a_tender(amount_minor, TenderKind::Cash { given_minor, change_minor }, TenderState::Paid)
}

fn electronic(amount_minor: i64) -> Tender {
    a_tender(amount_minor, TenderKind::Electronic { payment: PAYMENT }, TenderState::Paid)
}

fn a_receipt() -> IssuedReceipt {
    IssuedReceipt {
        sale: SALE,
        number: 1,
        id: ReceiptId::from_uuid(Uuid::nil()),
        merchant: merchant_id(),
        kind: Kind::Receipt,
        is_copy: false,
        locale: Locale::Ja,
        print_count: 0,
        issued_by: "key".to_owned(),
        issued_at: Timestamp(0),
        version: 1,
    }
}

fn formal(addressee: Option<&str>) -> Kind {
    Kind::Formal { addressee: addressee.map(str::to_owned), proviso: None }
}

/// Tea, onigiri and a bag: two rates, paid with a note.
fn two_rates() -> Shop {
    let lines = [
        ("緑茶 500ml", 2_000, 1_500_000, REDUCED),
        ("国産有機玄米入り特選深蒸し煎茶", 1_000, 12_960_000, REDUCED),
        ("レジ袋", 1_000, 50_000, "standard"),
    ];
    Shop::selling(Currency::JPY, TaxRules::japan(), &lines, 2_000)
}

#[test]
fn two_rates_in_japanese_on_narrow_paper() {
    assert_eq!(two_rates().text(Locale::Ja, Columns::Narrow), include_str!("golden/two_rates_ja_32.txt"));
}

#[test]
fn a_copy_in_english_on_wide_paper_paid_by_a_provider() {
    let mut shop = two_rates();
    shop.standing.tenders = vec![
        electronic(1_001),
        a_tender(600, TenderKind::Electronic { payment: PAYMENT }, TenderState::Failed),
        cash(600, 1_000),
    ];
    let reference = Some("pr-0042".to_owned());
    shop.paid_by = vec![PaidBy { payment: PAYMENT, provider: "sandbox".to_owned(), reference }];
    shop.issued.is_copy = true;
    shop.issued_at = CivilTime { hour: 18, ..SOLD_AT };
    assert_eq!(shop.text(Locale::En, Columns::Wide), include_str!("golden/copy_en_48.txt"));
}

#[test]
fn a_formal_receipt_with_a_stamp() {
    let lines = [("会議用茶器一式", 1_000, 550_000_000, "standard")];
    let mut shop = Shop::selling(Currency::JPY, TaxRules::japan(), &lines, 60_000);
    shop.issued.kind = formal(Some("株式会社橋"));
    assert_eq!(shop.text(Locale::Ja, Columns::Middle), include_str!("golden/formal_ja_42.txt"));
}

#[test]
fn discounts_stand_under_their_lines() {
    let reason = "常連".to_owned();
    let new = |target, reduction| NewDiscount { target, reduction, reason: reason.clone() };
    let discounts =
        [new(Target::Line(2), Reduction::AmountMinor(96)), new(Target::Sale, Reduction::BasisPoints(1_000))];
    let shop = two_rates().taking_off(&discounts);
    assert_eq!(shop.text(Locale::Ja, Columns::Narrow), include_str!("golden/discounts_ja_32.txt"));
    assert_eq!(shop.text(Locale::En, Columns::Middle), include_str!("golden/discounts_en_42.txt"));
    let page = html(&shop.receipt().unwrap(), Locale::Ja);
    let row = "<tr class=\"detail discount\"><th scope=\"row\">割引 10%</th><td>-30円</td></tr>";
    assert!(page.contains(row), "{page}");
    assert!(page.contains("<th scope=\"row\">値引合計</th>") && !page.contains("常連"), "{page}");
}

#[test]
fn a_receipt_says_that_the_goods_are_eaten_in() {
    let mut shop = two_rates();
    assert!(!shop.text(Locale::Ja, Columns::Narrow).contains("店内飲食"));
    shop.standing.sale.consumption = Consumption::EatIn;
    assert!(shop.text(Locale::Ja, Columns::Narrow).contains("\n店内飲食\n"));
    assert!(shop.text(Locale::En, Columns::Narrow).contains("\nEaten in\n"));
    assert!(html(&shop.receipt().unwrap(), Locale::Ja).contains("<p>店内飲食</p>"));
}

#[test]
fn three_decimals_and_tax_on_top() {
    let classes = BTreeMap::from([("standard".to_owned(), TaxRate(1_000)), ("none".to_owned(), TaxRate(0))]);
    let rules = TaxRules { price_mode: PriceMode::Exclusive, rounding: Rounding::HalfUp, classes };
    let lines = [("Coffee beans", 250, 123_450_000, "standard"), ("Gift card", 1_000, 50_000_000, "none")];
    let mut shop = Shop::selling(Currency::parse("BHD").unwrap(), rules, &lines, 10_000);
    shop.merchant.name = "Bean Bar".to_owned();
    shop.merchant.issuer = Issuer::default();
    shop.location.contact = Contact::default();
    shop.location.name = "Manama".to_owned();
    assert_eq!(shop.text(Locale::En, Columns::Narrow), include_str!("golden/bhd_en_32.txt"));
}

#[test]
fn a_receipt_that_does_not_add_up_is_not_printed() {
    let wrong = |change: fn(&mut Shop)| {
        let mut shop = two_rates();
        change(&mut shop);
        shop.receipt()
    };
    assert!(wrong(|_| {}).is_ok());
    assert_eq!(wrong(|shop| shop.standing.sale.tax_minor += 1), Err(Mismatch));
    assert_eq!(wrong(|shop| shop.standing.sale.total_minor += 1), Err(Mismatch));
    assert_eq!(wrong(|shop| shop.standing.tenders.clear()), Err(Mismatch));
    assert_eq!(wrong(|shop| shop.standing.sale.receipt_number = None), Err(Mismatch));
    // The merchant's rules are others now than when the sale was made: what they give today is not what was sold.
    assert_eq!(wrong(|shop| shop.standing.taxes[0].tax_minor += 1), Err(Mismatch));
}

#[test]
fn only_cash_from_fifty_thousand_yen_without_tax_needs_a_stamp() {
    let needs = |price: i64, tenders: fn(i64) -> Vec<Tender>, currency: Currency| {
        let lines = [("茶器", 1_000, price * 10_000, "standard")];
        let mut shop = Shop::selling(currency, TaxRules::japan(), &lines, price);
        shop.standing.tenders = tenders(price);
        shop.receipt().unwrap().needs_stamp
    };
    let all_cash = |price| vec![cash(price, price)];
    let half = |price| vec![electronic(price - price / 2), cash(price / 2, price / 2)];
    assert!(needs(55_000, all_cash, Currency::JPY));
    assert!(!needs(54_998, all_cash, Currency::JPY));
    assert!(!needs(1_000_000, |price| vec![electronic(price)], Currency::JPY));
    assert!(needs(110_000, half, Currency::JPY));
    assert!(!needs(109_999, half, Currency::JPY));
    assert!(!needs(55_000, all_cash, Currency::parse("USD").unwrap()));
}

#[test]
fn a_provider_is_named_with_its_reference_and_never_a_card_number() {
    use crate::payment::{Approval, Kind as Asked, Operation, OperationState, Payment, State as PaymentState};
    let payment = Payment {
        id: PAYMENT,
        merchant: merchant_id(),
        location: LocationId::from_uuid(Uuid::nil()),
        register: RegisterId::from_uuid(Uuid::nil()),
        tender: None,
        connection: crate::id::ConnectionId::from_uuid(Uuid::nil()),
        currency: Currency::JPY,
        asked_minor: 1,
        approved_minor: 1,
        captured_minor: 1,
        refunded_minor: 0,
        state: PaymentState::Captured,
        is_closed_uncharged: false,
        metadata: crate::metadata::Metadata::default(),
        operation_count: 2,
        reference: String::new(),
        is_scanned: false,
        presented_code: None,
        created_at: Timestamp(0),
        updated_at: Timestamp(0),
        version: 1,
    };
    let operation = |number, kind, reference: &str| Operation {
        id: OperationId { payment: PAYMENT, number },
        merchant: merchant_id(),
        connection: payment.connection,
        kind,
        target: None,
        asked_minor: 1,
        state: OperationState::Approved(Approval {
            approved_minor: 1,
            provider_reference: Some(reference.to_owned()),
            funding: None,
        }),
        witness: None,
        is_contradicted: false,
        is_left_to_person: false,
        recorded_at: Timestamp(0),
        doubt_since: Timestamp(0),
        asked_count: 0,
        terminal: None,
        slip: None,
        version: 1,
    };
    let by =
        paid_by(&payment, &[operation(1, Asked::Purchase, "pr-1"), operation(2, Asked::Refund, "pr-2")], "sandbox");
    assert_eq!(by, PaidBy { payment: PAYMENT, provider: "sandbox".to_owned(), reference: Some("pr-1".to_owned()) });
    let keyed = paid_by(&payment, &[operation(1, Asked::Purchase, "4111 1111 1111 1111")], "manual");
    assert_eq!(keyed.reference.as_deref(), Some("[removed]"));
}

#[test]
fn a_page_takes_every_text_for_a_text() {
    let evil = "<script>alert('x')</script>\"&";
    let lines = [(evil, 1_000, 10_000, "standard")];
    let mut shop = Shop::selling(Currency::JPY, TaxRules::japan(), &lines, 1);
    shop.issued.kind = Kind::Formal { addressee: Some(evil.to_owned()), proviso: Some(evil.to_owned()) };
    shop.merchant.name = evil.to_owned();
    shop.merchant.issuer.legal_name = Some(evil.to_owned());
    shop.location.name = evil.to_owned();
    shop.location.contact = Contact { address: vec![evil.to_owned()], phone: Some(evil.to_owned()) };
    shop.standing.sale.receipt_number = Some(evil.to_owned());
    shop.standing.tenders = vec![electronic(1)];
    shop.paid_by = vec![PaidBy { payment: PAYMENT, provider: evil.to_owned(), reference: Some(evil.to_owned()) }];
    for locale in [Locale::Ja, Locale::En] {
        let page = html(&shop.receipt().unwrap(), locale);
        assert!(!page.contains("<script") && !page.contains("alert('"), "{page}");
        assert!(page.matches("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot;&amp;").count() >= 10);
    }
}

#[test]
fn a_page_says_what_the_text_says() {
    let shop = two_rates();
    let page = html(&shop.receipt().unwrap(), Locale::Ja);
    for part in [
        "<html lang=\"ja\">",
        "<title>レシート K1-00000042</title>",
        "<p>登録番号 T5835678256246</p>",
        "<th scope=\"row\">緑茶 500ml※<small>2 × 150円</small></th><td>300円</td>",
        "<tr class=\"total\"><th scope=\"row\">合計</th><td>1,601円</td></tr>",
        "<th scope=\"row\">8%対象※</th><td>1,596円</td>",
        "<th scope=\"row\">10%対象</th><td>5円</td>",
        "<p class=\"legend\">※は軽減税率対象</p>",
        "role=\"img\" aria-label=\"この取引のQRコード\"",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
    assert!(!page.contains("class=\"copy\"") && !page.contains("class=\"stamp\"") && !page.contains("src="));
    assert!(page.contains(&format!("<code>{SALE}</code>")));
}

#[test]
fn a_printer_prints_what_the_text_says() {
    for columns in Columns::ALL {
        let mut shop = two_rates();
        shop.issued.kind = formal(None);
        shop.issued.is_copy = true;
        for locale in [Locale::Ja, Locale::En] {
            let bytes = escpos(&shop.receipt().unwrap(), locale, columns);
            let printed = print(&bytes, columns);
            assert_eq!((&printed.qr, printed.cuts), (&vec![SALE.to_string()], 1));
            assert_eq!(printed.text, shop.text(locale, columns));
            assert!(!bytes.windows(2).any(|pair| pair == [0x1B, b'p']), "the drawer stays shut");
        }
    }
}

#[test]
fn a_name_steers_no_printer_and_what_it_lacks_is_a_geta() {
    let lines = [("茶☕\u{1b}p\u{0}器〜\r\n", 1_000, 10_000, "standard")];
    let shop = Shop::selling(Currency::JPY, TaxRules::japan(), &lines, 1);
    let printed = print(&escpos(&shop.receipt().unwrap(), Locale::Ja, Columns::Narrow), Columns::Narrow);
    assert!(printed.text.contains("茶〓 p 器～"), "{}", printed.text);
}

fn any_rules() -> impl Strategy<Value = TaxRules> {
    let modes = prop_oneof![Just(PriceMode::Inclusive), Just(PriceMode::Exclusive)];
    let roundings = prop_oneof![Just(Rounding::Down), Just(Rounding::Up), Just(Rounding::HalfUp)];
    (modes, roundings).prop_map(|(price_mode, rounding)| TaxRules { price_mode, rounding, ..TaxRules::japan() })
}

fn any_lines() -> impl Strategy<Value = Vec<(String, i64, i64, &'static str)>> {
    let class = prop_oneof![Just("standard"), Just(REDUCED), Just("none")];
    let line = ("[a-zあ-んア-ン ☕]{1,40}", 1..100_000_i64, 0..100_000_000_i64, class);
    prop::collection::vec(line, 1..12)
}

proptest! {
    #[test]
    fn the_rates_come_to_the_total_and_everything_fits(rules in any_rules(), lines in any_lines()) {
        let lines: Vec<_> = lines.iter().map(|(name, quantity, price, class)| (name.as_str(), *quantity, *price, *class)).collect();
        let shop = Shop::selling(Currency::JPY, rules, &lines, i64::from(u32::MAX));
        let receipt = shop.receipt().unwrap();
        let gross: i64 = receipt.rates.iter().map(|rate| rate.gross_minor).sum();
        let tax: i64 = receipt.rates.iter().map(|rate| rate.tax_minor).sum();
        prop_assert_eq!((gross, tax), (shop.standing.sale.total_minor, shop.standing.sale.tax_minor));
        for columns in Columns::ALL {
            let printed = print(&escpos(&receipt, Locale::Ja, columns), columns);
            let widths = printed.text.lines().map(|row| SHIFT_JIS.encode(row).0.len());
            prop_assert!(widths.max() <= Some(columns.count()));
        }
    }
}

#[test]
fn what_a_return_paid_names_the_receipt_of_the_return() {
    let origin = crate::id::ReturnId { sale: SaleId::from_uuid(Uuid::from_u128(7)), number: 1 };
    let mut shop = two_rates();
    let total_minor = shop.standing.sale.total_minor;
    let credit = TenderKind::ReturnCredit { origin, cash_minor: 0 };
    shop.standing.tenders = vec![a_tender(100, credit, TenderState::Paid), cash(total_minor - 100, total_minor - 100)];
    shop.others = vec![OtherReceipt::Return(origin, "K1-00000041".to_owned())];
    for (locale, words) in
        [(Locale::Ja, ["返品充当", "返品No. K1-00000041"]), (Locale::En, ["Return credit", "Return no. K1-00000041"])]
    {
        let (text, page) = (shop.text(locale, Columns::Wide), html(&shop.receipt().unwrap(), locale));
        for word in words {
            assert!(text.contains(word) && page.contains(word), "{word}: {text}");
        }
    }
    // What was released is not said to have paid.
    shop.standing.tenders[0].state = TenderState::Failed;
    assert_eq!(shop.receipt().map(|_| ()), Err(Mismatch));
}
