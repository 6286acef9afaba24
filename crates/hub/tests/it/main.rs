//! A real hub in process, with real HTTP, on SQLite in a temporary folder and, where `TILLBRIDGE_TEST_POSTGRES` names a
//! server, on a fresh PostgreSQL database too. Every answer is held against `openapi.yaml`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

#[macro_use]
mod support;

mod article;
mod auth;
mod barcode;
mod consumption;
mod customer;
mod discount;
mod event;
mod exception;
mod external_ref;
mod guarded_texts;
mod health;
mod idempotency;
mod import;
mod import_map;
mod limits;
mod list;
mod matrix;
mod merchant;
mod merchants;
mod minor_units;
mod notification;
mod openapi;
mod operator;
mod parked_sale;
mod payment;
mod payment_faults;
mod points;
mod printing;
mod promotion;
mod receipt;
mod report;
mod request;
mod returns;
mod sale;
mod serve;
mod shift;
mod stock;
mod stock_movement;
mod stocktake;
mod tidy;
mod transfer;
mod unreferenced_return;
mod webhook_address;
mod webhook_delivery;
mod webhook_endpoint;
mod webhook_libraries;
mod world;
