//! What the manual says of a repository works: its commands, its workflow, and the hooks for pre-commit.
#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "tests make their inputs"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_yaml::Value;
use tempfile::TempDir;

const MANUAL: &str = include_str!("../man/manual.md");
const HOOKS: &str = include_str!("../.pre-commit-hooks.yaml");

const COMPOSE: &str = "\
name: shop
services:
  web:
    x-bundlegen: {rootfs: ./root}
    network_mode: none
    command: [sleep, '60']
";

/// A repository with a project in it, and the branch `main` of its origin.
struct Repository(TempDir);

impl Repository {
    fn new() -> Self {
        let it = Repository(tempfile::tempdir().unwrap());
        fs::create_dir_all(it.path().join("root/bin")).unwrap();
        fs::write(it.path().join("root/bin/sleep"), "").unwrap();
        it.write("compose.yaml", COMPOSE);
        it.write(".gitattributes", &blocks("### Attributes of files", "gitattributes")[0]);
        it.succeeds("bundlegen build");
        it.succeeds("git init -q && git add . && git commit -qm one");
        it.succeeds("git update-ref refs/remotes/origin/main HEAD");
        it
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, path: &str, text: &str) {
        fs::write(self.path().join(path), text).unwrap();
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path().join(path)).unwrap()
    }

    /// Has a shell run a line.
    fn run(&self, line: &str) -> Output {
        let programs = PathBuf::from(env!("CARGO_BIN_EXE_bundlegen"));
        let path = std::env::var("PATH").unwrap();
        let mut shell = Command::new("sh");
        shell.args(["-ec", line]).current_dir(self.path());
        shell.env("PATH", format!("{}:{path}", programs.parent().unwrap().display()));
        shell.env("HOME", self.path().join("root")).env("GIT_CONFIG_NOSYSTEM", "1");
        for who in ["AUTHOR", "COMMITTER"] {
            shell.env(format!("GIT_{who}_NAME"), "me").env(format!("GIT_{who}_EMAIL"), "me@example.com");
        }
        shell.env("GITHUB_BASE_REF", "main").env("GITHUB_STEP_SUMMARY", self.path().join("summary.md"));
        shell.output().unwrap()
    }

    #[track_caller]
    fn succeeds(&self, line: &str) -> String {
        let output = self.run(line);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line}: {said}{}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8(output.stdout).unwrap()
    }

    /// A change that is no risk.
    fn change(&self) {
        self.write(
            "compose.yaml",
            &COMPOSE.replace("    command", "    environment: {MODE: fast}\n    command"),
        );
        self.succeeds("bundlegen build && git commit -qam two");
    }
}

/// The blocks of code of one language in a section of the manual.
fn blocks(section: &str, language: &str) -> Vec<String> {
    let (_, text) = MANUAL.split_once(&format!("\n{section}\n")).unwrap();
    let text = text.split("\n### ").next().unwrap().split("\n## ").next().unwrap();
    let fence = format!("```{language}\n");
    let found = text.split(&*fence).skip(1);
    found.map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn attributes_show_changes_in_words() {
    let repository = Repository::new();
    repository.succeeds(&blocks("### Attributes of files", "sh")[0]);
    repository.change();
    let attributes =
        repository.succeeds("git check-attr text diff -- bundles/web/config.json bundles/SHA256SUMS");
    let want = "\
bundles/web/config.json: text: unset
bundles/web/config.json: diff: bundlegen
bundles/SHA256SUMS: text: unset
bundles/SHA256SUMS: diff: unspecified
";
    assert_eq!(attributes, want);
    let shown = repository.succeeds("git --no-pager diff HEAD~1 -- bundles/web/config.json");
    assert!(shown.contains("MODE") && !shown.contains("@@"), "{shown}");
}

#[test]
fn a_shell_in_ci_reviews_a_change() {
    let repository = Repository::new();
    repository.change();
    let [commands] = &blocks("### In CI", "sh")[..] else { panic!("one block") };
    repository.succeeds(commands);
    assert!(repository.read("changes.md").contains("MODE"), "{}", repository.read("changes.md"));
    repository.write("compose.yaml", COMPOSE);
    assert_eq!(repository.run(commands).status.code(), Some(1), "the bundles are not built anew");
}

/// The steps that are ours run as they stand.
#[test]
fn a_workflow_reviews_a_change() {
    let repository = Repository::new();
    repository.change();
    let [workflow] = &blocks("### In CI", "yaml")[..] else { panic!("one block") };
    let workflow: Value = serde_yaml::from_str(workflow).unwrap();
    let steps = workflow["jobs"]["bundles"]["steps"].as_sequence().unwrap();
    let lines = steps.iter().filter_map(|step| step["run"].as_str());
    let (ours, theirs): (Vec<_>, Vec<_>) =
        lines.partition(|line| line.starts_with("bundlegen ") || line.starts_with("cat "));
    assert_eq!((ours.len(), theirs.len()), (4, 2));
    for line in ours {
        repository.succeeds(line);
    }
    assert!(repository.read("summary.md").contains("MODE"));
    let sarif: serde_json::Value = serde_json::from_str(&repository.read("bundlegen.sarif")).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
}

#[test]
fn hooks_for_pre_commit_find_what_they_are_for() {
    let repository = Repository::new();
    let hooks: Value = serde_yaml::from_str(HOOKS).unwrap();
    let words_of = |id: &str, args: Option<&Value>| {
        let hook = hooks.as_sequence().unwrap().iter().find(|hook| hook["id"] == *id).unwrap();
        assert_eq!(
            (hook["language"].as_str(), hook["pass_filenames"].as_bool()),
            (Some("rust"), Some(false))
        );
        let args = args.or(hook.get("args")).and_then(Value::as_sequence).into_iter().flatten();
        let words = args.map(|word| word.as_str().unwrap()).collect::<Vec<_>>().join(" ");
        format!("{} {words}", hook["entry"].as_str().unwrap())
    };
    let (check, lint) = (words_of("bundlegen-check", None), words_of("bundlegen-lint", None));
    repository.succeeds(&check);
    repository.succeeds(&lint);

    repository.write("compose.yaml", &COMPOSE.replace("    command", "    privileged: true\n    command"));
    assert_eq!(repository.run(&check).status.code(), Some(1));
    assert_eq!(repository.run(&lint).status.code(), Some(1));

    // What the manual has somebody write is what there is.
    let wanted: Value = serde_yaml::from_str(&blocks("### Before a commit", "yaml")[0]).unwrap();
    repository.write("compose.yaml", COMPOSE);
    for hook in wanted["repos"][0]["hooks"].as_sequence().unwrap() {
        repository.succeeds(&words_of(hook["id"].as_str().unwrap(), hook.get("args")));
    }
}

#[test]
fn newer_images_and_editors_are_a_command_away() {
    let repository = Repository::new();
    for section in ["### Newer images", "### In an editor", "### In a shell"] {
        for commands in blocks(section, "sh") {
            repository.succeeds(&commands);
        }
    }
    let schema: serde_json::Value = serde_json::from_str(&repository.read("compose.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    assert!(validator.is_valid(&serde_yaml::from_str(COMPOSE).unwrap()));
    let script = repository.read("root/.local/share/bash-completion/completions/bundlegen");
    assert!(script.contains("complete -F _bundlegen"));

    let renovate: serde_json::Value = serde_json::from_str(&blocks("### Newer images", "json")[0]).unwrap();
    for command in renovate["postUpgradeTasks"]["commands"].as_array().unwrap() {
        repository.succeeds(command.as_str().unwrap());
    }
}
