//! What may differ, and why.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::seen::Seen;

/// The list.
pub struct Differences(Vec<Row>);

/// A line `RUNTIME CASE KEY: REASON`. `*` stands for every runtime and every case; at the end of a key, for all that
/// begins with it.
struct Row {
    text: String,
    runtime: String,
    case: String,
    key: String,
    met: AtomicBool,
}

impl Row {
    fn parse(line: &str) -> Option<Row> {
        let (place, reason) = line.split_once(": ")?;
        let mut words = place.splitn(3, ' ');
        let mut word = || words.next().filter(|word| !word.is_empty()).map(str::to_owned);
        let (runtime, case, key) = (word()?, word()?, word()?);
        let text = line.to_owned();
        (!reason.is_empty()).then_some(Row { text, runtime, case, key, met: AtomicBool::new(false) })
    }

    fn speaks_for(&self, runtime: &str, case: &str, key: &str) -> bool {
        let is = |want: &str, this| want == "*" || want == this;
        let same = match self.key.strip_suffix('*') {
            Some(start) => key.starts_with(start),
            None => key == self.key,
        };
        is(&self.runtime, runtime) && is(&self.case, case) && same
    }
}

impl Differences {
    /// Reads the list.
    pub fn read(path: &Path) -> Differences {
        let text = fs::read_to_string(path).unwrap();
        let rows = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let row = |line| Row::parse(line).unwrap_or_else(|| panic!("{}: not a row: {line}", path.display()));
        Differences(rows.map(row).collect())
    }

    /// Every difference of a case that is not in the list.
    pub fn between(&self, runtime: &str, case: &str, theirs: &Seen, ours: &Seen) -> String {
        let mut text = String::new();
        for key in theirs.0.keys().chain(ours.0.keys()).collect::<BTreeSet<_>>() {
            let (theirs, ours) = (theirs.0.get(key), ours.0.get(key));
            if theirs != ours && !self.expects(runtime, case, key) {
                let of = |side: Option<&String>| side.map_or("-", String::as_str).to_owned();
                writeln!(text, "{runtime} {case} {key}").unwrap();
                writeln!(text, "    Docker: {}\n    bundle: {}", of(theirs), of(ours)).unwrap();
            }
        }
        text
    }

    fn expects(&self, runtime: &str, case: &str, key: &str) -> bool {
        let rows = self.0.iter().filter(|row| row.speaks_for(runtime, case, key));
        rows.map(|row| row.met.store(true, Ordering::Relaxed)).count() > 0
    }

    /// The rows that no difference has met.
    pub fn idle(&self) -> Vec<&str> {
        let idle = self.0.iter().filter(|row| !row.met.load(Ordering::Relaxed));
        idle.map(|row| row.text.as_str()).collect()
    }
}
