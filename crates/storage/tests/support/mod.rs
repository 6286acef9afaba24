//! A small shop on any of the stores, for the tests of this crate.
#![allow(dead_code, reason = "each test binary uses its own part of this")]

pub mod command;
pub mod faulty;
pub mod rows;
pub mod shop;
pub mod store;
