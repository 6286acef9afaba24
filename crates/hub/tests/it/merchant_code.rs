//! `/v1/merchant-codes`: the shop's own EMV QR, made from its parts or from the one on the wall.

use domain::emv_qr::ShopCode;
use serde_json::{Value, json};

use crate::support::{On, TestHub};

on_each_engine! {
    a_code_is_made_from_its_parts_and_from_the_one_on_the_wall,
    what_no_phone_could_read_is_refused,
}

const PATH: &str = "/v1/merchant-codes";

fn place() -> Value {
    let fields =
        [("00", "jp.or.paymentsjapan"), ("01", "0000000000001"), ("02", "0001"), ("03", "000001"), ("04", "000001")];
    let fields = fields.map(|(tag, value)| json!({ "tag": tag, "value": value }));
    json!({
        "accounts": [{ "tag": "26", "fields": fields }], "category_code": "5411", "country": "JP", "name": "DEMO SHOP",
        "city": "TOKYO", "postal_code": "1040061", "local_name": { "language": "JA", "name": "デモショップ" },
    })
}

async fn a_code_is_made_from_its_parts_and_from_the_one_on_the_wall(on: On) {
    let hub = TestHub::start(on).await;
    let key = &hub.shop.cashier;
    let wall = hub.post(key, PATH, json!({ "place": place() })).await.expect(200);
    assert_eq!((&wall["name"], &wall["currency"], &wall["amount"]), (&json!("DEMO SHOP"), &json!("JPY"), &Value::Null));
    let text = wall["text"].as_str().unwrap();
    assert_eq!(ShopCode::parse(text).unwrap().find(1), Some("11"));
    let wanted = json!({ "text": text, "amount_minor": 1_980, "reference": "T1-7" });
    let one = hub.post(key, PATH, wanted).await.expect(200);
    assert_eq!(one["amount"], "1980");
    let code = ShopCode::parse(one["text"].as_str().unwrap()).unwrap();
    assert_eq!((code.find(1), code.find(54), code.find(62)), (Some("12"), Some("1980"), Some("0504T1-7")));
    let svg = one["svg"].as_str().unwrap();
    assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\" ") && svg.ends_with("</svg>"), "{svg}");
    let direct = json!({ "place": place(), "amount_minor": 1_980, "reference": "T1-7" });
    assert_eq!(hub.post(key, PATH, direct).await.expect(200), one);
    hub.stop().await;
}

async fn what_no_phone_could_read_is_refused(on: On) {
    let hub = TestHub::start(on).await;
    let key = &hub.shop.cashier;
    let wall = hub.post(key, PATH, json!({ "place": place() })).await.expect(200);
    let text = wall["text"].as_str().unwrap();
    let changed = format!("{}X{}", &text[..30], &text[31..]);
    let with = |name: &str, value: Value| {
        let mut place = place();
        place[name] = value;
        json!({ "place": place })
    };
    for (status, code, body) in [
        (400, "body_invalid", json!({})),
        (400, "body_invalid", json!({ "text": text, "place": place() })),
        (422, "merchant_code_unreadable", json!({ "text": "4901234567894" })),
        (422, "merchant_code_checksum_wrong", json!({ "text": changed })),
        (422, "merchant_code_amount_invalid", json!({ "text": text, "amount_minor": 0 })),
        (422, "merchant_code_amount_invalid", json!({ "text": text, "reference": "T1-7" })),
        (422, "merchant_code_currency_other", json!({ "text": text, "currency": "USD" })),
        (422, "merchant_code_account_missing", with("accounts", json!([]))),
        (422, "merchant_code_field_missing", with("postal_code", Value::Null)),
        (422, "merchant_code_field_invalid", with("country", json!("jp"))),
        (400, "text_looks_like_card_number", with("name", json!("4000 0566 5566 5556"))),
        (
            400,
            "text_looks_like_card_number",
            json!({ "text": text, "amount_minor": 1, "reference": "4000056655665556" }),
        ),
    ] {
        hub.post(key, PATH, body).await.expect_problem(status, code);
    }
    hub.post(&hub.shop.viewer, PATH, json!({ "text": text })).await.expect_problem(403, "role_too_low");
    hub.stop().await;
}
