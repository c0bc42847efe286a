//! A password or a token in a variable: it is in git, and everybody who may inspect the container reads it.

use super::{Elsewhere, Found, Rule, RuleName, Severity, Subject};
use crate::review::view::secrets::{formed, is_literal, named};

pub(super) const RULE: Rule = Rule {
    name: RuleName::CredentialInEnvironment,
    severity: Severity::High,
    title: "a secret is in the environment",
    help: "make it a secret: `secrets: [NAME]`, and tell the program the file, as `NAME_FILE` of many images",
    elsewhere: Elsewhere { cis: None, kics: None, compose_lint: &["CL-0020", "CL-0021"] },
    check,
};

/// Its value is never shown.
fn check(subject: &Subject, found: &mut Found) {
    for (index, variable) in subject.bundle.list("/process/env").iter().enumerate() {
        let Some((name, value)) = variable.as_str().and_then(|variable| variable.split_once('=')) else {
            continue;
        };
        let by_name = named(name).filter(|words| is_literal(value) && !is_number(words, value));
        if let Some(words) = by_name.or_else(|| formed(value)) {
            let message = format!("`{name}` holds {words}, which is in `config.json` and so in git");
            found.add(format!("/process/env/{index}"), name, message);
        }
    }
}

/// A number of tokens is no token.
fn is_number(words: &str, value: &str) -> bool {
    words == "a token" && value.len() < 10 && value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}
