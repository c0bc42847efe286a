//! Where a value comes from, in words: what `explain`, `diff` and `lint` print.

use std::fmt;

use super::Made;
use crate::lower::origin::Origin;
use crate::source::{Sources, Span};

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A place in a file.
    File {
        /// The name of the file, as it was given.
        file: String,
        /// From one.
        line: usize,
        /// In characters, from one.
        column: usize,
        /// The first line of what stands there.
        written: String,
    },
    /// Something else, in words.
    Other(String),
}

impl Place {
    /// Where the value of a bundle at a pointer comes from; that of the nearest value around it where it has none of its
    /// own, also if it is not there.
    pub fn of(made: &Made, bundle: &str, pointer: &str) -> Option<Self> {
        made.origin(bundle, pointer).map(|origin| Place::new(made.sources, origin))
    }

    /// An origin in words.
    pub fn new(sources: &Sources, origin: &Origin) -> Self {
        match origin {
            Origin::Written(span) => Place::written(sources, *span),
            Origin::Image { reference, part } => Place::Other(format!("image {reference}: {part}")),
            Origin::Option(option) => Place::Other(format!("option {option}")),
            Origin::Default(why) => Place::Other(format!("default: {why}")),
        }
    }

    fn written(sources: &Sources, span: Span) -> Self {
        let (line, column) = sources.position(span);
        let written = sources.slice(span).lines().next().unwrap_or_default().to_owned();
        Place::File { file: sources.name(span.file).to_owned(), line, column, written }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::File { file, line, column, written } => write!(f, "{file}:{line}:{column} {written}"),
            Place::Other(words) => f.write_str(words),
        }
    }
}
