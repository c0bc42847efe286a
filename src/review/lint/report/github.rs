//! Findings as the commands that a workflow on GitHub prints, so that they stand beside the lines of a change.
//!
//! A command is a line. How texts are written in one: `packages/core/src/command.ts` of `actions/toolkit`.

use super::{Report, Row};
use crate::review::lint::Severity;

/// A command for each finding that nobody has allowed.
pub fn github(report: &Report) -> String {
    report.rows.iter().filter(|row| row.finding.allowed.is_none()).map(command).collect()
}

fn command(row: &Row) -> String {
    let finding = row.finding;
    let mut properties = vec![("file", row.location.file.clone())];
    if let Some(part) = row.location.part {
        properties.push(("line", part.line.to_string()));
        // Columns of several lines are refused.
        if part.end_line == part.line {
            properties.push(("col", part.column.to_string()));
            properties.push(("endColumn", part.end_column.to_string()));
        }
    }
    properties.push(("title", format!("{} ({})", finding.rule, finding.severity)));
    let properties: Vec<String> =
        properties.into_iter().map(|(name, value)| format!("{name}={}", property(&value))).collect();
    let place = if finding.bundle.is_empty() { String::new() } else { format!("{}: ", finding.bundle) };
    let message = format!("{place}{}\n{}", finding.message, row.rule.help);
    format!("::{} {}::{}\n", level(finding.severity), properties.join(","), data(&message))
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low => "notice",
    }
}

/// A text that ends the line.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A value between commas.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_ends_its_command() {
        assert_eq!(data("50% a\r\n::error::b"), "50%25 a%0D%0A::error::b");
        assert_eq!(property("a,b:c\n%2C"), "a%2Cb%3Ac%0A%252C");
    }
}
