//! The changes as JSON, for programs. The manual says what each key means.

use serde_json::{Value, json};

use super::{Change, Diff, Risk, Section, Subject};
use crate::review::place::Place;

/// The changes, with nothing left out or folded.
pub fn json(diff: &Diff) -> Value {
    json!({ "version": 1, "sections": diff.sections.iter().map(of_section).collect::<Vec<_>>() })
}

fn of_section(section: &Section) -> Value {
    let (kind, name) = match &section.subject {
        Subject::Bundle(name) => ("bundle", name),
        Subject::Network(name) => ("network", name),
    };
    json!({
        kind: name,
        "sign": section.sign.as_str(),
        "changes": section.changes.iter().map(of_change).collect::<Vec<_>>(),
        "findings": section.risks.iter().map(of_risk).collect::<Vec<_>>(),
    })
}

fn of_change(change: &Change) -> Value {
    let [before, after] = &change.pointers;
    json!({
        "group": change.group.as_str(),
        "sign": change.sign.as_str(),
        "kind": change.kind,
        "name": change.name,
        "before": change.before,
        "after": change.after,
        "pointers": { "before": before, "after": after },
        "place": change.place.as_ref().map(of_place),
        "usual": change.usual,
        "findings": change.risks.iter().map(of_risk).collect::<Vec<_>>(),
    })
}

fn of_place(place: &Place) -> Value {
    match place {
        Place::File { file, line, column, .. } => {
            json!({ "file": file, "line": line, "column": column, "text": place.to_string() })
        }
        Place::Other(_) => json!({ "text": place.to_string() }),
    }
}

fn of_risk(risk: &Risk) -> Value {
    json!({
        "sign": risk.sign.as_str(),
        "rule": risk.finding.rule.as_str(),
        "severity": risk.finding.severity.as_str(),
        "pointer": risk.finding.pointer,
        "about": risk.finding.about,
        "message": risk.finding.message,
        "allowed": risk.finding.allowed,
    })
}
