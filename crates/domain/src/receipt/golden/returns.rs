//! Receipts of returns, and how they come out of a printer.

use super::*;
use crate::id::ReturnId;
use crate::money::format_minor;
use crate::payment::{Approval, Kind as Asked, Operation, OperationState};
use crate::receipt::printer::{Strip, show};
use crate::returns::{History, Refund, RefundKind, Return, ReturnLine, Returned, worth};

const RETURN: ReturnId = ReturnId { sale: SALE, number: 1 };
const RETURNED_AT: CivilTime = CivilTime { day: 24, hour: 15, minute: 30, ..SOLD_AT };
const REFUND: OperationId = OperationId { payment: PAYMENT, number: 2 };

/// Goods of a sale that came back.
struct Back {
    shop: Shop,
    history: History,
}

impl Back {
    /// So much (number of the line, thousandths) of what the shop sold, given back in these ways and amounts.
    fn of(mut shop: Shop, lines: &[(u32, i64)], refunds: &[(RefundKind, i64)]) -> Self {
        let sold = &shop.standing.lines;
        let after: Returned = lines.iter().map(|(number, quantity)| (*number, Quantity(*quantity))).collect();
        let total = totals(&worth(sold, &Returned::new(), &after, shop.standing.sale.tax_terms).unwrap()).unwrap();
        let lines =
            lines.iter().map(|(number, quantity)| a_return_line(&sold[*number as usize - 1], Quantity(*quantity)));
        let history = History {
            tax_terms: shop.standing.sale.tax_terms,
            sale_lines: sold.clone(),
            lines: lines.collect(),
            returns: vec![a_return(shop.standing.sale.currency, total.gross_minor, total.tax_minor)],
            refunds: refunds.iter().zip(1..).map(|(refund, number)| a_refund(number, refund.0, refund.1)).collect(),
            operations: Vec::new(),
        };
        shop.issued.kind = Kind::Return { number: 1 };
        shop.issued_at = RETURNED_AT;
        Self { shop, history }
    }

    fn receipt(&self) -> Result<Receipt, Mismatch> {
        let Self { shop, history } = self;
        Receipt::of_return(ReturnParts {
            issued: &shop.issued,
            issued_at: shop.issued_at,
            sale: &shop.standing.sale,
            sold_at: SOLD_AT,
            sale_lines: &history.sale_lines,
            standing: &history.standing(1).unwrap().unwrap(),
            returned_at: RETURNED_AT,
            merchant: &shop.merchant,
            location: &shop.location,
            register: &shop.a_register(),
            paid_by: &shop.paid_by,
            operations: &history.operations,
            others: &shop.others,
        })
    }

    fn text(&self, locale: Locale, columns: Columns) -> String {
        text(&self.receipt().unwrap(), locale, columns)
    }
}

fn a_return(currency: Currency, total_minor: i64, tax_minor: i64) -> Return {
    Return {
        id: RETURN,
        merchant: merchant_id(),
        location: LocationId::from_uuid(Uuid::nil()),
        register: RegisterId::from_uuid(Uuid::nil()),
        shift: None,
        currency,
        total_minor,
        tax_minor,
        receipt_number: "K1-00000057".to_owned(),
        metadata: crate::metadata::Metadata::default(),
        reason: String::new(),
        created_at: Timestamp(0),
        elsewhere: None,
        version: 1,
    }
}

fn a_return_line(sold: &SaleLine, quantity: Quantity) -> ReturnLine {
    ReturnLine {
        origin: RETURN,
        number: sold.number,
        merchant: merchant_id(),
        article: sold.article,
        name: sold.name.clone(),
        quantity,
        tax_rate: sold.tax_rate,
        amount_minor: line_amount(quantity, sold.unit_price).unwrap(),
        is_restocked: true,
        version: 1,
    }
}

fn a_refund(number: u32, kind: RefundKind, amount_minor: i64) -> Refund {
    Refund { origin: RETURN, number, merchant: merchant_id(), kind, amount_minor, created_at: Timestamp(0), version: 1 }
}

