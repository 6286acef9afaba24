//! An order: one payment under the `client_orderid` of existing software. The same content again is the first order;
//! other content under a used id is refused, whatever became of the first.

use super::{Refusal, URL_CHARS_MAX, find_endpoint};
use crate::call::Call;
use crate::command::{self, Command, not_found};
use crate::guard;
use crate::id::{MerchantId, MposEndpointId, PaymentId};
use crate::payment::{CreatePayment, Moved, operations_of};
use crate::time::Timestamp;
use crate::work::{Key, Stop, UnitOfWork};

/// Longest `client_orderid`: what the documents of the API allow.
pub const CLIENT_ORDER_ID_CHARS_MAX: usize = 128;
/// Bits of an order's number: its text has at most the 20 digits that the documents allow.
const NUMBER_BITS: u32 = 62;

/// What stands behind a `client_orderid`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MposOrder {
    /// Where it was asked for.
    pub endpoint: MposEndpointId,
    /// The id of the software that asked.
    pub client_order_id: String,
    /// Whose it is.
    pub merchant: MerchantId,
    /// Our id of it, in the API's `orderid`.
    pub number: i64,
    /// Its payment.
    pub payment: PaymentId,
    /// A keyed hash of all that was asked: it tells a repeat from another order.
    pub fingerprint: Vec<u8>,
    /// Where the end of its charge is told, if the request said.
    pub callback_url: Option<String>,
    /// Where everything about it is told, if the request or the endpoint said.
    pub notify_url: Option<String>,
    /// When it is told next; `None` while there is nothing to tell.
    pub due_at: Option<Timestamp>,
    /// Tries to tell the present news.
    pub tries: u32,
    /// The number of the operation that was told of last; zero before the first.
    pub told: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// Row version.
    pub version: i64,
}

impl MposOrder {
    /// Where the end of this operation is told.
    pub fn url_for(&self, operation: u32) -> Option<&str> {
        let of_charge = self.callback_url.as_deref().filter(|_| operation == 1);
        of_charge.or(self.notify_url.as_deref())
    }
}

/// Begins an order: its payment in the same commit.
#[derive(Debug, Clone)]
pub struct BeginOrder {
    /// Where it is asked for.
    pub endpoint: MposEndpointId,
    /// The id of the software that asks.
    pub client_order_id: String,
    /// A keyed hash of all that is asked.
    pub fingerprint: [u8; 32],
    /// Where the end of its charge is told.
    pub callback_url: Option<String>,
    /// Where everything about it is told; the endpoint's where it is left out.
    pub notify_url: Option<String>,
    /// What is asked of the provider.
    pub payment: CreatePayment,
}

/// An order and its payment, as they stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// The order.
    pub order: MposOrder,
    /// Its payment; there are tasks only for the one who began it.
    pub moved: Moved,
}

impl Command for BeginOrder {
    type Reply = Begun;

    fn name(&self) -> &'static str {
        "mpos_order.begin"
    }

    fn keys(&self) -> Vec<Key> {
        let own = [Key::MposEndpoint(self.endpoint), Key::MposOrder(self.endpoint, self.client_order_id.clone())];
        self.payment.keys().into_iter().chain(own).collect()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Begun, Stop<command::Refusal>> {
        work.require(self.keys())?;
        self.check()?;
        let endpoint = find_endpoint(work, call.merchant, self.endpoint)?.clone();
        if let Some(order) = work.mpos_orders.find(call.merchant, &(self.endpoint, self.client_order_id.clone())) {
            return self.repeated(work, call, order.clone());
        }
        let number = number_of(call.next_uuid().as_u128());
        let moved = self.payment.decide(work, call)?;
        let notify_url = self.notify_url.clone().or(endpoint.notify_url);
        let has_listener = self.callback_url.is_some() || notify_url.is_some();
        let order = MposOrder {
            endpoint: self.endpoint,
            client_order_id: self.client_order_id.clone(),
            merchant: call.merchant,
            number,
            payment: moved.payment.id,
            fingerprint: self.fingerprint.to_vec(),
            callback_url: self.callback_url.clone(),
            notify_url,
            due_at: has_listener.then_some(call.now),
            tries: 0,
            told: 0,
            created_at: call.now,
            version: 1,
        };
        work.mpos_orders.insert(order.clone());
        Ok(Begun { order, moved })
    }
}

impl BeginOrder {
    fn check(&self) -> Result<(), Refusal> {
        let is_id = (1..=CLIENT_ORDER_ID_CHARS_MAX).contains(&self.client_order_id.len())
            && self.client_order_id.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
        if !is_id {
            return Err(Refusal::OrderIdInvalid);
        }
        if guard::looks_like_card_number(&self.client_order_id) {
            return Err(Refusal::TextLooksLikeCardNumber);
        }
        let is_long = |url: &Option<String>| url.as_ref().is_some_and(|url| url.chars().count() > URL_CHARS_MAX);
        if is_long(&self.callback_url) || is_long(&self.notify_url) {
            return Err(Refusal::NotifyUrlTooLong);
        }
        Ok(())
    }

