//! Values of an env file: people keep it out of git, and its values are in `config.json`.

use std::collections::BTreeMap;

use super::{Elsewhere, Found, Rule, RuleName, Severity, Subject};
use crate::printable::printable_line;

pub(super) const RULE: Rule = Rule {
    name: RuleName::EnvFileValue,
    severity: Severity::Low,
    title: "values of an env file are in the bundle",
    help: "see that none of them is a secret; what is one belongs under `secrets`",
    elsewhere: Elsewhere::NOWHERE,
    check,
};

/// So many names are said.
const SHOWN: usize = 5;

/// One finding for each file, whatever is in it. Values that look like secrets have findings of their own.
fn check(subject: &Subject, found: &mut Found) {
    let Some(made) = subject.made else { return };
    let bundle = subject.bundle;
    let mut files: BTreeMap<&str, Vec<(usize, &str)>> = BTreeMap::new();
    for (index, variable) in bundle.list("/process/env").iter().enumerate() {
        let name = variable.as_str().and_then(|variable| variable.split_once('=')).unwrap_or_default().0;
        for file in made.from_env_file(&bundle.name, &format!("/process/env/{index}")) {
            files.entry(file).or_default().push((index, name));
        }
    }
    for (file, variables) in files {
        let Some((first, _)) = variables.first() else { continue };
        let names: Vec<&str> = variables.iter().map(|(_, name)| *name).take(SHOWN).collect();
        let more = variables.len().saturating_sub(names.len());
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        let message = format!(
            "`{}` is copied into `config.json` and so into git: {}{more}",
            printable_line(file),
            names.join(", ")
        );
        found.add(format!("/process/env/{first}"), file, message);
    }
}
