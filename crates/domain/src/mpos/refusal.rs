//! Why the rules of endpoints and orders say no.

use std::fmt;

use super::{CLIENT_ORDER_ID_CHARS_MAX, LOGIN_CHARS_MAX, NAME_CHARS_MAX, URL_CHARS_MAX};
use crate::command;
use crate::work::Stop;

/// A rule that a request breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The name is blank, too long, or has control characters.
    NameInvalid,
    /// The login is empty, too long, or has other characters than it may.
    LoginInvalid,
    /// The address for callbacks is too long.
    NotifyUrlTooLong,
    /// A text holds what looks like a card number; it is not repeated here.
    TextLooksLikeCardNumber,
    /// The `client_orderid` is empty, too long, or has characters that no id has.
    OrderIdInvalid,
    /// Another order of the endpoint has this `client_orderid`.
    OrderIdTaken,
    /// The `day_close_request_id` is not 8 to 32 letters and digits.
    CloseIdInvalid,
}

impl Refusal {
    /// The stable code of the API.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NameInvalid => "mpos_endpoint_name_invalid",
            Self::LoginInvalid => "mpos_endpoint_login_invalid",
            Self::NotifyUrlTooLong => "mpos_endpoint_notify_url_too_long",
            Self::TextLooksLikeCardNumber => "text_looks_like_card_number",
            Self::OrderIdInvalid => "mpos_order_id_invalid",
            Self::OrderIdTaken => "mpos_order_id_taken",
            Self::CloseIdInvalid => "mpos_close_id_invalid",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NameInvalid => write!(f, "An endpoint's name is one line of 1 to {NAME_CHARS_MAX} characters."),
            Self::LoginInvalid => {
                write!(f, "A login has 1 to {LOGIN_CHARS_MAX} letters, digits, points, hyphens or underscores.")
            }
            Self::NotifyUrlTooLong => write!(f, "An address for callbacks has at most {URL_CHARS_MAX} characters."),
            Self::TextLooksLikeCardNumber => {
                f.write_str("The text holds what looks like a card number. Remove it: card numbers are never stored.")
            }
            Self::OrderIdInvalid => {
                write!(f, "A client_orderid has 1 to {CLIENT_ORDER_ID_CHARS_MAX} visible ASCII characters.")
            }
            Self::OrderIdTaken => f.write_str(
                "Another order has this client_orderid. Ask for its status, or give the new order an id of its own.",
            ),
            Self::CloseIdInvalid => f.write_str("A day_close_request_id has 8 to 32 letters and digits."),
        }
    }
}

impl From<Refusal> for Stop<command::Refusal> {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(command::Refusal::Mpos(refusal))
    }
}
