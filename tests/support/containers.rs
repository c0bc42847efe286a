//! What it takes to run containers: the host, the images, and what a process in a container says of itself.
#![allow(dead_code, reason = "each test uses a part")]

use std::path::Path;
use std::process::Command;

pub mod host;
pub mod image;
pub mod report;

/// Speaks past the test harness, which keeps what passing tests print to itself.
pub fn say(text: &str) {
    use std::io::Write as _;
    std::io::stderr().write_all(format!("{text}\n").as_bytes()).unwrap();
}

/// A variable of whoever prepares bundles.
const SECRET: (&str, &str) = ("BUNDLEGEN_TEST_SECRET", "of a variable\n");

/// Runs the program, and returns what it prints, or its errors.
pub fn bundlegen(command: &str, what: &Path, images: &Path) -> Result<String, String> {
    let mut program = Command::new(env!("CARGO_BIN_EXE_bundlegen"));
    program.env(SECRET.0, SECRET.1).arg(command).arg(what).arg("--images").arg(images);
    let output = program.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

/// Runs any other program, which must succeed.
pub fn call(program: &str, args: &[&str]) {
    let output = Command::new(program).args(args).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {}: {errors}", args.join(" "));
}

/// A path as an argument.
pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
