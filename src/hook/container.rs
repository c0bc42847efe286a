//! Which container is meant: its project, its bundle, and the id that its runtime knows it by.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Error;
use super::argv::Arguments;
use super::state::State;

/// The longest name of a file.
const LONGEST: usize = 255;

/// What plugins append to the id in names of files of their own, such as `tuning`: `_INTERFACE.json`.
const OF_PLUGINS: usize = 21;

/// A container. The id alone does not name it: runtimes, and state directories of one runtime, know nothing of each
/// other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    pub project: String,
    pub bundle: String,
    pub id: String,
}

impl Container {
    pub fn new(arguments: &Arguments, state: &State) -> Result<Self, Error> {
        let container = Container {
            project: component("project", &arguments.project)?,
            bundle: component("bundle", &arguments.bundle)?,
            id: component("container", &state.id)?,
        };
        if container.file().len() > LONGEST || container.cni_id().len() + OF_PLUGINS > LONGEST {
            let reason = "is too long, together with the names of its project and bundle";
            return Err(Error::Name { what: "container", name: container.id, reason });
        }
        Ok(container)
    }

    /// The name of its record. No part of it has a colon but the last one.
    pub fn file(&self) -> String {
        format!("{}:{}:{}.json", self.project, self.bundle, self.id)
    }

    /// The id that plugins know it by, which is another one for every container. Those have fewer characters than ids
    /// of containers ([CNI 1.0.0](https://www.cni.dev/docs/spec/#parameters)).
    pub fn cni_id(&self) -> String {
        let Container { project, bundle, id } = self;
        let plain = format!("{project}.{bundle}.{id}");
        let is_legal = plain.starts_with(|c: char| c.is_ascii_alphanumeric())
            && plain.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
        if is_legal && !project.contains('.') && !bundle.contains('.') {
            return plain;
        }
        let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
        format!("x{}.{}-{}", hex(project), hex(bundle), hex(id))
    }

    pub fn is_of_bundle(&self, other: &Container) -> bool {
        (&self.project, &self.bundle) == (&other.project, &other.bundle)
    }
}

impl fmt::Display for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Container { project, bundle, id } = self;
        write!(f, "container `{id}` (bundle `{bundle}` of project `{project}`)")
    }
}

/// A name that becomes that of a file or a directory.
pub(super) fn component(what: &'static str, name: &str) -> Result<String, Error> {
    let reason = match name {
        "" => "is empty",
        _ if name.starts_with('.') => "starts with a dot",
        _ if name.len() > LONGEST => "is too long",
        _ if name.contains(|c: char| c.is_control() || c == '/') => {
            "has a character that no name of a file has"
        }
        _ if name.contains(':') && what != "container" => "has a colon",
        _ => return Ok(name.to_owned()),
    };
    Err(Error::Name { what, name: name.chars().take(LONGEST).collect(), reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(project: &str, bundle: &str, id: &str) -> Container {
        Container { project: project.to_owned(), bundle: bundle.to_owned(), id: id.to_owned() }
    }

    #[test]
    fn ids_are_fit_for_plugins() {
        assert_eq!(container("shop", "web", "web-1").cni_id(), "shop.web.web-1");
        assert_eq!(container("shop", "web", "a+b").cni_id(), "x73686f70.776562-612b62");
        let (one, other) = (container("p", "a.b", "c"), container("p", "a", "b.c"));
        assert_ne!(one.cni_id(), other.cni_id());
        assert_eq!(container("p", "a", "x:y").file(), "p:a:x:y.json");
    }

    #[test]
    fn names_that_plugins_cannot_write_are_refused() {
        let made = |length: usize| {
            let arguments = Arguments::parse(["--project=p", "--bundle=b"].map(str::to_owned)).unwrap();
            Container::new(&arguments, &State { id: "a".repeat(length), pid: 1 }).is_ok()
        };
        assert_eq!([made(230), made(231)], [true, false]);
    }

    #[test]
    fn names_stay_in_their_directory() {
        for name in ["", ".", "..", "a/b", ".containers", "a\nb", "a\0b"] {
            assert!(component("container", name).is_err(), "{name:?}");
        }
        assert!(component("project", "a:b").is_err());
        assert_eq!(component("container", "a:b").unwrap(), "a:b");
    }
}
