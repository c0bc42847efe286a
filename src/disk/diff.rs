//! A plan as text, for `check`.

use std::fmt::Write as _;
use std::path::Path;

use similar::TextDiff;

use super::{Change, Plan};
use crate::bundle::sums;
use crate::bundle::tree::{Entry, RelPath};
use crate::printable::printable;

/// The most lines of one file's difference that are shown.
const MAX_LINES: usize = 40;

/// The most characters of a line that are shown.
const MAX_WIDTH: usize = 200;

/// The longest texts that are compared line by line, in lines: the time grows with the square of what differs.
const MAX_TEXT: usize = 10_000;

/// One line for each path that would change, and what changes in it where both sides are text.
pub fn diff(plan: &Plan) -> String {
    let mut out = String::new();
    let alone = plan.changes().count() == 1;
    for (path, change) in plan.changes() {
        let name = shortened(&plan.dir.join(path).display().to_string());
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{name}: {change}");
        // The list follows from the other files: it is worth showing only where nothing else differs.
        if matches!(change, Change::Differs(_)) && (alone || path != Path::new(sums::NAME)) {
            match texts(plan, path) {
                Some((old, new)) => out.push_str(&lines(&name, old, new)),
                None => out.push_str("(not shown: not text, or too long)\n"),
            }
        }
    }
    out
}

fn texts<'p>(plan: &'p Plan, path: &Path) -> Option<(&'p str, &'p str)> {
    let old = plan.old.get(path).and_then(|old| std::str::from_utf8(old).ok())?;
    let Entry::File { bytes, .. } = plan.want.get(&RelPath::parse(path.to_str()?).ok()?)? else {
        return None;
    };
    let new = std::str::from_utf8(bytes).ok()?;
    [old, new].iter().all(|text| text.lines().count() <= MAX_TEXT).then_some((old, new))
}

fn lines(name: &str, old: &str, new: &str) -> String {
    let diff = TextDiff::from_lines(old, new);
    let diff = diff
        .unified_diff()
        .context_radius(3)
        .header(&format!("{name} (on disk)"), &format!("{name} (wanted)"))
        .to_string();
    let mut out = String::new();
    for line in diff.lines().take(MAX_LINES) {
        let _ = writeln!(out, "{}", shortened(line));
    }
    match diff.lines().count().saturating_sub(MAX_LINES) {
        0 => {}
        more => {
            let _ = writeln!(out, "… {more} more lines");
        }
    }
    out
}

/// A file on disk may come from a stranger: what it says must not reach a terminal as commands.
fn shortened(line: &str) -> String {
    match line.char_indices().nth(MAX_WIDTH) {
        Some((at, _)) => format!("{}…", printable(line.get(..at).unwrap_or(""))),
        None => printable(line).into_owned(),
    }
}
