//! `close-day`: the end of an endpoint's day, as a report over the facts. It blocks nobody.

use domain::money::format_minor;
use domain::mpos::{CloseDay, MposEndpoint};
use domain::time::Timestamp;
use storage::read::mpos::MposDay;

use super::form::{Fields, Form, Stop};
use super::{Came, run, signed};
use crate::app::App;

/// Closes the day and says what it amounts to; the same request again is answered with the same day.
pub async fn close_day(app: &App, came: &Came, endpoint: &MposEndpoint) -> Result<Fields, Stop> {
    signed::require_oauth(app, endpoint, &came.headers, &came.path, &came.form)?;
    let request_id = came.form.required("day_close_request_id")?.to_owned();
    let close = run(app, came.envelope(endpoint), CloseDay { endpoint: endpoint.id, request_id }).await?;
    let day = app.reader.mpos_day(&close).await?;
    let text = |minor| format_minor(minor, endpoint.currency);
    let mut fields: Fields = vec![
        ("status", "approved".to_owned()),
        ("gateId", endpoint.number.to_string()),
        ("isDayClosing", "false".to_owned()),
        ("gateCloseDate", instant(close.closed_at)),
        ("epntId", endpoint.number.to_string()),
        ("saleApprovedCount", day.sales.to_string()),
        ("saleAmount", text(day.sales_minor)),
        ("reversalApprovedCount", day.reversals.to_string()),
        ("reversalAmount", text(day.reversals_minor)),
        ("code39", "000".to_owned()),
        ("theRequestSerialNumber", format!("{}-{}", endpoint.number, close.request_id)),
    ];
    let differences = differences(&came.form, &day, &text);
    if !differences.is_empty() {
        fields.push(("error-message", differences.join("; ")));
    }
    Ok(fields)
}

/// RFC 3339, in UTC.
fn instant(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.0).map(|at| at.to_string()).unwrap_or_default()
}

/// Where the caller's totals are others than ours, and by how much.
fn differences(form: &Form, day: &MposDay, text: &dyn Fn(i64) -> String) -> Vec<String> {
    let ours = [
        ("sale_approved_count", day.sales.to_string()),
        ("sale_approved_sum", text(day.sales_minor)),
        ("reversal_approved_count", day.reversals.to_string()),
        ("reversal_approved_sum", text(day.reversals_minor)),
    ];
    let told = ours.into_iter().filter_map(|(name, ours)| Some((name, ours, form.get(name)?)));
    told.filter(|(_, ours, theirs)| ours != theirs).map(|(name, ours, _)| format!("{name} is {ours} here")).collect()
}
