//! What becomes of an endpoint: it is made, changed, and given another control key.

use serde::Serialize;

use super::{LOGIN_CHARS_MAX, MposEndpoint, NAME_CHARS_MAX, Refusal, URL_CHARS_MAX, find_endpoint};
use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role};
use crate::id::{ConnectionId, LocationId, MerchantId, MposEndpointId, RegisterId};
use crate::money::Currency;
use crate::work::{Key, Stop, UnitOfWork};
use crate::{guard, text};

/// Makes an endpoint. Id, number, group and control key are drawn by whoever asks: the key is sealed for the id.
#[derive(Debug, Clone)]
pub struct CreateMposEndpoint {
    /// Its id.
    pub id: MposEndpointId,
    /// The caller's merchant.
    pub merchant: MerchantId,
    /// ENDPOINTID.
    pub number: i64,
    /// ENDPOINTGROUPID, a fresh one or that of an endpoint of the merchant.
    pub group: i64,
    /// Its name.
    pub name: String,
    /// What its software calls itself.
    pub login: String,
    /// The control key, sealed.
    pub control_key: Vec<u8>,
    /// Where its payments are taken.
    pub location: LocationId,
    /// On which register.
    pub register: RegisterId,
    /// With which credentials.
    pub connection: ConnectionId,
    /// The currency of its orders.
    pub currency: Currency,
    /// Where it is told of ends.
    pub notify_url: Option<String>,
}

/// `mpos_endpoint.created` and `mpos_endpoint.updated`. Addresses are the shop's business.
#[derive(Serialize)]
struct EndpointNews<'a> {
    location: LocationId,
    register: RegisterId,
    connection: ConnectionId,
    name: &'a str,
    is_active: bool,
}

impl<'a> EndpointNews<'a> {
    fn of(endpoint: &'a MposEndpoint) -> Self {
        let MposEndpoint { location, register, connection, is_active, .. } = *endpoint;
        Self { location, register, connection, name: &endpoint.name, is_active }
    }
}

impl Command for CreateMposEndpoint {
    type Reply = MposEndpoint;

    fn name(&self) -> &'static str {
        "mpos_endpoint.create"
    }

    fn keys(&self) -> Vec<Key> {
        vec![
            Key::Location(self.location),
            Key::Register(self.register),
            Key::Connection(self.connection),
            Key::MposEndpoint(self.id),
        ]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<MposEndpoint, Stop<command::Refusal>> {
        require_role(call, Role::Manager)?;
        work.require(self.keys())?;
        let register = work.registers.find(call.merchant, &self.register);
        register.ok_or_else(|| not_found("register", self.register))?;
        let connection = work.connections.find(call.merchant, &self.connection);
        connection.ok_or_else(|| not_found("connection", self.connection))?;
        if work.mpos_endpoints.is_taken(&self.id) {
            return Err(not_found("mpos_endpoint", self.id));
        }
        let endpoint = MposEndpoint {
            id: self.id,
            merchant: call.merchant,
            number: self.number,
            group: self.group,
            name: checked_name(&self.name)?,
            login: checked_login(&self.login)?,
            control_key: self.control_key.clone(),
            location: self.location,
            register: self.register,
            connection: self.connection,
            currency: self.currency,
            notify_url: checked_url(self.notify_url.as_deref())?,
            is_active: true,
            last_closed_at: None,
            created_at: call.now,
            version: 1,
        };
        work.mpos_endpoints.insert(endpoint.clone());
        work.emit(call, "mpos_endpoint.created", endpoint.id, &EndpointNews::of(&endpoint));
        Ok(endpoint)
    }
}

/// Changes what is given and leaves the rest as it is.
#[derive(Debug, Clone)]
pub struct UpdateMposEndpoint {
    /// Which endpoint.
    pub id: MposEndpointId,
    /// Its name.
    pub name: Option<String>,
    /// Where it is told of ends, or nowhere any more.
    pub notify_url: Option<Option<String>>,
    /// Whether anybody is let in.
    pub is_active: Option<bool>,
}

impl Command for UpdateMposEndpoint {
    type Reply = MposEndpoint;

    fn name(&self) -> &'static str {
        "mpos_endpoint.update"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::MposEndpoint(self.id)]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<MposEndpoint, Stop<command::Refusal>> {
        require_role(call, Role::Manager)?;
        work.require(self.keys())?;
        let mut endpoint = find_endpoint(work, call.merchant, self.id)?.clone();
        if let Some(name) = &self.name {
            endpoint.name = checked_name(name)?;
        }
        if let Some(url) = &self.notify_url {
            endpoint.notify_url = checked_url(url.as_deref())?;
        }
        endpoint.is_active = self.is_active.unwrap_or(endpoint.is_active);
        store(work, call, endpoint)
    }
}