    fn repeated(&self, work: &UnitOfWork, call: &Call<'_>, order: MposOrder) -> Result<Begun, Stop<command::Refusal>> {
        if order.fingerprint != self.fingerprint {
            return Err(Refusal::OrderIdTaken.into());
        }
        work.require([Key::Payment(order.payment)])?;
        let payment = work.payments.find(call.merchant, &order.payment);
        let payment = payment.cloned().ok_or_else(|| not_found("payment", order.payment))?;
        let operations = operations_of(work, call.merchant, order.payment).cloned().collect();
        Ok(Begun { order, moved: Moved { payment, operations, tasks: Vec::new() } })
    }
}

/// A number of as many bits as an order's may have, out of a random one.
fn number_of(random: u128) -> i64 {
    let mask = (1_u128 << NUMBER_BITS).wrapping_sub(1);
    i64::try_from(random & mask).unwrap_or_default()
}

#[cfg(test)]
pub(super) mod tests {
    use uuid::Uuid;

    use super::super::{CreateMposEndpoint, MposEndpoint};
    use super::*;
    use crate::id::ConnectionId;
    use crate::money::Currency;
    use crate::payment::shop::{CONNECTION, Shop, a_payment};
    use crate::testing::{LOCATION, MERCHANT, NOW, REGISTER};

    pub fn an_endpoint() -> CreateMposEndpoint {
        CreateMposEndpoint {
            id: MposEndpointId::from_uuid(Uuid::from_u128(77)),
            merchant: MERCHANT,
            number: 1_111,
            group: 7,
            name: " App ".to_owned(),
            login: "merchantlogin".to_owned(),
            control_key: vec![1, 2, 3],
            location: LOCATION,
            register: REGISTER,
            connection: CONNECTION,
            currency: Currency::JPY,
            notify_url: Some("https://app.test/all".to_owned()),
        }
    }

    /// A shop with an endpoint.
    pub fn shop() -> (Shop, MposEndpoint) {
        let mut shop = Shop::new();
        let endpoint = shop.run(&an_endpoint()).unwrap();
        (shop, endpoint)
    }

    pub fn an_order(client_order_id: &str) -> BeginOrder {
        BeginOrder {
            endpoint: an_endpoint().id,
            client_order_id: client_order_id.to_owned(),
            fingerprint: [5; 32],
            callback_url: Some("https://app.test/end".to_owned()),
            notify_url: None,
            payment: a_payment(),
        }
    }

    #[test]
    fn the_same_again_is_the_first_order_and_other_content_is_refused() {
        let (mut shop, endpoint) = shop();
        let begun = shop.run(&an_order("902B4FF5")).unwrap();
        assert_eq!((begun.moved.tasks.len(), begun.order.due_at), (1, Some(NOW)));
        assert!(begun.order.number > 0 && begun.order.number.to_string().len() <= 20);
        assert_eq!(begun.order.url_for(1), Some("https://app.test/end"));
        assert_eq!(begun.order.url_for(2), endpoint.notify_url.as_deref());
        let again = shop.run(&an_order("902B4FF5")).unwrap();
        assert_eq!((&again.order, &again.moved.payment), (&begun.order, &begun.moved.payment));
        assert_eq!(again.moved.tasks, []);
        let other = BeginOrder { fingerprint: [6; 32], ..an_order("902B4FF5") };
        assert_eq!(shop.refused(&other), "mpos_order_id_taken");
        assert_eq!(shop.world.database.payments.iter().count(), 1);
    }

    #[test]
    fn what_breaks_a_rule_is_refused_and_leaves_no_payment() {
        let (mut shop, _) = shop();
        let elsewhere = CreatePayment { connection: ConnectionId::from_uuid(Uuid::nil()), ..a_payment() };
        for (code, wrong) in [
            ("mpos_order_id_invalid", an_order("")),
            ("mpos_order_id_invalid", an_order(&"x".repeat(CLIENT_ORDER_ID_CHARS_MAX + 1))),
            ("mpos_order_id_invalid", an_order("注文")),
            ("text_looks_like_card_number", an_order("4111111111111111")),
            (
                "mpos_endpoint_notify_url_too_long",
                BeginOrder { callback_url: Some("x".repeat(URL_CHARS_MAX + 1)), ..an_order("1") },
            ),
            ("connection_not_found", BeginOrder { payment: elsewhere, ..an_order("1") }),
            (
                "mpos_endpoint_not_found",
                BeginOrder { endpoint: MposEndpointId::from_uuid(Uuid::nil()), ..an_order("1") },
            ),
        ] {
            assert!(!shop.writes(|shop| assert_eq!(shop.refused(&wrong), code)));
        }
        assert_eq!(shop.of_other_merchant().refused(&an_order("1")), "mpos_endpoint_not_found");
    }
}
