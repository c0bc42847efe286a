//! Nobody keeps what the container says: what happened cannot be found out.

use serde_json::Value;

use super::{Elsewhere, Found, Rule, RuleName, Severity, Subject};
use crate::lower::origin::escaped;

pub(super) const RULE: Rule = Rule {
    name: RuleName::LoggingOff,
    severity: Severity::Low,
    title: "nobody keeps what the container says",
    help: "remove `logging: {driver: none}`",
    elsewhere: Elsewhere { cis: None, kics: None, compose_lint: &["CL-0014"] },
    check,
};

fn check(subject: &Subject, found: &mut Found) {
    const KEY: &str = "io.bundlegen.logging";
    let text = subject.bundle.annotation(KEY).unwrap_or_default();
    let logging: Value = serde_json::from_str(text).unwrap_or_default();
    if logging.get("driver").and_then(Value::as_str) == Some("none") {
        found.add(format!("/annotations/{}", escaped(KEY)), "", "what it says is thrown away");
    }
}
