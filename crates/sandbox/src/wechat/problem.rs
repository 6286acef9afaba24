//! What the played WeChat Pay says when it does not do what it is asked.

use axum::http::StatusCode;

/// Why a request got nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Problem {
    ParamError,
    SignError,
    InvalidRequest,
    MchNotExists,
    /// A client certificate was not shown.
    CertError,
    NotEnough,
    UserPaying,
    AuthCodeInvalid,
    OrderNotExist,
    RefundNotExist,
    OrderPaid,
    OrderClosed,
    OutTradeNoUsed,
    SystemError,
    RateLimit,
    Unavailable,
    NotFound,
}

impl Problem {
    /// Status and code of APIv3.
    pub const fn v3(self) -> (StatusCode, &'static str) {
        match self {
            Self::ParamError | Self::AuthCodeInvalid => (StatusCode::BAD_REQUEST, "PARAM_ERROR"),
            Self::SignError => (StatusCode::UNAUTHORIZED, "SIGN_ERROR"),
            Self::InvalidRequest => (StatusCode::BAD_REQUEST, "INVALID_REQUEST"),
            Self::MchNotExists => (StatusCode::BAD_REQUEST, "MCH_NOT_EXISTS"),
            Self::CertError => (StatusCode::FORBIDDEN, "NO_AUTH"),
            Self::NotEnough => (StatusCode::FORBIDDEN, "NOT_ENOUGH"),
            Self::UserPaying => (StatusCode::ACCEPTED, "USERPAYING"),
            Self::OrderNotExist => (StatusCode::NOT_FOUND, "ORDER_NOT_EXIST"),
            Self::RefundNotExist => (StatusCode::NOT_FOUND, "RESOURCE_NOT_EXISTS"),
            Self::OrderPaid => (StatusCode::BAD_REQUEST, "ORDER_PAID"),
            Self::OrderClosed => (StatusCode::BAD_REQUEST, "ORDER_CLOSED"),
            Self::OutTradeNoUsed => (StatusCode::FORBIDDEN, "OUT_TRADE_NO_USED"),
            Self::SystemError => (StatusCode::INTERNAL_SERVER_ERROR, "SYSTEM_ERROR"),
            Self::RateLimit => (StatusCode::TOO_MANY_REQUESTS, "RATELIMIT_EXCEEDED"),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "SYSTEM_ERROR"),
            Self::NotFound => (StatusCode::NOT_FOUND, "NOT_FOUND"),
        }
    }

    /// The code of v2; `None` where a request does not get past the door.
    pub const fn v2(self) -> Option<&'static str> {
        Some(match self {
            Self::ParamError => "PARAM_ERROR",
            Self::InvalidRequest => "INVALID_REQUEST",
            Self::MchNotExists => "MCHID_NOT_EXIST",
            Self::NotEnough => "NOTENOUGH",
            Self::UserPaying => "USERPAYING",
            Self::AuthCodeInvalid => "AUTH_CODE_INVALID",
            Self::OrderNotExist => "ORDERNOTEXIST",
            Self::RefundNotExist => "REFUNDNOTEXIST",
            Self::OrderPaid => "ORDERPAID",
            Self::OrderClosed => "ORDERCLOSED",
            Self::OutTradeNoUsed => "OUT_TRADE_NO_USED",
            Self::SystemError => "SYSTEMERROR",
            Self::RateLimit => "FREQUENCY_LIMITED",
            Self::SignError | Self::CertError | Self::Unavailable | Self::NotFound => return None,
        })
    }

    /// What v2 says at the door.
    pub const fn at_the_door(self) -> &'static str {
        match self {
            Self::SignError => "签名错误",
            Self::CertError => "证书校验错误",
            _ => "系统繁忙",
        }
    }
}
