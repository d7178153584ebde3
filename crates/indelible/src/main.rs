//! The binary: see [`indelible::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    indelible::cli::main()
}
