//! The manual is whole: what there is stands in it, and what stands in it is there.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "tests read the source tree"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use bundlegen::cli::Cli;
use clap::CommandFactory as _;
use serde_json::Value;
use walkdir::WalkDir;

const MANUAL: &str = include_str!("../man/manual.md");

/// Options in the manual that are those of other programs.
const OF_OTHERS: &[&str] = &[
    // gh
    "--body-file",
    "--create-if-none",
    "--edit-last",
    // cargo
    "--git",
    // podman and user namespaces
    "--map-auto",
    "--map-root-user",
    "--root",
    "--use",
    // dockerd
    "--selinux-enabled",
    // runc
    "--systemd-cgroup",
];

/// Options that only hooks have: nobody types them.
const OF_HOOKS: &[&str] = &["--publish"];

/// Commands that are typed, with all of theirs.
fn commands() -> Vec<clap::Command> {
    let mut root = Cli::command().disable_help_subcommand(true);
    root.build();
    let mut found = vec![root];
    let mut next = 0;
    while let Some(command) = found.get(next).cloned() {
        found.extend(command.get_subcommands().filter(|command| !command.is_hide_set()).cloned());
        next += 1;
    }
    found
}

fn options() -> BTreeSet<String> {
    let commands = commands();
    let options =
        commands.iter().flat_map(clap::Command::get_arguments).filter_map(|option| option.get_long());
    options.map(|option| format!("--{option}")).collect()
}

/// What stands between backquotes, and in blocks of code.
fn code() -> Vec<&'static str> {
    let mut found = Vec::new();
    for (index, block) in MANUAL.split("```").enumerate() {
        if index % 2 == 1 {
            found.push(block);
        } else {
            found.extend(block.split('`').skip(1).step_by(2));
        }
    }
    found
}

/// The words of code that look like options.
fn named_options() -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let words = code().into_iter().flat_map(|code| code.split(move |c| !is_part(c)));
    let long = words
        .filter(|word| word.strip_prefix("--").is_some_and(|name| name.starts_with(char::is_alphabetic)));
    long.map(str::to_owned).collect()
}

#[test]
fn every_option_is_there_and_every_one_is_real() {
    let (options, named) = (options(), named_options());
    let missing: Vec<_> = options.iter().filter(|option| !named.contains(*option)).collect();
    assert!(missing.is_empty(), "not in the manual: {missing:?}");
    let known = |option: &&String| {
        let option = option.as_str();
        options.contains(option) || OF_OTHERS.contains(&option) || OF_HOOKS.contains(&option)
    };
    let unreal: Vec<_> = named.iter().filter(|option| !known(option)).collect();
    assert!(unreal.is_empty(), "in the manual, and no option: {unreal:?}");
    let idle = OF_OTHERS.iter().chain(OF_HOOKS).filter(|option| !named.contains(**option));
    assert_eq!(idle.collect::<Vec<_>>(), [&""; 0]);
}

#[test]
fn every_command_is_there_and_every_one_is_real() {
    let real: BTreeSet<String> =
        commands()[0].get_subcommands().map(|command| command.get_name().to_owned()).collect();
    let after =
        |code: &'static str| code.match_indices("bundlegen ").map(move |(at, word)| &code[at + word.len()..]);
    let words = code().into_iter().flat_map(after).filter_map(|rest| {
        let word = rest.split(|c: char| !c.is_ascii_lowercase()).next()?;
        (!word.is_empty()).then(|| word.to_owned())
    });
    let named: BTreeSet<String> = words.collect();
    let visible: BTreeSet<String> = commands()[0]
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
        .map(|command| command.get_name().to_owned())
        .collect();
    let missing: Vec<_> = visible.difference(&named).collect();
    assert!(missing.is_empty(), "not in the manual: {missing:?}");
    let unreal: Vec<_> = named.difference(&real).collect();
    assert!(unreal.is_empty(), "in the manual, and no command: {unreal:?}");
    let (_, table) = MANUAL.split_once("\n## Commands\n").unwrap();
    let table = table.split("\n#").next().unwrap();
    for command in visible {
        assert!(
            table.contains(&format!("| `bundlegen {command}")),
            "`{command}` is not in the table of commands"
        );
    }
}

