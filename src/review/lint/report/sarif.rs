//! Findings as SARIF 2.1.0, which code hosts and editors read.
//!
//! <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>, and what GitHub reads of it:
//! <https://docs.github.com/en/code-security/reference/code-scanning/sarif-files/sarif-support-for-code-scanning>.

use serde_json::{Value, json};
use std::fmt::Write as _;

use super::{Location, Report, Row, listed};
use crate::image::Digest;
use crate::review::lint::{Elsewhere, RULES, Rule, Severity};

/// Where the schema is.
const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// All findings, those that are allowed as suppressed ones.
pub fn sarif(report: &Report) -> String {
    let driver = json!({
        "name": "bundlegen",
        "semanticVersion": env!("CARGO_PKG_VERSION"),
        "rules": RULES.iter().map(rule).collect::<Vec<_>>(),
    });
    let run = json!({
        "tool": { "driver": driver },
        "columnKind": "unicodeCodePoints",
        "results": [],
    });
    let log = json!({ "$schema": SCHEMA, "version": "2.1.0", "runs": [run] });
    listed::text(&log, "/runs/0/results", report.rows.iter().map(result))
}

fn rule(rule: &Rule) -> Value {
    let text = |text: &str| json!({ "text": sentence(text) });
    json!({
        "id": rule.name.as_str(),
        "shortDescription": text(rule.title),
        "fullDescription": text(rule.title),
        "help": text(rule.help),
        "defaultConfiguration": { "level": level(rule.severity) },
        "properties": {
            "security-severity": score(rule.severity),
            "tags": tags(&rule.elsewhere),
        },
    })
}

fn tags(elsewhere: &Elsewhere) -> Vec<String> {
    let cis = elsewhere.cis.map(|section| format!("CIS-Docker-{section}"));
    let kics = elsewhere.kics.map(|id| format!("KICS-{id}"));
    let compose_lint = elsewhere.compose_lint.iter().map(ToString::to_string);
    ["security".to_owned()].into_iter().chain(cis).chain(kics).chain(compose_lint).collect()
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low => "note",
    }
}

/// GitHub's bands: critical is over 9, high from 7, medium from 4.
fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "2.0",
    }
}

fn result(row: &Row) -> Value {
    let finding = row.finding;
    let index = RULES.iter().position(|rule| rule.name == finding.rule);
    let mut location = json!({ "physicalLocation": physical(&row.location) });
    if !finding.bundle.is_empty() {
        let whole = format!("{}/config.json#{}", finding.bundle, finding.pointer);
        let name = finding.pointer.rsplit('/').next().filter(|name| !name.is_empty());
        let logical = json!([{ "fullyQualifiedName": whole, "name": name, "kind": "member" }]);
        if let Some(location) = location.as_object_mut() {
            location.insert("logicalLocations".to_owned(), logical);
        }
    }
    let suppressions = finding.allowed.iter();
    let suppressions: Vec<Value> = suppressions
        .map(|reason| json!({ "kind": "inSource", "status": "accepted", "justification": reason }))
        .collect();
    json!({
        "ruleId": finding.rule.as_str(),
        "ruleIndex": index,
        "level": level(finding.severity),
        "message": { "text": sentence(&finding.message) },
        "locations": [location],
        "partialFingerprints": { "bundlegenFinding/v1": fingerprint(row) },
        "suppressions": suppressions,
        "properties": { "severity": finding.severity.as_str(), "origin": row.origin },
    })
}

fn physical(location: &Location) -> Value {
    let region = location.part.map(|part| {
        json!({
            "startLine": part.line,
            "startColumn": part.column,
            "endLine": part.end_line,
            "endColumn": part.end_column,
        })
    });
    json!({ "artifactLocation": { "uri": uri(&location.file) }, "region": region })
}

/// The same for a finding as long as it is the same one, wherever it stands in its file.
fn fingerprint(row: &Row) -> String {
    let finding = row.finding;
    let text = [finding.rule.as_str(), &finding.bundle, &finding.about].join("\0");
    let digest = Digest::sha256(text.as_bytes()).to_string();
    digest.trim_start_matches("sha256:").to_owned()
}

/// A path as a reference of RFC 3986, relative where the path is.
fn uri(path: &str) -> String {
    let start = if path.starts_with('/') { "file://" } else { "" };
    let relative = path.strip_prefix("./").unwrap_or(path);
    let mut uri = start.to_owned();
    for byte in relative.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(byte));
            }
            other => {
                let _infallible = write!(uri, "%{other:02X}");
            }
        }
    }
    uri
}

/// With a capital letter and a full stop, as SARIF wants its messages (section 3.11). What begins with a name stays.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_ascii_uppercase());
    let end = if text.ends_with('.') { "" } else { "." };
    first.into_iter().chain(chars).chain(end.chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_reference() {
        for (path, want) in [
            ("./a/compose.yaml", "a/compose.yaml"),
            ("../x y/ü#?%.yaml", "../x%20y/%C3%BC%23%3F%25.yaml"),
            ("/srv/a.yaml", "file:///srv/a.yaml"),
            ("a:b", "a%3Ab"),
        ] {
            assert_eq!(uri(path), want);
        }
    }
}
