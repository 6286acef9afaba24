//! `/v1/customer-codes/recognize`: what a scanned code is, and which connection takes it. The code is looked at and let go:
//! no answer, no log and no record has it. A payment that names no connection goes the same way.

use axum::extract::{Request, State};
use axum::response::Response;
use connectors::{Secret, find_connector};
use domain::call::Role;
use domain::customer_code::{CUSTOMER_CODE_CHARS_MAX, Meaning, Recognized, Wallet, recognize, wallet_name};
use domain::id::ConnectionId;
use domain::locale::Locale;
use domain::merchant::Connection;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use storage::read::PAGE_MAX;

use super::Route;
use super::auth::Principal;
use super::body::Asked;
use super::error::{Kind, Problem};
use super::idempotency::KeyRule;
use super::json::{self, Message};
use super::submit::ok;
use crate::app::App;
use crate::config::Hidden;

/// The routes of codes that customers show.
pub fn routes() -> Vec<Route> {
    vec![Route::post("/v1/customer-codes/recognize", recognize_code)]
}

/// The code that the customer showed, as it was scanned. A one-time input: handed on in memory, never stored or logged.
pub struct CustomerCode(Hidden);

impl CustomerCode {
    /// For the connector.
    pub fn into_secret(self) -> Secret {
        Secret::new(self.0.expose().to_owned())
    }
}

impl<'de> Deserialize<'de> for CustomerCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Whatever it is, the error does not repeat it.
        let text = match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(text) => text,
            _ => return Err(D::Error::custom("a scanned code is a text")),
        };
        let is_code = (1..=CUSTOMER_CODE_CHARS_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        if is_code { Ok(Self(Hidden::new(text))) } else { Err(D::Error::custom("not a scanned code")) }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scanned {
    customer_code: CustomerCode,
}

async fn recognize_code(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Scanned>::read(&app, request, Role::Cashier, KeyRule::Optional).await?;
    let found = Found::of(&app, &asked.principal, &asked.body.customer_code).await?;
    Ok(ok(json::to_bytes(&Shape::of(&found))))
}

/// The one connection that takes the code. Whatever may be two things is asked about.
pub async fn pick(app: &App, principal: &Principal, code: &CustomerCode) -> Result<ConnectionId, Problem> {
    let found = Found::of(app, principal, code).await?;
    found.advice().connection().ok_or_else(|| found.problem())
}

/// What a code may be, each with the connections that take it.
struct Found {
    meanings: Vec<(Meaning, Vec<ConnectionId>)>,
}

impl Found {
    async fn of(app: &App, principal: &Principal, code: &CustomerCode) -> Result<Self, Problem> {
        let table = app.providers.customer_codes(principal.merchant);
        let meanings = match recognize(code.0.expose(), &table) {
            Recognized::Sure(meaning) => vec![meaning],
            Recognized::Ambiguous(meanings) => meanings,
            Recognized::Unknown => return Ok(Self { meanings: Vec::new() }),
        };
        // A merchant has one or two with each provider.
        let connections = app.reader.list_connections(principal.merchant, "", PAGE_MAX).await?;
        let connections: Vec<Connection> = connections
            .into_iter()
            .filter(|connection| connection.profile.has_scan && principal.environment.may_reach(connection.reach()))
            .collect();
        let meanings = meanings.into_iter().map(|meaning| {
            let takers = match &meaning {
                Meaning::Wallet(wallet) => takers(&connections, wallet),
                Meaning::Article | Meaning::ShopCode | Meaning::CardNumber => Vec::new(),
            };
            (meaning, takers)
        });
        Ok(Self { meanings: meanings.collect() })
    }

    fn advice(&self) -> Advice {
        match self.meanings.as_slice() {
            [] => Advice::ScanAgain,
            [(Meaning::Wallet(_), takers)] => match takers.as_slice() {
                [] => Advice::UseAnotherTender,
                [one] => Advice::Pay(*one),
                _ => Advice::ChooseConnection,
            },
            [(Meaning::Article, _)] => Advice::RingArticle,
            [(Meaning::ShopCode, _)] => Advice::AskForCustomersCode,
            [(Meaning::CardNumber, _)] => Advice::TakeNoCardNumber,
            _ => Advice::ChooseConnection,
        }
    }

    fn problem(&self) -> Problem {
        let advice = self.advice();
        let kind = match advice {
            Advice::Pay(_) | Advice::ChooseConnection => Kind::CustomerCodeAmbiguous,
            Advice::ScanAgain => Kind::CustomerCodeUnknown,
            Advice::UseAnotherTender => Kind::CustomerCodeNotTaken,
            Advice::RingArticle => Kind::CustomerCodeOfArticle,
            Advice::AskForCustomersCode => Kind::CustomerCodeOfShop,
            Advice::TakeNoCardNumber => Kind::CustomerCodeOfCard,
        };
        Problem::new(kind, advice.words().0).with_candidates(&self.shapes())
    }

    fn shapes(&self) -> Vec<MeaningShape<'_>> {
        self.meanings.iter().map(|(meaning, takers)| MeaningShape::of(meaning, takers)).collect()
    }
}

