//! Where a value comes from, in words: what `explain`, `diff` and `lint` print.

use std::collections::BTreeSet;
use std::fmt;

use super::Made;
use super::outline::variable;
use crate::lower::origin::Origin;
use crate::source::{Sources, Span};
use crate::yaml::{Giver, Reference};

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
        /// The keys that lead there, with dots between them; those of the service itself without the words before
        /// them. Of a file of variables, the name of the variable.
        attribute: Option<String>,
        /// The first line of what stands there.
        written: String,
        /// The variables in it, and those behind them.
        variables: Vec<Variable>,
    },
    /// Something else, in words.
    Other(String),
}

/// A variable in a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value; none where it is not set.
    pub value: Option<String>,
    /// Who gave it that.
    pub from: From,
}

/// Who gave a variable its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum From {
    /// The place where a file sets it.
    File {
        /// The name of the file, as it was given.
        file: String,
        /// From one.
        line: usize,
        /// In characters, from one.
        column: usize,
    },
    /// The environment of whoever builds.
    Environment {
        /// Whether somebody said that it is meant.
        meant: bool,
    },
    /// The project: it is its name.
    Project,
    /// Nobody.
    Nobody,
}

impl Place {
    /// Where the value of a bundle at a pointer comes from; that of the nearest value around it where it has none of its
    /// own, also if it is not there.
    pub fn of(made: &Made, bundle: &str, pointer: &str) -> Option<Self> {
        made.origin(bundle, pointer).map(|origin| Place::known(made, bundle, origin))
    }

    /// An origin in the words of a reader of this bundle.
    pub fn known(made: &Made, bundle: &str, origin: &Origin) -> Self {
        match Place::new(made.sources, origin) {
            Place::File { file, line, column, written, .. } => {
                let (Origin::Written(span) | Origin::Lock(span)) = origin else {
                    return Place::Other(file);
                };
                let attribute = attribute(made, bundle, *span);
                let mut seen = BTreeSet::new();
                let references = made.references.behind([*span]).into_iter();
                let once = references.filter(|one| seen.insert((&*one.name, one.giver)));
                let variables = once.map(|one| Variable::new(made, one)).collect();
                Place::File { file, line, column, attribute, written, variables }
            }
            other @ Place::Other(_) => other,
        }
    }

    /// An origin in words, but for what only the project knows.
    pub fn new(sources: &Sources, origin: &Origin) -> Self {
        match origin {
            Origin::Written(span) | Origin::Lock(span) => Place::written(sources, *span),
            Origin::Image { reference, part } => Place::Other(format!("image {reference}: {part}")),
            Origin::Option(option) => Place::Other(format!("option {option}")),
            Origin::Default(why) => Place::Other(format!("default: {why}")),
        }
    }

    /// The place without what is written there.
    pub(crate) fn without_text(self) -> Self {
        match self {
            Place::File { file, line, column, attribute, .. } => {
                let written = attribute.clone().unwrap_or_default();
                Place::File { file, line, column, attribute, written, variables: Vec::new() }
            }
            other @ Place::Other(_) => other,
        }
    }

    fn written(sources: &Sources, span: Span) -> Self {
        let (line, column) = sources.position(span);
        let written = sources.slice(span).lines().next().unwrap_or_default().to_owned();
        let (attribute, variables) = (None, Vec::new());
        Place::File { file: sources.name(span.file).to_owned(), line, column, attribute, written, variables }
    }
}

/// What a place is called. Nobody who asks about a service needs to be told of which one it is an attribute.
fn attribute(made: &Made, bundle: &str, span: Span) -> Option<String> {
    if made.references.is_env_file(span.file) {
        return variable(made.sources, span);
    }
    let all = made.outlines.of(made.sources, span.file).attribute(span)?;
    let own = made.service(bundle).and_then(|service| {
        let rest = all.strip_prefix("services.")?.strip_prefix(&*service.name.value)?;
        rest.strip_prefix('.').map(str::to_owned)
    });
    Some(own.unwrap_or(all))
}

impl Variable {
    fn new(made: &Made, reference: &Reference) -> Self {
        let from = match reference.giver {
            Giver::File(span) => {
                let (line, column) = made.sources.position(span);
                From::File { file: made.sources.name(span.file).to_owned(), line, column }
            }
            Giver::Process { meant } => From::Environment { meant },
            Giver::Project => From::Project,
            Giver::Nobody => From::Nobody,
        };
        let value = made.references.value(reference).map(str::to_owned);
        Variable { name: reference.name.to_string(), value, from }
    }
}

/// How many characters of a text are shown.
const SHOWN: usize = 60;

/// The beginning of a text that is shown in a line.
pub fn short(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() <= SHOWN && line.len() == text.len() {
        return line.to_owned();
    }
    line.chars().take(SHOWN - 1).chain(['…']).collect()
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (file, line, column, attribute, written, variables) = match self {
            Place::File { file, line, column, attribute, written, variables } => {
                (file, line, column, attribute, written, variables)
            }
            Place::Other(words) => return f.write_str(words),
        };
        write!(f, "{file}:{line}:{column}")?;
        let is_key = |attribute: &&String| {
            let before = attribute.strip_suffix(written.as_str());
            before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
        };
        match attribute {
            Some(attribute) if is_key(&attribute) => write!(f, " {}", short(attribute))?,
            Some(attribute) => write!(f, " {}: {}", short(attribute), short(written))?,
            None => write!(f, " {}", short(written))?,
        }
        let variables: Vec<_> = variables.iter().map(Variable::to_string).collect();
        if variables.is_empty() { Ok(()) } else { write!(f, " ({})", variables.join("; ")) }
    }
}

impl fmt::Display for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = short(&self.name);
        match &self.value {
            Some(value) if value.is_empty() => write!(f, "{name} is empty")?,
            Some(value) => write!(f, "{name} is {}", short(value))?,
            None => return write!(f, "{name} is not set"),
        }
        match &self.from {
            From::File { file, line, column } => write!(f, ": {file}:{line}:{column}"),
            From::Environment { meant: false } => f.write_str(": the environment of whoever builds"),
            From::Environment { meant: true } => write!(f, ": the environment, by `--env {name}`"),
            From::Project => f.write_str(": the name of the project"),
            From::Nobody => Ok(()),
        }
    }
}
