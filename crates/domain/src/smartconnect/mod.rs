//! The SmartConnect-compatible face: POS software that has no key of ours names its register by three texts, pairs it by a code
//! that a terminal shows, and asks for transactions. Each money transaction is an ordinary payment, or an operation of one.

mod access;
mod pair;
mod refusal;
#[cfg(test)]
mod story;
mod transact;
mod transaction;

pub use access::{Access, NETWORKS_MAX, SetAccess};
pub use pair::{PairPosRegister, PosIdentity, PosRegister, TEXT_CHARS_MAX};
pub use refusal::Refusal;
pub use transact::{NewTransaction, NoteTransaction, Transact};
pub use transaction::{
    About, Inquiry, NOTE_BYTES_MAX, SALE_ID_CHARS_MAX, Subject, TOKEN_MS, TRANSACTIONS_KEPT_MS, Transaction,
    TransactionType,
};
