//! The changes as Markdown, for a comment on a pull request.
//!
//! What comes from files stands in fences and in code, with nothing in it that could end them: it can be no markup, no
//! link, and mention nobody.

use std::fmt::Write as _;

use super::fold::{Block, blocks};
use super::text::{columns, of_risk, summary, width};
use super::{Diff, Risk, Sign, Subject};
use crate::printable::printable_line;

/// GitHub takes no comment that is longer than 65536 characters.
const LIMIT: usize = 60_000;

/// The changes: a headline, the new findings, and the rest folded by subject.
pub fn markdown(diff: &Diff) -> String {
    let mut out = format!("### Bundles: {}\n", summary(diff));
    let blocks = blocks(diff);
    let risks: Vec<String> = blocks.iter().flat_map(new_risks).collect();
    if !risks.is_empty() {
        out.push('\n');
    }
    let mut left = blocks.len();
    for risk in risks {
        if out.len() + risk.len() > LIMIT / 2 {
            out.push_str("- … and more\n");
            break;
        }
        out.push_str(&risk);
    }
    for block in &blocks {
        let text = of_block(block);
        if out.len() + text.len() > LIMIT {
            let _infallible = writeln!(out, "\n… and {left} more, too long for a comment");
            break;
        }
        left -= 1;
        out.push_str(&text);
    }
    out
}

/// An item for each finding that is new and not allowed.
fn new_risks(block: &Block) -> Vec<String> {
    let new = |risk: &&Risk| risk.sign != Sign::Removed && risk.finding.allowed.is_none();
    let mut risks: Vec<&Risk> = block.section.all_risks().filter(new).collect();
    risks.sort_by_key(|risk| std::cmp::Reverse(risk.finding.severity));
    let item = |risk: &Risk| {
        let finding = &risk.finding;
        let names = code(&block.names.join(", "));
        format!(
            "- **{}** {} in {names}: {}\n",
            finding.severity,
            finding.rule.as_str(),
            code(&finding.message)
        )
    };
    risks.into_iter().map(item).collect()
}

fn of_block(block: &Block) -> String {
    let body = body(block);
    let fence = "`".repeat(longest_run(&body).max(2) + 1);
    let count = block.lines.len();
    let changes = if count == 1 { "1 change".to_owned() } else { format!("{count} changes") };
    let became = match block.section.sign {
        Sign::Added => "new, ",
        Sign::Removed => "gone, ",
        Sign::Changed => "",
    };
    let kind = if matches!(block.section.subject, Subject::Network(_)) { "network " } else { "" };
    let names = html(&block.names.join(", "));
    format!(
        "\n<details><summary>{kind}<code>{names}</code>: {became}{changes}</summary>\n\n{fence}diff\n{body}{fence}\n\n</details>\n"
    )
}

/// The lines as GitHub colours them: `!` is what changed.
fn body(block: &Block) -> String {
    let mut out = String::new();
    let mut group = None;
    for line in &block.lines {
        if group != Some(line.group) {
            group = Some(line.group);
            let _infallible = writeln!(out, "  {}", line.group.as_str());
        }
        let text = columns(line, width(&block.lines, line.group));
        let text = text.strip_prefix('~').map_or(text.clone(), |rest| format!("!{rest}"));
        let _infallible = writeln!(out, "{text}");
    }
    for risk in &block.section.risks {
        let message = printable_line(&risk.finding.message);
        let _infallible = writeln!(out, "{} {message}   [{}]", risk.sign.as_char(), of_risk(risk));
    }
    out
}

/// The longest run of backticks.
fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or_default()
}

/// Text as code in a line.
fn code(text: &str) -> String {
    let text = printable_line(text);
    let fence = "`".repeat(longest_run(&text) + 1);
    format!("{fence} {text} {fence}")
}

/// Text as HTML; an address of a user is none.
fn html(text: &str) -> String {
    let text = printable_line(text);
    let escaped = text.chars().map(|c| match c {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '"' => "&quot;".to_owned(),
        '@' => "&#64;".to_owned(),
        '`' => "&#96;".to_owned(),
        '*' | '_' | '[' | ']' | '#' | ':' | '\\' | '~' | '!' | '|' => format!("&#{};", u32::from(c)),
        c => c.to_string(),
    });
    escaped.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_its_code() {
        assert_eq!(code("a"), "` a `");
        assert_eq!(code("a``b`"), "``` a``b` ```");
        assert_eq!(code("a\nb"), r"` a\nb `");
        assert_eq!(html("<b>@x</b>"), "&lt;b&gt;&#64;x&lt;/b&gt;");
    }
}
