//! The names of sources.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use super::{Error, Layout, Reference, Source};
use crate::diag::Invalid;

/// Where images come from, as a user names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceName(String);

impl SourceName {
    /// The file or directory; `None` for a registry.
    pub fn path(&self) -> Option<&Path> {
        Some(Path::new(&self.0))
    }

    /// The same kind of source at another path; `None` if the path cannot be written in it.
    #[must_use]
    pub fn at(&self, path: &str) -> Option<SourceName> {
        Some(SourceName(path.to_owned()))
    }

    /// Opens it.
    pub fn open(
        &self,
        directory: &Path,
        _registries: &dyn Fn(&Reference) -> Result<Box<dyn Source>, Error>,
    ) -> Result<Option<Box<dyn Source>>, Error> {
        Ok(Layout::open(&directory.join(&self.0))?.map(|layout| Box::new(layout) as Box<dyn Source>))
    }
}

impl FromStr for SourceName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.is_empty() {
            return Err(Invalid::whole(text, "the name of a source is empty"));
        }
        Ok(SourceName(text.strip_prefix("oci:").unwrap_or(text).to_owned()))
    }
}

impl fmt::Display for SourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