fn takers(connections: &[Connection], wallet: &Wallet) -> Vec<ConnectionId> {
    let takes = |connection: &&Connection| {
        find_connector(&connection.provider).is_some_and(|connector| connector.takes_codes_of(wallet.as_str()))
    };
    connections.iter().filter(takes).map(|connection| connection.id).collect()
}

/// What to do with a code.
#[derive(Clone, Copy)]
enum Advice {
    Pay(ConnectionId),
    ChooseConnection,
    ScanAgain,
    UseAnotherTender,
    RingArticle,
    AskForCustomersCode,
    TakeNoCardNumber,
}

impl Advice {
    const fn connection(self) -> Option<ConnectionId> {
        match self {
            Self::Pay(connection) => Some(connection),
            _ => None,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Pay(_) => "pay",
            Self::ChooseConnection => "choose_connection",
            Self::ScanAgain => "scan_again",
            Self::UseAnotherTender => "use_another_tender",
            Self::RingArticle => "ring_article",
            Self::AskForCustomersCode => "ask_for_customers_code",
            Self::TakeNoCardNumber => "take_no_card_number",
        }
    }

    /// For the cashier, in English and Japanese.
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Pay(_) => (
                "The code is recognized. Ask for the payment with it.",
                "コードを確認しました。このコードでお支払いを受け付けてください。",
            ),
            Self::ChooseConnection => (
                "The code may be of more than one. Ask the customer how they pay, and send the payment with that `connection_id`.",
                "このコードは複数の決済に当てはまります。お支払い方法をお客様に確認し、その接続を選んでください。",
            ),
            Self::ScanAgain => (
                "Nobody's code begins like this and is this long. Scan it again, or ask how the customer pays and send the payment with that `connection_id`.",
                "このコードは判別できません。もう一度読み取るか、お支払い方法をお客様に確認して接続を選んでください。",
            ),
            Self::UseAnotherTender => (
                "The shop has no connection that takes this wallet's codes. Ask for another way to pay.",
                "このウォレットは当店ではお使いいただけません。別のお支払い方法をお願いしてください。",
            ),
            Self::RingArticle => (
                "This is the barcode of an article. Ring it, and scan the code on the customer's phone.",
                "これは商品のバーコードです。商品として登録し、お客様のスマートフォンのコードを読み取ってください。",
            ),
            Self::AskForCustomersCode => (
                "This is the code of a shop, for the customer to scan. Ask for the code that the wallet shows for paying.",
                "これは店舗用のコードです。お客様のウォレットの支払い用コードを表示してもらってください。",
            ),
            Self::TakeNoCardNumber => (
                "This passes for the number of a card, which never goes this way. Use the card terminal.",
                "カード番号の可能性があります。ここでは扱えません。カード端末をお使いください。",
            ),
        }
    }
}

/// What a code is in JSON. The code itself is not in it.
#[derive(Serialize)]
struct Shape<'a> {
    object: &'static str,
    next_action: &'static str,
    connection_id: Option<ConnectionId>,
    candidates: Vec<MeaningShape<'a>>,
    message: Message,
}

impl<'a> Shape<'a> {
    fn of(found: &'a Found) -> Self {
        let advice = found.advice();
        let (en, ja) = advice.words();
        Self {
            object: "recognized_code",
            next_action: advice.as_str(),
            connection_id: advice.connection(),
            candidates: found.shapes(),
            message: Message { en, ja },
        }
    }
}

/// One of the things that a code may be.
#[derive(Serialize)]
struct MeaningShape<'a> {
    kind: &'static str,
    /// Only of a wallet.
    #[serde(flatten)]
    wallet: Option<WalletShape<'a>>,
}

#[derive(Serialize)]
struct WalletShape<'a> {
    wallet: &'a Wallet,
    name: WalletName<'a>,
    connection_ids: &'a [ConnectionId],
}

#[derive(Serialize)]
struct WalletName<'a> {
    en: &'a str,
    ja: &'a str,
}

impl<'a> MeaningShape<'a> {
    fn of(meaning: &'a Meaning, takers: &'a [ConnectionId]) -> Self {
        let (kind, wallet) = match meaning {
            Meaning::Wallet(wallet) => {
                let name = WalletName { en: wallet_name(wallet, Locale::En), ja: wallet_name(wallet, Locale::Ja) };
                ("wallet", Some(WalletShape { wallet, name, connection_ids: takers }))
            }
            Meaning::Article => ("article", None),
            Meaning::ShopCode => ("merchant_code", None),
            Meaning::CardNumber => ("card_number", None),
        };
        Self { kind, wallet }
    }
}
