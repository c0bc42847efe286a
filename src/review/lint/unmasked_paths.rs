//! Nothing is hidden in `/proc` and `/sys`.

use super::{Elsewhere, Found, Rule, RuleName, Severity, Subject};
use crate::inspect::texts;
use crate::review::view::capabilities::is_privileged;

pub(super) const RULE: Rule = Rule {
    name: RuleName::UnmaskedPaths,
    severity: Severity::Medium,
    title: "the container sees and sets what the kernel keeps for root",
    help: "remove `systempaths=unconfined` from `security_opt`",
    elsewhere: Elsewhere::NOWHERE,
    check,
};

/// Each list with a path that must be in it, whatever else is.
const LISTS: [(&str, &str, &str); 2] = [
    (
        "/linux/maskedPaths",
        "/proc/kcore",
        "nothing is hidden in `/proc` and `/sys`, such as the memory of the kernel",
    ),
    ("/linux/readonlyPaths", "/proc/sys", "the parameters of the kernel in `/proc/sys` can be written to"),
];

fn check(subject: &Subject, found: &mut Found) {
    if is_privileged(subject.bundle) || subject.is_own() {
        return;
    }
    for (list, path, message) in LISTS {
        if texts(subject.bundle.list(list)).all(|listed| listed != path) {
            found.add(list, list.trim_start_matches("/linux/"), message);
        }
    }
}
