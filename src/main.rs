//! The process: calls the library and turns its answer into an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    bundlegen::cli::run().code().into()
}
