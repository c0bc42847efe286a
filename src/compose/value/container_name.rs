//! `container_name`: the name that a container is known by on its host.

use std::fmt;
use std::str::FromStr;

use crate::diag::Invalid;

/// A name that Docker takes for a container (`RestrictedNamePattern` of moby's `daemon/names`). Runtimes take it as an
/// id too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerName(String);

impl ContainerName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ContainerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Runtimes make a directory of that name.
const MAX: usize = 255;

impl FromStr for ContainerName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let help = "a name begins with a letter or digit and goes on with letters, digits, `_`, `.` or `-`";
        let allowed =
            |(at, c): &(usize, char)| c.is_ascii_alphanumeric() || (*at > 0 && matches!(c, '_' | '.' | '-'));
        if let Some((at, c)) = text.char_indices().find(|place| !allowed(place)) {
            let message = format!("`{}` cannot stand here in the name of a container", c.escape_debug());
            return Err(Invalid::new(at..at + c.len_utf8(), message).help(help));
        }
        if text.len() > MAX {
            let message =
                format!("the name of a container may have {MAX} characters, and this has {}", text.len());
            return Err(Invalid::new(MAX..text.len(), message));
        }
        Ok(ContainerName(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_what_docker_takes() {
        for text in ["web", "my_app.web-1", "0a", "A-"] {
            assert_eq!(text.parse::<ContainerName>().map(|name| name.to_string()), Ok(text.to_owned()));
        }
        for (text, at) in [("_a", "_"), ("/web", "/"), ("a b", " "), ("aß", "ß"), ("a/", "/")] {
            let invalid = text.parse::<ContainerName>().unwrap_err();
            assert_eq!(&text[invalid.range], at, "{text}");
        }
        assert!("a".repeat(256).parse::<ContainerName>().is_err());
    }
}
