//! A real hub in process, with real HTTP, on SQLite in a temporary folder and, where `TILLBRIDGE_TEST_POSTGRES` names a
//! server, on a fresh PostgreSQL database too. Every answer is held against `openapi.yaml`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

#[macro_use]
mod support;

<<<<<<< HEAD
mod alipay;
mod antom;
=======
mod acquirer;
>>>>>>> h6
mod article;
mod auth;
mod backup;
mod barcode;
mod card_app;
mod command_line;
mod conformance;
mod consumption;
mod customer;
mod customer_code;
mod deprecation;
mod discount;
mod disk;
mod doubt;
mod event;
mod exception;
mod exchange;
mod external_ref;
mod guarded_texts;
mod guides;
mod health;
mod idempotency;
mod import;
mod import_map;
mod limits;
mod list;
mod matrix;
mod merchant;
mod merchant_code;
mod merchants;
mod metadata;
mod minor_units;
mod mpos;
mod notification;
mod openapi;
mod operator;
mod parked_sale;
mod payment;
mod payment_faults;
mod paypay;
mod points;
mod printing;
mod promotion;
mod receipt;
mod replay;
mod report;
mod request;
mod returns;
mod sale;
mod secrets;
mod serve;
mod shift;
mod smartconnect;
mod stock;
mod stock_movement;
mod stocktake;
mod support_bundle;
mod terminal;
mod terminal_channel;
mod terminal_faults;
mod tidy;
mod transfer;
mod unreferenced_return;
mod webhook_address;
mod webhook_delivery;
mod webhook_endpoint;
mod webhook_libraries;
mod wechat;
mod world;
