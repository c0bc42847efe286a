//! What shells are told to complete.
#![allow(clippy::disallowed_methods, clippy::print_stderr, clippy::unwrap_used, reason = "tests run shells")]

use std::fs;
use std::process::Command;

use bundlegen::cli::Cli;
use clap::CommandFactory as _;

const SHELLS: [&str; 5] = ["bash", "elvish", "fish", "powershell", "zsh"];

fn script(shell: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_bundlegen")).args(["completions", shell]).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{shell}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_command_and_option_is_completed() {
    for shell in SHELLS {
        let script = script(shell);
        for command in Cli::command().get_subcommands() {
            let name = command.get_name();
            if command.is_hide_set() {
                let about = command.get_about().unwrap().to_string();
                assert!(
                    !script.contains(&about) && !script.contains(&format!("bundlegen,{name}")),
                    "{shell}"
                );
                continue;
            }
            let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-';
            assert!(script.split(|c| !is_part(c)).any(|word| word == name), "{shell}: {name}");
            let options = command.get_arguments().filter_map(|option| option.get_long());
            for option in options {
                assert!(script.contains(option), "{shell}: {name} --{option}");
            }
        }
    }
}

/// Shells that are not installed are left out.
#[test]
fn shells_can_read_their_scripts() {
    let scratch = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let path = scratch.path().join(shell);
        fs::write(&path, script(shell)).unwrap();
        match Command::new(shell).arg("-n").arg(&path).output() {
            Ok(output) => {
                assert!(output.status.success(), "{shell}: {}", String::from_utf8_lossy(&output.stderr));
            }
            Err(_) => eprintln!("skipped: {shell} is not installed"),
        }
    }
}

/// What bash offers for a line whose last word is not complete.
fn offered(line: &str) -> Vec<String> {
    let script = script("bash");
    let last = line.split(' ').count() - 1;
    let ask = format!(
        "{script}\nCOMP_WORDS=({line})\nCOMP_CWORD={last}\n\
         _bundlegen bundlegen \"${{COMP_WORDS[{last}]}}\" \"${{COMP_WORDS[{last}-1]}}\"\n\
         printf '%s\\n' \"${{COMPREPLY[@]}}\"\n"
    );
    let output = Command::new("bash").args(["--norc", "-c", &ask]).output().unwrap();
    let offered = String::from_utf8(output.stdout).unwrap();
    offered.lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_options_and_values() {
    assert_eq!(offered("bundlegen loc"), ["lock"]);
    assert_eq!(offered("bundlegen hoo"), [""]);
    assert_eq!(offered("bundlegen build --cgroup"), ["--cgroup-manager"]);
    assert_eq!(offered("bundlegen config --format j"), ["json"]);
    assert_eq!(offered("bundlegen check --message-format s"), ["short"]);
    assert_eq!(offered("bundlegen store ver"), ["verify"]);
    assert_eq!(offered("bundlegen completions p"), ["powershell"]);
}
