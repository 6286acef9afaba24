//! The QR codes of EMVCo: the one that a shop shows (merchant-presented mode, JPQR among them), built and parsed with its
//! checksum; and the one that a customer shows (customer-presented mode), of which only as much is read as tells the
//! wallet.
//!
//! Sources: EMVCo, QR Code Specification for Payment Systems, merchant-presented and customer-presented mode, and the JPQR
//! profile of the Payments Japan Association, as their public parsers and samples have them.

mod checksum;
mod customer_code;
mod field;
mod refusal;
mod shop_code;

pub use customer_code::{CustomerApplication, OPERATOR_DIGITS, applications, is_customer_code};
pub use field::{Field, Tag, VALUE_CHARS_MAX};
pub use refusal::Refusal;
pub use shop_code::{Place, SHOP_CODE_HEAD, ShopCode};
