//! The program `tillbridge`.

use std::process::ExitCode;

fn main() -> ExitCode {
    hub::cli::run()
}