fn an_operation(id: OperationId, state: OperationState) -> Operation {
    Operation {
        id,
        merchant: merchant_id(),
        connection: crate::id::ConnectionId::from_uuid(Uuid::nil()),
        kind: Asked::Refund,
        target: None,
        asked_minor: 150,
        state,
        witness: None,
        is_contradicted: false,
        is_left_to_person: false,
        recorded_at: Timestamp(0),
        doubt_since: Timestamp(0),
        asked_count: 0,
        terminal: None,
        slip: None,
        version: 1,
    }
}

fn approved(reference: &str) -> OperationState {
    OperationState::Approved(Approval {
        approved_minor: 150,
        provider_reference: Some(reference.to_owned()),
        funding: None,
    })
}

const CASH: RefundKind = RefundKind::Cash { register: RegisterId::from_uuid(Uuid::nil()), shift: None };
const ELECTRONIC: RefundKind = RefundKind::Electronic { operation: REFUND };

/// One of two teas and the bag, for cash.
fn tea_and_bag() -> Back {
    Back::of(two_rates(), &[(1, 1_000), (3, 1_000)], &[(CASH, 155)])
}

/// A tea that was paid by a provider, whose refund stands so.
fn a_tea(state: OperationState) -> Back {
    let mut back = Back::of(two_rates(), &[(1, 1_000)], &[(ELECTRONIC, 150)]);
    back.shop.paid_by = vec![PaidBy { payment: PAYMENT, provider: "sandbox".to_owned(), reference: None }];
    back.history.operations = vec![an_operation(REFUND, state)];
    back
}

#[test]
fn a_return_invoice_in_japanese_on_narrow_paper() {
    assert_eq!(tea_and_bag().text(Locale::Ja, Columns::Narrow), include_str!("return_ja_32.txt"));
}

#[test]
fn a_copy_of_a_return_in_english_by_a_provider_with_a_rest_that_is_owed() {
    let mut back = a_tea(approved("rf-0042"));
    let whole = Back::of(two_rates(), &[(1, 2_000), (2, 1_000)], &[(ELECTRONIC, 150), (CASH, 1_000)]);
    back.history = History { operations: back.history.operations, ..whole.history };
    back.shop.issued.is_copy = true;
    back.shop.issued_at = CivilTime { hour: 18, ..RETURNED_AT };
    assert_eq!(back.text(Locale::En, Columns::Wide), include_str!("return_copy_en_48.txt"));
}

#[test]
fn tax_on_top_comes_back_too() {
    let rules = TaxRules { price_mode: PriceMode::Exclusive, ..TaxRules::japan() };
    let shop =
        Shop::selling(Currency::parse("BHD").unwrap(), rules, &[("Beans", 750, 123_450_000, "standard")], 99_999);
    let back = Back::of(shop, &[(1, 250)], &[]);
    let due_minor = back.receipt().unwrap().total.gross_minor;
    let text = back.text(Locale::En, Columns::Narrow);
    let owed = format!("BHD {}", format_minor(due_minor, Currency::parse("BHD").unwrap()));
    assert!(
        due_minor > 0 && text.lines().any(|row| row.starts_with("Still owed to you") && row.ends_with(&owed)),
        "{text}"
    );
}

#[test]
fn money_on_its_way_is_not_said_to_have_arrived_and_what_was_refused_is_owed() {
    let pending = a_tea(OperationState::Pending).text(Locale::Ja, Columns::Middle);
    assert!(pending.contains("(返金処理中)") && !pending.contains("未返金額"), "{pending}");
    let paid = a_tea(approved("rf-1")).text(Locale::Ja, Columns::Middle);
    assert!(paid.contains("取引番号 rf-1") && !paid.contains("処理中"), "{paid}");
    let refused = a_tea(OperationState::Cancelled).text(Locale::Ja, Columns::Middle);
    assert!(!refused.contains("電子決済") && refused.contains("未返金額"), "{refused}");
    let keyed = a_tea(approved("4111 1111 1111 1111")).text(Locale::Ja, Columns::Middle);
    assert!(keyed.contains("取引番号 [removed]"), "{keyed}");
}