/// The first cells of the tables of a section.
fn first_cells(section: &str) -> BTreeSet<String> {
    let (_, text) = MANUAL.split_once(&format!("\n{section}\n")).expect(section);
    let rows = text.split("\n#").next().unwrap().lines();
    rows.filter_map(|row| row.strip_prefix("| `")?.split_once('`')).map(|(cell, _)| cell.to_owned()).collect()
}

fn schema(name: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(Path::new("schemas").join(name)).unwrap()).unwrap()
}

fn keys(object: &Value) -> impl Iterator<Item = String> {
    object.as_object().unwrap().keys().cloned()
}

#[test]
fn every_key_of_the_extension_is_there_and_every_one_is_real() {
    let schemas = ["x-bundlegen.json", "x-bundlegen.service.json"].map(schema);
    let real: BTreeSet<String> = schemas.iter().flat_map(|schema| keys(&schema["properties"])).collect();
    assert_eq!(first_cells("### x-bundlegen"), real);
}

#[test]
fn every_key_of_a_message_is_there_and_every_one_is_real() {
    let schema = schema("message.json");
    let named = first_cells("### Messages");
    let formats: BTreeSet<String> = ["human", "short", "json", "--message-format"].map(str::to_owned).into();
    let real: BTreeSet<String> = keys(&schema["properties"]).collect();
    assert_eq!(named.difference(&formats).cloned().collect::<BTreeSet<_>>(), real);
    let (_, messages) = MANUAL.split_once("\n### Messages\n").unwrap();
    for key in keys(&schema["$defs"]["Place"]["properties"]) {
        assert!(messages.split("\n###").next().unwrap().contains(&format!("`{key}`")), "{key}");
    }
}

/// Words that begin like annotations of ours, in a text.
fn annotations(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    let found = text.match_indices("io.bundlegen.").map(|(at, _)| {
        let rest = &text[at..];
        rest[..rest.find(|c| !is_part(c)).unwrap_or(rest.len())].trim_end_matches('.').to_owned()
    });
    found.filter(|key| key != "io.bundlegen").collect()
}

/// The annotations of the bundles that are expected of builds, and the keys of their networks.
fn written() -> BTreeSet<String> {
    let files = WalkDir::new("testdata/golden").into_iter().map(Result::unwrap);
    let is_ours = |path: &Path| {
        path.ends_with("config.json") || path.extension().is_some_and(|extension| extension == "conflist")
    };
    let ours = files.filter(|entry| is_ours(entry.path()));
    ours.flat_map(|entry| annotations(&fs::read_to_string(entry.path()).unwrap())).collect()
}

#[test]
fn every_annotation_is_there_and_every_one_is_real() {
    let (named, written) = (annotations(MANUAL), written());
    assert!(written.len() > 20, "only {} were found", written.len());
    let missing: Vec<_> = written.difference(&named).collect();
    assert!(missing.is_empty(), "not in the manual: {missing:?}");
    let unreal: Vec<_> = named.difference(&written).collect();
    assert!(unreal.is_empty(), "in the manual, and in no bundle: {unreal:?}");
}

#[test]
fn every_variable_of_ours_is_there_and_every_one_is_real() {
    let ours = |text: &str| {
        let words = text.split(|c: char| !c.is_ascii_uppercase() && c != '_');
        words.filter(|word| word.starts_with("BUNDLEGEN_")).map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let sources = WalkDir::new("src/cli").into_iter().map(Result::unwrap);
    let sources = sources.filter(|entry| entry.file_type().is_file());
    let real = sources.flat_map(|entry| ours(&fs::read_to_string(entry.path()).unwrap()));
    assert_eq!(ours(MANUAL), real.collect());
}

/// The anchor of a heading, as GitHub makes it.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

#[test]
fn links_within_lead_somewhere() {
    let headings =
        MANUAL.lines().filter_map(|line| line.strip_prefix('#')).map(|line| line.trim_start_matches('#'));
    let anchors: BTreeSet<String> = headings.map(|heading| anchor(heading.trim())).collect();
    let links = MANUAL.split("](#").skip(1).map(|rest| rest.split(')').next().unwrap());
    let lost: BTreeSet<&str> = links.filter(|link| !anchors.contains(*link)).collect();
    assert!(lost.is_empty(), "{lost:?}");
}
