//! The program `tillbridge`: HTTP API, commands, workers, files, command line.

pub mod api_key;
pub mod app;
pub mod business_day;
pub mod carried_on;
pub mod check;
pub mod civil;
pub mod cli;
pub mod clock;
pub mod config;
pub mod connection;
pub mod database;
pub mod demo;
pub mod http;
pub mod log;
pub mod operator;
pub mod pepper;
pub mod pin;
pub mod print;
pub mod provider;
pub mod seal;
pub mod serve;
pub mod shop;
pub mod tls;
pub mod waits;
pub mod webhook;
pub mod worker;
