//! Rules and vocabulary of Tillbridge. No IO, no async, no clock, no randomness, no SQL, no HTTP: time and ids are passed
//! in, so that a register's browser, the hub and the simulator decide with the very same code.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::float_arithmetic, clippy::indexing_slicing))]

pub mod article;
pub mod call;
pub mod command;
pub mod customer;
pub mod customer_code;
pub mod decimal;
pub mod elsewhere;
pub mod emv_qr;
pub mod event;
pub mod exception;
pub mod external_ref;
pub mod guard;
pub mod id;
pub mod job;
pub mod journal;
pub mod locale;
pub mod merchant;
pub mod metadata;
pub mod money;
pub mod mpos;
pub mod operator;
pub mod payment;
pub mod points;
pub mod print_job;
pub mod printer;
pub mod promotion;
pub mod provider_notice;
pub mod qr;
pub mod receipt;
pub mod returns;
pub mod sale;
pub mod share;
pub mod shift;
pub mod smartconnect;
pub mod stock;
pub mod stocktake;
pub mod tax;
pub mod terminal;
#[cfg(test)]
pub(crate) mod testing;
pub mod text;
pub mod time;
pub mod transfer;
pub mod unreferenced_return;
pub mod webhook_delivery;
pub mod webhook_endpoint;
pub mod work;
