//! The man pages are made from the definition of the command line.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests compare files")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use bundlegen::cli::Cli;
use clap::CommandFactory as _;

fn pages() -> BTreeMap<String, String> {
    let mut root = Cli::command().disable_help_subcommand(true);
    root.build();
    let mut all = Vec::new();
    collect(&root, &mut all);
    all.into_iter().map(page).collect()
}

fn collect(command: &clap::Command, all: &mut Vec<clap::Command>) {
    all.push(command.clone());
    for command in command.get_subcommands().filter(|command| !command.is_hide_set()) {
        collect(command, all);
    }
}

fn page(command: clap::Command) -> (String, String) {
    let name = command.get_display_name().unwrap_or(command.get_name()).to_owned();
    let mut text = Vec::new();
    clap_mangen::Man::new(command).title(name.clone()).render(&mut text).unwrap();
    (format!("{name}.1"), String::from_utf8(text).unwrap())
}

/// `BLESS=1` writes them.
#[test]
fn the_man_pages_are_current() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("man");
    let pages = pages();
    assert!(pages.contains_key("bundlegen.1") && pages.contains_key("bundlegen-build.1"));
    for (name, want) in pages {
        let path = directory.join(&name);
        if std::env::var_os("BLESS").is_some() {
            fs::write(&path, &want).unwrap();
        }
        let have = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(have, want, "man/{name} is out of date: run the tests with BLESS=1");
    }
}
