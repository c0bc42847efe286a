//! Where the place of a finding is, for people and for programs.

use super::asked::asked;
use crate::lower::origin::Origin;
use crate::project::Service;
use crate::review::lint::Finding;
use crate::review::place::Place;
use crate::review::{Bundles, Made};
use crate::source::{Sources, Span};

/// A place to go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The name of the file, as it was given.
    pub file: String,
    /// The part of it, where that is known.
    pub part: Option<Part>,
}

/// A part of a file. Lines and columns count from one, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The line of the first character.
    pub line: usize,
    /// The column of the first character.
    pub column: usize,
    /// The line of the character after the last one.
    pub end_line: usize,
    /// The column of the character after the last one.
    pub end_column: usize,
}

impl Location {
    /// The `config.json` of a bundle.
    pub(super) fn of_bundle(directory: &str, bundle: &str) -> Self {
        let above = match directory {
            "" | "." => String::new(),
            directory => format!("{}/", directory.trim_end_matches('/')),
        };
        Location { file: format!("{above}{bundle}/config.json"), part: None }
    }

    fn of_span(sources: &Sources, span: Span) -> Self {
        let (line, column) = sources.position(span);
        let (end_line, end_column) = sources.end(span);
        let part = Part { line, column, end_line, end_column };
        Location { file: sources.name(span.file).to_owned(), part: Some(part) }
    }
}

/// Where a finding is written; else the key of the service, with what decided the value. A bundle that no service has is
/// named by its file.
pub(super) fn place(
    finding: &Finding,
    all: &Bundles,
    made: &Made,
    service: Option<&Service>,
    directory: &str,
) -> (Location, Option<String>) {
    if let Some(at) = finding.at {
        return (Location::of_span(made.sources, at), None);
    }
    let is_there =
        all.bundles.get(&finding.bundle).is_some_and(|bundle| bundle.at(&finding.pointer).is_some());
    let origin = made.origin(&finding.bundle, &finding.pointer).filter(|_| is_there);
    let (written, words) = match origin {
        Some(Origin::Written(span)) => (Some(*span), None),
        Some(Origin::Default(_)) | None => (within(made, finding).filter(|_| is_there), None),
        Some(origin) => (None, Some(Place::new(made.sources, origin).to_string())),
    };
    let asked = || service.and_then(|service| asked(&service.written, finding.rule));
    let of_image = || service?.written.image.as_ref().map(|image| image.span);
    let of_image = || of_image().filter(|_| matches!(origin, Some(Origin::Image { .. })));
    let span = written.or_else(asked).or_else(of_image).or(service.map(|service| service.name.span));
    let location = match span {
        Some(span) => Location::of_span(made.sources, span),
        None => Location::of_bundle(directory, &finding.bundle),
    };
    (location, words)
}

/// The first place that something in the value is written at, where all of it is written.
fn within(made: &Made, finding: &Finding) -> Option<Span> {
    let origins = made.origins(&finding.bundle)?;
    let inside = |at: &str| at.strip_prefix(&*finding.pointer).is_some_and(|rest| rest.starts_with('/'));
    let parts = origins.iter().filter(|(at, _)| inside(at)).map(|(_, origin)| match origin {
        Origin::Written(span) => Some(*span),
        _ => None,
    });
    // Nothing goes before anything, so that one part that is not written counts for all.
    parts.min().flatten()
}
