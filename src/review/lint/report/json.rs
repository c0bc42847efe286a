//! Findings as JSON. The manual says what each key means; keys are added, and none is taken away.

use serde_json::{Map, Value, json};

use super::{Report, Row, listed};

/// The version of the format.
const VERSION: u32 = 1;

/// All findings, those that are allowed too.
pub fn json(report: &Report) -> String {
    let mut counts: Map<String, Value> =
        report.counts().into_iter().map(|(severity, count)| (severity.to_string(), count.into())).collect();
    counts.insert("allowed".to_owned(), report.allowed().into());
    counts.insert("denied".to_owned(), report.denied().into());
    let all = json!({ "version": VERSION, "counts": counts, "findings": [] });
    listed::text(&all, "/findings", report.rows.iter().map(finding))
}

/// What is not known has no key.
fn finding(row: &Row) -> Value {
    let finding = row.finding;
    let part = row.location.part;
    json!({
        "rule": finding.rule.as_str(),
        "severity": finding.severity.as_str(),
        "bundle": finding.bundle,
        "service": row.service,
        "pointer": finding.pointer,
        "about": finding.about,
        "message": finding.message,
        "help": row.rule.help,
        "file": row.location.file,
        "line": part.map(|part| part.line),
        "column": part.map(|part| part.column),
        "end_line": part.map(|part| part.end_line),
        "end_column": part.map(|part| part.end_column),
        "origin": row.origin,
        "allowed": finding.allowed,
        "denied": row.denied,
    })
}
