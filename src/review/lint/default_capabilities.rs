//! Docker's default capabilities: a program that needs none of them has them all the same.

use super::{Elsewhere, Found, Rule, RuleName, Severity, Subject};
use crate::lower::capabilities::DEFAULT;
use crate::review::view::capabilities::{BOUNDING, are_in_reach, has_nearly_all, is_privileged, listed};

pub(super) const RULE: Rule = Rule {
    name: RuleName::DefaultCapabilities,
    severity: Severity::Low,
    title: "capabilities are there that nobody asked for",
    help: "write `cap_drop: [ALL]`, and under `cap_add` what the program needs",
    elsewhere: Elsewhere { cis: Some("5.4"), kics: Some("ce76b7d0"), compose_lint: &["CL-0006"] },
    check,
};

/// Who keeps more than this many of them has not chosen.
const CHOSEN: usize = 7;

/// A user that gains no privileges has none of them, whatever the bounding set says.
fn check(subject: &Subject, found: &mut Found) {
    let bundle = subject.bundle;
    if is_privileged(bundle) || has_nearly_all(bundle) || !are_in_reach(bundle) {
        return;
    }
    // Nobody has looked into the image that may say who runs it.
    let gains = bundle.at("/process/noNewPrivileges") != Some(&true.into());
    if !subject.knows_user() && !gains {
        return;
    }
    let count = listed(bundle, "bounding").filter(|(_, capability)| DEFAULT.contains(capability)).count();
    if count > CHOSEN {
        let message = format!("it has {count} capabilities by default, of which most programs need none");
        found.add(BOUNDING, "", message);
    }
}