/// Another control key. From then on the one before lets nobody in.
#[derive(Debug, Clone)]
pub struct RotateControlKey {
    /// Which endpoint.
    pub id: MposEndpointId,
    /// The control key, sealed.
    pub control_key: Vec<u8>,
}

impl Command for RotateControlKey {
    type Reply = MposEndpoint;

    fn name(&self) -> &'static str {
        "mpos_endpoint.rotate_control_key"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::MposEndpoint(self.id)]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<MposEndpoint, Stop<command::Refusal>> {
        require_role(call, Role::Manager)?;
        work.require(self.keys())?;
        let endpoint = find_endpoint(work, call.merchant, self.id)?.clone();
        store(work, call, MposEndpoint { control_key: self.control_key.clone(), ..endpoint })
    }
}

fn store(
    work: &mut UnitOfWork,
    call: &mut Call<'_>,
    endpoint: MposEndpoint,
) -> Result<MposEndpoint, Stop<command::Refusal>> {
    let id = endpoint.id;
    let stored = work.mpos_endpoints.replace(endpoint).cloned().ok_or_else(|| not_found("mpos_endpoint", id))?;
    work.emit(call, "mpos_endpoint.updated", id, &EndpointNews::of(&stored));
    Ok(stored)
}

/// A name without the blanks around it.
fn checked_name(name: &str) -> Result<String, Refusal> {
    let name = name.trim();
    if !text::is_line(name, NAME_CHARS_MAX) {
        return Err(Refusal::NameInvalid);
    }
    if guard::looks_like_card_number(name) { Err(Refusal::TextLooksLikeCardNumber) } else { Ok(name.to_owned()) }
}

fn checked_login(login: &str) -> Result<String, Refusal> {
    let is_login = (1..=LOGIN_CHARS_MAX).contains(&login.len())
        && login.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    if !is_login {
        return Err(Refusal::LoginInvalid);
    }
    if guard::looks_like_card_number(login) { Err(Refusal::TextLooksLikeCardNumber) } else { Ok(login.to_owned()) }
}

/// Whether the address may be called is seen at each call.
fn checked_url(url: Option<&str>) -> Result<Option<String>, Refusal> {
    match url {
        Some(url) if url.chars().count() > URL_CHARS_MAX => Err(Refusal::NotifyUrlTooLong),
        url => Ok(url.map(str::to_owned)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::order::tests::an_endpoint;
    use super::*;
    use crate::payment::shop::Shop;

    #[test]
    fn an_endpoint_is_made_changed_and_given_another_key() {
        let mut shop = Shop::new();
        let made = shop.run(&an_endpoint()).unwrap();
        assert_eq!((made.name.as_str(), made.is_active, made.version), ("App", true, 1));
        let change = UpdateMposEndpoint {
            id: made.id,
            name: Some(" Other ".to_owned()),
            notify_url: Some(None),
            is_active: Some(false),
        };
        let changed = shop.run(&change).unwrap();
        assert_eq!((changed.name.as_str(), changed.notify_url, changed.is_active), ("Other", None, false));
        let rotated = shop.run(&RotateControlKey { id: made.id, control_key: vec![9] }).unwrap();
        assert_eq!((rotated.control_key, rotated.version), (vec![9], 3));
        assert_eq!(
            shop.world.event_kinds(),
            ["mpos_endpoint.created", "mpos_endpoint.updated", "mpos_endpoint.updated"]
        );
        assert!(!shop.world.database.events.rows()[0].data.contains("https://"));
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        for (code, wrong) in [
            ("mpos_endpoint_name_invalid", CreateMposEndpoint { name: " ".to_owned(), ..an_endpoint() }),
            (
                "text_looks_like_card_number",
                CreateMposEndpoint { name: "4111111111111111".to_owned(), ..an_endpoint() },
            ),
            (
                "text_looks_like_card_number",
                CreateMposEndpoint { login: "4111111111111111".to_owned(), ..an_endpoint() },
            ),
            ("mpos_endpoint_login_invalid", CreateMposEndpoint { login: String::new(), ..an_endpoint() }),
            ("mpos_endpoint_login_invalid", CreateMposEndpoint { login: "a:b".to_owned(), ..an_endpoint() }),
            (
                "mpos_endpoint_notify_url_too_long",
                CreateMposEndpoint { notify_url: Some("x".repeat(URL_CHARS_MAX + 1)), ..an_endpoint() },
            ),
        ] {
            assert_eq!(Shop::new().refused(&wrong), code);
        }
        assert_eq!(Shop::new().acting_as(Role::Cashier).refused(&an_endpoint()), "role_too_low");
        assert_eq!(Shop::new().of_other_merchant().refused(&an_endpoint()), "register_not_found");
        let mut shop = Shop::new();
        shop.run(&an_endpoint()).unwrap();
        assert_eq!(shop.refused(&an_endpoint()), "mpos_endpoint_not_found");
    }
}
