//! A password or a token in the command: it is in git, and every process of the host can read it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Elsewhere, Found, Rule, RuleName, Severity, Subject};
use crate::inspect::texts;
use crate::lower::origin::escaped;
use crate::review::view::secrets::{formed, in_words};

pub(super) const RULE: Rule = Rule {
    name: RuleName::CredentialInCommand,
    severity: Severity::High,
    title: "a secret is in the command",
    help: "make it a secret, and let the program read its file",
    elsewhere: Elsewhere { cis: None, kics: None, compose_lint: &["CL-0020"] },
    check,
};

/// The annotations with commands for whoever supervises the container, and whose they are.
const COMMANDS: [(&str, &str); 3] = [
    ("io.bundlegen.healthcheck", "the health check"),
    ("io.bundlegen.post-start", "`post_start`"),
    ("io.bundlegen.pre-stop", "`pre_stop`"),
];

/// What programs are told on their command line. A value is never shown.
fn check(subject: &Subject, found: &mut Found) {
    let bundle = subject.bundle;
    let args: Vec<&str> = texts(bundle.list("/process/args")).collect();
    report(&args, "the command", |index| format!("/process/args/{index}"), found);
    for (key, whose) in COMMANDS {
        let at = format!("/annotations/{}", escaped(key));
        let texts = all_texts(bundle.annotation(key).unwrap_or_default());
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        report(&texts, whose, |_| at.clone(), found);
    }
}

fn report(args: &[&str], whose: &str, pointer: impl Fn(usize) -> String, found: &mut Found) {
    // A password can follow its option in the next argument, and an argument can be a whole script.
    let words =
        args.iter().enumerate().flat_map(|(at, arg)| arg.split_whitespace().map(move |word| (at, word)));
    let (places, words): (Vec<usize>, Vec<&str>) = words.unzip();
    let mut seen = BTreeSet::new();
    for (word, name, kind) in in_words(&words) {
        let Some(index) = places.get(word).copied() else { continue };
        seen.insert(index);
        let name = if name.is_empty() { String::new() } else { format!(" as `{name}`") };
        let message = format!("{whose} has {kind}{name}, which is in `config.json` and so in git");
        found.add(pointer(index), format!("{whose}{name}"), message);
    }
    // What has blanks in it, such as a private key.
    for (index, arg) in args.iter().enumerate().filter(|(index, _)| !seen.contains(index)) {
        if let Some(kind) = formed(arg) {
            let message = format!("{whose} has {kind}, which is in `config.json` and so in git");
            found.add(pointer(index), whose, message);
        }
    }
}

/// Every text in an annotation with JSON.
fn all_texts(annotation: &str) -> Vec<String> {
    let value: Value = serde_json::from_str(annotation).unwrap_or_default();
    let (mut found, mut open) = (Vec::new(), vec![value]);
    while let Some(value) = open.pop() {
        match value {
            Value::String(text) => found.push(text),
            Value::Array(items) => open.extend(items.into_iter().rev()),
            Value::Object(entries) => open.extend(entries.into_iter().rev().map(|(_, value)| value)),
            _ => {}
        }
    }
    found
}
