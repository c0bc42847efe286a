//! What may differ, and why.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::seen::{REFUSED, Seen};

/// The list.
pub struct Differences(Vec<Row>);

/// A line `RUNTIME CASE KEY: REASON` or `RUNTIME CASE KEY = OURS: REASON`. `*` stands for every runtime and every case; at
/// the end of a key, for all that begins with it. Of what is seen with a bundle, `-` is nothing. A `?` before it all says
/// that only some hosts show the difference.
struct Row {
    text: String,
    runtime: String,
    case: String,
    key: String,
    ours: Option<String>,
    of_host: bool,
    met: AtomicBool,
}

impl Row {
    fn parse(line: &str) -> Option<Row> {
        let (row, of_host) = line.strip_prefix("? ").map_or((line, false), |row| (row, true));
        let (place, reason) = row.split_once(": ")?;
        let (place, ours) = match place.split_once(" = ") {
            Some((place, ours)) => (place, Some(ours.to_owned())),
            None => (place, None),
        };
        let mut words = place.splitn(3, ' ');
        let mut word = || words.next().filter(|word| !word.is_empty()).map(str::to_owned);
        let (runtime, case, key) = (word()?, word()?, word()?);
        let text = line.to_owned();
        (!reason.is_empty()).then_some(Row {
            text,
            runtime,
            case,
            key,
            ours,
            of_host,
            met: AtomicBool::new(false),
        })
    }

    fn speaks_for(&self, runtime: &str, case: &str, key: &str, ours: &str) -> bool {
        let is = |want: &str, this| want == "*" || want == this;
        let same = match self.key.strip_suffix('*') {
            Some(start) => key.starts_with(start),
            None => key == self.key,
        };
        is(&self.runtime, runtime)
            && is(&self.case, case)
            && same
            && self.ours.as_ref().is_none_or(|want| want == ours)
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
        let mut keys: BTreeSet<_> = theirs.0.keys().chain(ours.0.keys()).collect();
        if theirs.0.contains_key(REFUSED) || ours.0.contains_key(REFUSED) {
            // Nothing else can be the same.
            keys.retain(|key| *key == REFUSED);
        }
        for key in keys {
            let of = |side: &Seen| side.0.get(key).map_or("-", String::as_str).to_owned();
            let (theirs, ours) = (of(theirs), of(ours));
            if theirs != ours && !self.expects(runtime, case, key, &ours) {
                writeln!(text, "{runtime} {case} {key}\n    Docker: {theirs}\n    bundle: {ours}").unwrap();
            }
        }
        text
    }

    fn expects(&self, runtime: &str, case: &str, key: &str, ours: &str) -> bool {
        let rows = self.0.iter().filter(|row| row.speaks_for(runtime, case, key, ours));
        rows.map(|row| row.met.store(true, Ordering::Relaxed)).count() > 0
    }

    /// The rows that no difference has met.
    pub fn idle(&self) -> Vec<&str> {
        let idle = self.0.iter().filter(|row| !row.of_host && !row.met.load(Ordering::Relaxed));
        idle.map(|row| row.text.as_str()).collect()
    }
}
