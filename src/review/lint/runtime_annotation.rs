//! An annotation that makes the runtime do things: start a handler, write a file, load a module.

use super::{Elsewhere, Found, Rule, RuleName, Severity, Subject};
use crate::lower::annotations::is_for_runtime;
use crate::lower::origin::escaped;

pub(super) const RULE: Rule = Rule {
    name: RuleName::RuntimeAnnotation,
    severity: Severity::Medium,
    title: "an annotation steers the runtime",
    help: "remove it unless you know what the runtime does about it",
    elsewhere: Elsewhere::NOWHERE,
    check,
};

fn check(subject: &Subject, found: &mut Found) {
    for (key, _) in subject.bundle.map("/annotations").filter(|(key, _)| is_for_runtime(key)) {
        let message =
            format!("`{key}` tells the runtime to do something that no field of `config.json` says");
        found.add(format!("/annotations/{}", escaped(key)), key.as_str(), message);
    }
}
