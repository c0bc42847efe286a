//! The README is true: its commands work, its links lead somewhere, its list of attributes is the compiler's.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "tests read the source tree"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

const RUN: &str = "cargo run --release -- ";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn readme() -> String {
    fs::read_to_string(root().join("README.md")).unwrap()
}

/// The lines that the README has a shell run.
fn commands(readme: &str) -> Vec<&str> {
    let blocks = readme.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    blocks.flat_map(str::lines).collect()
}

#[test]
fn the_first_example_is_built_and_prepared() {
    let readme = readme();
    let commands: Vec<_> =
        commands(&readme).into_iter().filter(|line| line.contains("examples/quickstart")).collect();
    let ours: Vec<_> = commands.iter().filter_map(|line| line.strip_prefix(RUN)).collect();
    assert_eq!(ours.len(), 2, "{commands:?}");

    let scratch = tempfile::tempdir().unwrap();
    let copied = Command::new("cp").arg("-r").arg(root().join("examples")).arg(scratch.path()).status();
    assert!(copied.unwrap().success());
    let bundles = scratch.path().join("examples/quickstart/bundles");
    let want = fs::read(bundles.join("hello/config.json")).unwrap();
    fs::remove_dir_all(&bundles).unwrap();
    for line in ours {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bundlegen"));
        let output = command.args(line.split(' ')).current_dir(scratch.path()).output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    }
    assert!(fs::read(bundles.join("hello/config.json")).unwrap() == want);
    for bundle in commands.iter().filter_map(|line| line.split("--bundle ").nth(1)) {
        let bundle = scratch.path().join(bundle.split(' ').next().unwrap());
        assert!(bundle.join("config.json").is_file(), "{}", bundle.display());
    }
}

#[test]
fn scripts_and_bundles_are_there() {
    let readme = readme();
    let scripts = ["tests/run", "examples/web/make-image"];
    for script in scripts {
        assert!(commands(&readme).contains(&script), "{script} is not in the README");
        let mode = fs::metadata(root().join(script)).unwrap().permissions().mode();
        assert_eq!(mode & 0o111, 0o111, "{script}");
    }
    for word in commands(&readme).into_iter().flat_map(|line| line.split(' ')) {
        assert!(!word.starts_with("examples/") || root().join(word).exists(), "there is no {word}");
    }
}

#[test]
fn links_lead_somewhere() {
    let readme = readme();
    let targets = readme.split("](").skip(1).map(|rest| rest.split(')').next().unwrap());
    let inside: Vec<_> = targets.filter(|target| !target.contains("://")).collect();
    assert!(inside.len() > 4);
    for target in inside {
        assert!(root().join(target).exists(), "there is no {target}");
    }
}
