//! `security_opt` items that name something outside the service.

use std::sync::Arc;

use super::environment::unreadable;
use super::{Options, in_project};
use crate::compose;
use crate::compose::value::security_opt::{SeccompChoice, SecurityOpt};
use crate::diag::{Code, Diagnostics, Reported};
use crate::source::{FileId, Sources, Span};

/// Which system calls are allowed.
#[derive(Clone, Debug)]
pub enum Seccomp {
    /// Nothing was said: the default profile, or none for a privileged service.
    Unsaid,
    /// The default profile was asked for.
    Builtin(Span),
    /// No filter was asked for.
    Unconfined(Span),
    /// A profile of the user's.
    File {
        /// Its text.
        text: Arc<str>,
        /// The file it stands in.
        file: FileId,
        /// Where it was asked for.
        span: Span,
    },
}

/// The seccomp choice of a service, with its file read. Two different choices contradict each other.
pub(super) fn seccomp(
    d: &mut Diagnostics,
    sources: &mut Sources,
    service: &compose::Service,
    options: &Options,
) -> Result<Seccomp, Reported> {
    let mut chosen: Option<(&SeccompChoice, Span)> = None;
    for option in &service.security_opt {
        let SecurityOpt::Seccomp(choice) = &option.value else { continue };
        if let Some((first, place)) = chosen.filter(|(first, _)| *first != choice) {
            let message = format!("seccomp is set twice: {} and {}", named(first), named(choice));
            return Err(d
                .error(Code::Conflict, message)
                .label(option.span, "")
                .label(place, "first here")
                .emit());
        }
        chosen = Some((choice, option.span));
    }
    match chosen {
        None => Ok(Seccomp::Unsaid),
        Some((SeccompChoice::Builtin, span)) => Ok(Seccomp::Builtin(span)),
        Some((SeccompChoice::Unconfined, span)) => Ok(Seccomp::Unconfined(span)),
        Some((SeccompChoice::File(name), span)) => {
            let path = in_project(name, &options.directory);
            let file = sources.read(&path).map_err(|error| unreadable(d, &path, &error, Some(span)))?;
            Ok(Seccomp::File { text: sources.text(file), file, span })
        }
    }
}

fn named(choice: &SeccompChoice) -> &str {
    match choice {
        SeccompChoice::Unconfined => "unconfined",
        SeccompChoice::Builtin => "builtin",
        SeccompChoice::File(name) => name,
    }
}