#[test]
fn a_return_that_does_not_add_up_is_not_printed() {
    let wrong = |change: fn(&mut Back)| {
        let mut back = tea_and_bag();
        change(&mut back);
        back.receipt().map(|_| ())
    };
    assert_eq!(wrong(|_| {}), Ok(()));
    assert_eq!(wrong(|back| back.history.returns[0].total_minor += 1), Err(Mismatch));
    assert_eq!(wrong(|back| back.history.returns[0].tax_minor += 1), Err(Mismatch));
    assert_eq!(wrong(|back| back.shop.standing.sale.receipt_number = None), Err(Mismatch));
    assert_eq!(wrong(|back| back.shop.issued.kind = Kind::Return { number: 2 }), Err(Mismatch));
    assert_eq!(wrong(|back| back.shop.issued.kind = Kind::Receipt), Err(Mismatch));
}

#[test]
fn goods_that_are_worth_less_than_their_price_do_not_say_it() {
    let mut back = Back::of(two_rates(), &[(1, 2_000)], &[]);
    assert!(back.text(Locale::Ja, Columns::Narrow).contains("  2 x 150円"));
    back.history.lines[0].amount_minor = 250;
    let text = back.text(Locale::Ja, Columns::Narrow);
    assert!(text.contains("\n  2                        250円\n"), "{text}");
}

