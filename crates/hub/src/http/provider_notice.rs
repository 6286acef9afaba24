//! `/v1/provider-notices`: what providers told by themselves that no rule makes an outcome of.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use domain::id::{ConnectionId, PaymentId, ProviderNoticeId};
use domain::provider_notice::{Kind, ProviderNotice};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::Route;
use super::auth::authenticate;
use super::body::{Segments, query};
use super::error::Problem;
use super::json::{self, Page};
use super::stocktake::one_of;
use super::submit::ok;
use crate::app::App;

/// The routes of provider notices.
pub fn routes() -> Vec<Route> {
    vec![Route::get("/v1/provider-notices", list), Route::get("/v1/provider-notices/{id}", get)]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    kind: Option<String>,
    payment_id: Option<PaymentId>,
    cursor: Option<String>,
    limit: Option<i64>,
}

async fn list(State(app): State<App>, headers: HeaderMap, uri: Uri) -> Result<Response, Problem> {
    let merchant = authenticate(&app, &headers).await?.merchant;
    let Wanted { kind, payment_id, cursor, limit } = query(&uri)?;
    let page = Page::new(cursor, limit);
    let (after, limit) = (page.after::<ProviderNoticeId>()?, page.limit()?);
    let kind = one_of(&Kind::WORDS, kind.as_deref())?.and_then(Kind::parse);
    let found = app.reader.list_provider_notices(merchant, kind, payment_id, after, limit + 1).await?;
    Ok(ok(json::to_bytes(&json::list(&found, limit, |notice| notice.id.to_string(), Shape::of))))
}

async fn get(State(app): State<App>, segments: Segments, headers: HeaderMap) -> Result<Response, Problem> {
    let merchant = authenticate(&app, &headers).await?.merchant;
    let found = app.reader.find_provider_notice(merchant, segments.id(0, "provider_notice")?).await?;
    let notice = found.ok_or_else(|| Problem::not_found("provider_notice"))?;
    Ok(ok(json::to_bytes(&Shape::of(&notice))))
}

#[derive(Serialize)]
struct Shape<'a> {
    id: ProviderNoticeId,
    object: &'static str,
    kind: &'static str,
    connection_id: ConnectionId,
    notice_id: &'a str,
    payment_id: Option<PaymentId>,
    amount_minor: Option<i64>,
    is_signed: bool,
    fields: &'a BTreeMap<String, String>,
    #[serde(serialize_with = "json::instant")]
    received_at: Timestamp,
}

impl<'a> Shape<'a> {
    fn of(notice: &'a ProviderNotice) -> Self {
        let ProviderNotice { id, connection, payment, amount_minor, is_signed, received_at, .. } = *notice;
        Self {
            id,
            object: "provider_notice",
            kind: notice.kind.as_str(),
            connection_id: connection,
            notice_id: &notice.notice_id,
            payment_id: payment,
            amount_minor,
            is_signed,
            fields: &notice.fields,
            received_at,
        }
    }
}
