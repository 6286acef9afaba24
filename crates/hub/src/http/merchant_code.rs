//! `/v1/merchant-codes`: the shop's own EMV QR or JPQR, as text and as a drawing. It is made from what the request says and
//! is not kept.

use axum::extract::{Request, State};
use axum::response::Response;
use domain::call::Role;
use domain::command::Refusal as CommandRefusal;
use domain::emv_qr::{Field, Place, Refusal, ShopCode, Tag};
use domain::money::Currency;
use domain::{guard, qr};
use serde::{Deserialize, Serialize};

use super::Route;
use super::body::Asked;
use super::error::{Kind, Problem, refusal_answer};
use super::idempotency::KeyRule;
use super::json;
use super::submit::{ok, respond};
use crate::app::App;

/// The routes of codes that a shop shows by itself.
pub fn routes() -> Vec<Route> {
    vec![Route::post("/v1/merchant-codes", make)]
}

/// A code that the shop has, or what one is made of; and what it is to be paid with it, if that is known.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    #[serde(default, deserialize_with = "json::given")]
    text: Option<String>,
    #[serde(default, deserialize_with = "json::given")]
    place: Option<PlaceIn>,
    amount_minor: Option<i64>,
    currency: Option<Currency>,
    reference: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlaceIn {
    accounts: Vec<Account>,
    category_code: String,
    country: String,
    name: String,
    city: String,
    postal_code: Option<String>,
    local_name: Option<LocalName>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Account {
    tag: Tag,
    fields: Vec<Field>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LocalName {
    language: String,
    name: String,
}

async fn make(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Wanted>::read(&app, request, Role::Cashier, KeyRule::Optional).await?;
    if asked.body.text.is_some() == asked.body.place.is_some() {
        return Err(Problem::new(
            Kind::BodyInvalid,
            "Give either `text`, a code that the shop has, or `place`, what one is made of.",
        ));
    }
    let merchant = app.reader.find_merchant(asked.principal.merchant).await?;
    let merchant = merchant.ok_or_else(|| Problem::not_found("merchant"))?;
    Ok(match code_of(asked.body, merchant.currency).and_then(|code| Shape::body(&code)) {
        Ok(body) => ok(body),
        Err(refusal) => respond(refusal_answer(&CommandRefusal::MerchantCode(refusal)), false),
    })
}

fn code_of(wanted: Wanted, usual: Currency) -> Result<ShopCode, Refusal> {
    let Wanted { text, place, amount_minor, currency, reference } = wanted;
    let is_number = |text: &String| guard::looks_like_card_number(text);
    if reference.as_ref().is_some_and(is_number) {
        return Err(Refusal::TextLooksLikeCardNumber);
    }
    let code = match (text, place) {
        (Some(text), _) => ShopCode::parse(&text)?,
        (None, Some(place)) => ShopCode::of(&place.taken(currency.unwrap_or(usual))?)?,
        (None, None) => return Err(Refusal::AccountMissing),
    };
    if currency.is_some() && currency != code.currency() {
        return Err(Refusal::CurrencyOther);
    }
    match (amount_minor, reference) {
        (Some(amount_minor), reference) => code.for_payment(amount_minor, reference.as_deref()),
        (None, Some(_)) => Err(Refusal::AmountInvalid),
        (None, None) => Ok(code),
    }
}

impl PlaceIn {
    /// Accounts are numbers by nature, those of a shop; every other text may have been typed.
    fn taken(self, currency: Currency) -> Result<Place, Refusal> {
        let Self { accounts, category_code, country, name, city, postal_code, local_name } = self;
        let local_name = local_name.map(|LocalName { language, name }| (language, name));
        let typed = [&name, &city].into_iter().chain(&postal_code).chain(local_name.iter().map(|(_, name)| name));
        if typed.into_iter().any(|text| guard::looks_like_card_number(text)) {
            return Err(Refusal::TextLooksLikeCardNumber);
        }
        let accounts = accounts.into_iter().map(|account| (account.tag, account.fields)).collect();
        Ok(Place { accounts, category: category_code, currency, country, name, city, postal_code, local_name })
    }
}

/// A code in JSON.
#[derive(Serialize)]
struct Shape<'a> {
    object: &'static str,
    text: &'a str,
    svg: String,
    name: Option<&'a str>,
    currency: Option<Currency>,
    amount: Option<&'a str>,
}

/// The field of the shop's name, and that of the amount.
const NAME: u8 = 59;
const AMOUNT: u8 = 54;
/// A drawing that stands by itself says what it is.
const SVG_HEAD: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" ";

impl Shape<'_> {
    fn body(code: &ShopCode) -> Result<Vec<u8>, Refusal> {
        let text = code.text()?;
        let drawing = qr::svg(&text, "QR").ok_or(Refusal::TooLong)?;
        Ok(json::to_bytes(&Shape {
            object: "merchant_code",
            text: &text,
            svg: drawing.replacen("<svg ", SVG_HEAD, 1),
            name: code.find(NAME),
            currency: code.currency(),
            amount: code.find(AMOUNT),
        }))
    }
}