#[test]
fn a_page_of_a_return_says_what_the_text_says() {
    let page = html(&tea_and_bag().receipt().unwrap(), Locale::Ja);
    for part in [
        "<title>返品レシート K1-00000057</title>",
        "<p>適格返還請求書</p>",
        "<dt>日時</dt><dd>2026年11月24日 15:30</dd>",
        "<dt>お買上げNo.</dt><dd>K1-00000042</dd>",
        "<dt>お買上げ</dt><dd>2026年11月22日 09:05</dd>",
        "<caption>返品明細</caption>",
        "<tr class=\"total\"><th scope=\"row\">返品合計</th><td>155円</td></tr>",
        "<th scope=\"row\">8%対象※</th><td>150円</td>",
        "<caption>ご返金</caption>\n<tr class=\"change\"><th scope=\"row\">現金</th><td>155円</td></tr>",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
    let pending = html(&a_tea(OperationState::Pending).receipt().unwrap(), Locale::En);
    assert!(pending.contains("Electronic sandbox<small>under way</small></th><td>¥150</td>"), "{pending}");
}

#[test]
fn a_printer_prints_what_the_text_of_a_return_says() {
    for columns in Columns::ALL {
        for locale in [Locale::Ja, Locale::En] {
            let printed = print(&escpos(&tea_and_bag().receipt().unwrap(), locale, columns), columns);
            assert_eq!(printed.text, tea_and_bag().text(locale, columns));
            assert_eq!((printed.qr, printed.cuts), (vec![SALE.to_string()], 1));
        }
    }
}

/// Columns of dots between the sides of the paper and what is in the middle of it.
fn margins(strip: &Strip) -> (usize, usize) {
    let left = strip.modules.iter().map(|module| module.x).min().unwrap();
    let right = strip.modules.iter().map(|module| module.x + module.side).max().unwrap();
    (left, strip.width - right)
}

#[test]
fn amounts_end_at_the_edge_and_the_code_stands_in_the_middle_with_air_around_it() {
    for columns in Columns::ALL {
        let strip = print(&escpos(&two_rates().receipt().unwrap(), Locale::Ja, columns), columns);
        let ends = strip.glyphs.iter().filter(|glyph| glyph.c == '円' && glyph.x > strip.width / 2);
        assert!(ends.clone().count() >= 8 && ends.clone().all(|glyph| glyph.x + glyph.width == strip.width));
        let (left, right) = margins(&strip);
        assert!(left.abs_diff(right) <= 1 && left >= 100, "{left} {right}");
        // Readers want four light modules on each side, above and below too.
        let (top, bottom) = (
            strip.modules.iter().map(|module| module.y).min(),
            strip.modules.iter().map(|module| module.y + module.side).max(),
        );
        let above = strip.glyphs.iter().filter(|glyph| Some(glyph.y) < top).map(|glyph| glyph.y + glyph.height).max();
        let below = strip.glyphs.iter().filter(|glyph| Some(glyph.y) > top).map(|glyph| glyph.y).min();
        let quiet = 4 * strip.modules[0].side;
        assert!(top.unwrap() - above.unwrap() >= quiet && below.unwrap() - bottom.unwrap() >= quiet);
        // At eight dots a millimetre a code of two centimetres fits on the narrowest paper and into any camera.
        let side = strip.width - left - right;
        assert!((140..=200).contains(&side), "{side}");
    }
}

#[test]
fn half_and_full_width_characters_stand_in_their_columns() {
    let strip = print(&escpos(&tea_and_bag().receipt().unwrap(), Locale::Ja, Columns::Wide), Columns::Wide);
    for glyph in &strip.glyphs {
        assert!(
            glyph.x % 12 == 0
                && (glyph.width == 24) == (glyph.c == '※' || glyph.c > '\u{2fff}' && !('｡'..='ﾟ').contains(&glyph.c)),
            "{glyph:?}"
        );
    }
    let tall: String =
        strip.glyphs.iter().filter(|glyph| glyph.height == 48 && glyph.is_bold).map(|glyph| glyph.c).collect();
    assert_eq!(tall.split_whitespace().collect::<String>(), "茶屋返品レシート返品合計155円");
}

/// For people to look at: `scripts/receipt-screens`.
#[test]
fn receipts_are_drawn_for_the_guide() {
    let mut copy = tea_and_bag();
    copy.shop.issued.is_copy = true;
    let strip = |receipt: &Receipt, columns| print(&escpos(receipt, Locale::Ja, columns), columns).svg();
    let (sale, returned) = (two_rates().receipt().unwrap(), tea_and_bag().receipt().unwrap());
    for (name, drawing) in [
        ("receipt-escpos.svg", strip(&sale, Columns::Wide)),
        ("receipt-escpos-58mm.svg", strip(&sale, Columns::Narrow)),
        ("return-escpos.svg", strip(&copy.receipt().unwrap(), Columns::Wide)),
        ("return-ja-light.html", html(&returned, Locale::Ja)),
        ("return-en-dark.html", html(&returned, Locale::En)),
    ] {
        assert!(drawing.contains("</svg>"));
        show(name, &drawing);
    }
}

#[test]
fn what_pays_other_goods_names_their_receipt_and_what_was_released_is_owed() {
    let other = SaleId::from_uuid(Uuid::from_u128(7));
    let credit = |released_at| RefundKind::ReturnCredit {
        sale: other,
        tender: TenderId::from_uuid(Uuid::nil()),
        cash_minor: 0,
        released_at,
    };
    let mut spent = Back::of(two_rates(), &[(1, 1_000)], &[(credit(None), 100), (CASH, 50)]);
    assert!(!spent.text(Locale::En, Columns::Wide).contains("Receipt no. K1-00000058"));
    spent.shop.others = vec![OtherReceipt::Sale(other, "K1-00000058".to_owned())];
    let text = spent.text(Locale::En, Columns::Wide);
    assert!(text.contains("Paid for other goods") && text.contains("Receipt no. K1-00000058"), "{text}");
    assert!(!text.contains("Still owed"), "{text}");
    let page = html(&spent.receipt().unwrap(), Locale::Ja);
    assert!(page.contains("お買上げに充当<small>レシートNo. K1-00000058</small></th><td>100円</td>"), "{page}");
    let released = Back::of(two_rates(), &[(1, 1_000)], &[(credit(Some(Timestamp(1))), 100), (CASH, 50)]);
    let text = released.text(Locale::En, Columns::Wide);
    assert!(!text.contains("Paid for other goods") && text.contains("Still owed to you"), "{text}");
}
