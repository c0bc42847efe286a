//! The name of a project, as Compose finds it.

use std::borrow::Cow;

use super::{Environment, Request};
use crate::diag::{Code, Diagnostics, Reported};
use crate::yaml::template::Lookup;
use crate::yaml::{Giver, Interpolation, Node, Uses, Value, interpolate};

/// `-p`, then `COMPOSE_PROJECT_NAME`, then `name` in the file, then the name of the project directory. The first
/// two must be as they should; the others are lower-cased and stripped of what a name cannot hold.
///
/// No byte of the output depends on it so far; it is checked all the same, and `${COMPOSE_PROJECT_NAME}` has it.
pub(super) fn project_name(
    d: &mut Diagnostics,
    request: &Request,
    documents: &[Node],
) -> Result<String, Reported> {
    let environment = &request.environment;
    let given = request.project_name.as_deref().map(|name| ("-p", name.to_owned()));
    let given = given
        .or_else(|| Some(("COMPOSE_PROJECT_NAME", environment.get("COMPOSE_PROJECT_NAME")?.to_string())));
    if let Some((source, name)) = given.filter(|(_, name)| !name.is_empty()) {
        return if normalised(&name) == name {
            Ok(name)
        } else {
            let message = format!("`{name}` is no name for a project ({source})");
            Err(d.error(Code::Name, message).help(NAME_RULE).emit())
        };
    }
    // The last file that says anything counts.
    let says = |name: &&Node| !name.is_null() && name.as_str() != Some("");
    let written = documents.iter().rev().find_map(|document| document.get("name").filter(says));
    let written = written.map(|node| {
        let how = Interpolation { variables: environment, unset: request.unset };
        interpolate(d, node, how, &mut Uses::default())
    });
    let name = match written.as_ref().map(|node| &node.value) {
        Some(Value::Scalar(scalar)) => normalised(&scalar.text),
        Some(Value::Broken(reported)) => return Err(*reported),
        _ => normalised(request.directory_name.as_deref().unwrap_or_default()),
    };
    if !name.is_empty() {
        return Ok(name);
    }
    let draft = d.error(Code::Name, "the project has no name");
    let draft = match &written {
        Some(written) => draft.label(written.span, "nothing is left of this"),
        None => draft,
    };
    Err(draft.help(format!("write `name:` in the file, or give `-p NAME`; {NAME_RULE}")).emit())
}

/// An environment in which the project has a name.
pub struct WithName<'a> {
    /// The variables.
    pub environment: &'a Environment,
    /// What `COMPOSE_PROJECT_NAME` is.
    pub name: &'a str,
}

impl Lookup for WithName<'_> {
    fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        if name == "COMPOSE_PROJECT_NAME" {
            Some(Cow::Borrowed(self.name))
        } else {
            self.environment.get(name)
        }
    }

    fn giver(&self, name: &str) -> Giver {
        if name == "COMPOSE_PROJECT_NAME" { Giver::Project } else { self.environment.giver(name) }
    }
}

const NAME_RULE: &str =
    "a name has lower-case letters, digits, `-` and `_`, and begins with a letter or a digit";

fn normalised(name: &str) -> String {
    let allowed = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    let name: String = name.to_lowercase().chars().filter(allowed).collect();
    name.trim_start_matches(['-', '_']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_stripped_to_what_compose_allows() {
        let table = [
            ("My.Project", "myproject"),
            ("_-a b", "ab"),
            ("web-1_x", "web-1_x"),
            ("Ünïcode", "ncode"),
            ("--", ""),
        ];
        for (text, want) in table {
            assert_eq!(normalised(text), want);
        }
    }
}
