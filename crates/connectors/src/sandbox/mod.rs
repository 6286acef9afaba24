//! The sandbox provider (`docs/guides/sandbox.md`). Credentials: `<api secret>:<notification secret>`.
//!
//! Its contract in short: a reference is answered the same for ever; a refusal by the rules is a 200 with `declined`;
//! 400, 401, 415 and 422 mean that nothing happened; everything else leaves the matter open.

mod codes;
mod sign;
mod wire;

use domain::id::OperationId;
use domain::payment::{Kind, Outcome, Profile};

use crate::contract::{
    Access, Ask, CannotAsk, Connector, Method, News, Notice, Probe, Rejected, Request, Response, Told, Variant,
};

/// The connector of the sandbox.
#[derive(Debug)]
pub(crate) struct Sandbox;

const VARIANTS: [Variant; 1] =
    [Variant { name: "v1", profile: Profile::sandbox, credentials: "<secret>:<notification secret>", base_url: "" }];

/// A reference that no operation has.
const NOBODY: &str = "probe";

impl Connector for Sandbox {
    fn name(&self) -> &'static str {
        "sandbox"
    }

    fn variants(&self) -> &'static [Variant] {
        &VARIANTS
    }

    fn build_probe(&self, access: &Access<'_>) -> Result<Request, CannotAsk> {
        request(access, Method::Get, &format!("/operations/{NOBODY}"))
    }

    fn read_probe(&self, _: &Access<'_>, told: &Told) -> Probe {
        match told {
            Told::NotSent(_) | Told::Lost(_) => Probe::Unreachable,
            Told::Response(response) if is_not_found(response) => Probe::Fine,
            Told::Response(response) if response.status == 401 => Probe::CredentialsRefused,
            Told::Response(_) => Probe::NotUnderstood,
        }
    }

    fn build_send(&self, ask: &Ask<'_>) -> Result<Request, CannotAsk> {
        let (path, body) = match ask.operation.kind {
            Kind::Authorize | Kind::Purchase => ("/charges".to_owned(), charge(ask)),
            Kind::Capture => (format!("/charges/{}/capture", ask.target_reference()?), capture(ask)),
            Kind::Void => (format!("/charges/{}/void", ask.target_reference()?), void(ask)),
            Kind::Reversal => (format!("/charges/{}/reverse", ask.target_reference()?), reversal(ask)),
            Kind::Refund => ("/refunds".to_owned(), refund(ask)?),
        };
        let mut request = request(&ask.access, Method::Post, &path)?;
        request.headers.push(("content-type", "application/json".to_owned()));
        if let Some(fault) = ask.fault {
            request.headers.push(("x-sandbox-fault", fault.to_owned()));
        }
        request.body = body;
        Ok(request)
    }

    fn build_inquiry(&self, ask: &Ask<'_>) -> Result<Request, CannotAsk> {
        request(&ask.access, Method::Get, &format!("/operations/{}", ask.operation.id))
    }

    fn read_send(&self, ask: &Ask<'_>, told: &Told) -> Outcome {
        match told {
            Told::NotSent(_) => ask.did_nothing("provider_unreachable"),
            Told::Lost(_) => Outcome::Unknown,
            Told::Response(response) if response.status == 200 => read_told(ask, response),
            Told::Response(response) => match refusal(response) {
                Some(reason) => ask.did_nothing(reason),
                None => Outcome::Unknown,
            },
        }
    }

    fn read_inquiry(&self, ask: &Ask<'_>, told: &Told) -> Outcome {
        match told {
            Told::Response(response) if response.status == 200 => read_told(ask, response),
            Told::Response(response) if is_not_found(response) => Outcome::NotFound,
            Told::Response(_) | Told::NotSent(_) | Told::Lost(_) => Outcome::Unknown,
        }
    }

    fn read_notification(
        &self,
        access: &Access<'_>,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Vec<Notice>, Rejected> {
        let (_, notify_secret) = access.secret.expose().split_once(':').ok_or(Rejected::Credentials)?;
        sign::verify(notify_secret.as_bytes(), headers, body)?;
        let news: wire::Notification<'_> = serde_json::from_slice(body).map_err(|_| Rejected::Unreadable)?;
        let outcome =
            codes::charge_outcome(&news.status, Some(news.approved_amount), news.reason.as_deref(), &news.charge_id);
        Ok(vec![Notice::Operation { reference: news.reference.into_owned(), news: News::Told(outcome) }])
    }
}

fn request(access: &Access<'_>, method: Method, path: &str) -> Result<Request, CannotAsk> {
    let base = access.base_url()?;
    let (api_secret, _) = access.secret.expose().split_once(':').ok_or(CannotAsk::Credentials)?;
    let headers = vec![("authorization", format!("Bearer {api_secret}"))];
    Ok(Request {
        method,
        url: format!("{base}{path}"),
        headers,
        body: Vec::new(),
        timeout_ms: access.timeout_ms,
        identity: None,
    })
}

fn charge(ask: &Ask<'_>) -> Vec<u8> {
    wire::encode(&wire::Charge {
        reference: &ask.reference(),
        kind: ask.operation.kind.as_str(),
        amount: ask.operation.asked_minor,
        currency: ask.payment.currency.as_str(),
        notify_url: ask.notify_url,
    })
}

fn capture(ask: &Ask<'_>) -> Vec<u8> {
    wire::encode(&wire::Capture { capture_reference: &ask.reference(), amount: ask.operation.asked_minor })
}

fn void(ask: &Ask<'_>) -> Vec<u8> {
    wire::encode(&wire::Void { void_reference: &ask.reference() })
}

fn reversal(ask: &Ask<'_>) -> Vec<u8> {
    wire::encode(&wire::Reversal { reversal_reference: &ask.reference() })
}

fn refund(ask: &Ask<'_>) -> Result<Vec<u8>, CannotAsk> {
    Ok(wire::encode(&wire::Refund {
        refund_reference: &ask.reference(),
        charge_reference: &refunded_charge(ask)?,
        amount: ask.operation.asked_minor,
    }))
}

/// The sandbox knows the charge that is refunded, whether it was taken at once or by a capture.
fn refunded_charge(ask: &Ask<'_>) -> Result<String, CannotAsk> {
    let target = ask.target.ok_or(CannotAsk::NoTarget)?;
    let number = if target.kind == Kind::Capture { target.target } else { Some(target.id.number) };
    let number = number.ok_or(CannotAsk::NoTarget)?;
    Ok(OperationId { payment: target.id.payment, number }.to_string())
}

/// A 200. An answer about another operation is none: connections get mixed up, and a wrong approval costs money.
fn read_told(ask: &Ask<'_>, response: &Response) -> Outcome {
    let Ok(told) = serde_json::from_slice::<wire::Told<'_>>(&response.body) else { return Outcome::Unknown };
    if told.reference != ask.reference() || told.kind != ask.operation.kind.as_str() {
        return Outcome::Unknown;
    }
    let (status, reason) = (&told.status, told.reason.as_deref());
    match ask.operation.kind {
        Kind::Authorize | Kind::Purchase => {
            let outcome = codes::charge_outcome(status, told.approved_amount, reason, &told.id);
            codes::funded(outcome, told.paid_by_provider_amount)
        }
        Kind::Capture | Kind::Refund => codes::operation_outcome(status, told.approved_amount, reason, &told.id),
        // A void undoes the whole; what was left to undo is no second opinion about the amount.
        Kind::Void => codes::operation_outcome(status, Some(ask.operation.asked_minor), reason, &told.id),
        // What a reversal undid tells a charge that it caught from one that comes later: nothing when it does not say.
        Kind::Reversal => codes::operation_outcome(status, told.approved_amount.or(Some(0)), reason, &told.id),
    }
}

/// The reason, if the answer proves that nothing happened. The body has to be the provider's own: a proxy between may
/// answer with the same status and know nothing.
fn refusal(response: &Response) -> Option<&'static str> {
    let problem: wire::Problem<'_> = serde_json::from_slice(&response.body).ok()?;
    codes::harmless_refusal(response.status, &problem.error)
}

fn is_not_found(response: &Response) -> bool {
    let problem: Option<wire::Problem<'_>> = serde_json::from_slice(&response.body).ok();
    response.status == 404 && problem.is_some_and(|problem| problem.error == "not_found")
}
