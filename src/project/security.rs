//! `security_opt`: one choice about each kind of confinement.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use super::Options;
use crate::compose;
use crate::compose::value::security_opt::{Label, LabelPart, SeccompChoice, SecurityOpt};
use crate::diag::{Code, Diagnostics, Reported};
use crate::load::{in_project, unreadable};
use crate::source::{FileId, Sources, Span, Spanned};

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
    /// A profile that stands in the option itself.
    Inline(Spanned<Rc<str>>),
}

/// How a service is confined by name.
#[derive(Clone, Debug)]
pub struct Security {
    /// Which system calls are allowed.
    pub seccomp: Seccomp,
    /// Whether the process may not gain privileges.
    pub no_new_privileges: Option<Spanned<bool>>,
    /// The AppArmor profile; `unconfined` is none.
    pub apparmor: Option<Spanned<Rc<str>>>,
    /// The parts of the labels of SELinux; without any there are no labels.
    pub label: BTreeMap<LabelPart, Spanned<Rc<str>>>,
    /// Where it is said that no path is masked or read-only.
    pub system_paths: Option<Span>,
    /// Whether the container may make control groups below its own.
    pub writable_cgroups: Option<Spanned<bool>>,
}

/// What `security_opt` says. Two different choices of one thing contradict each other; the same one twice does not.
pub(super) fn security(
    d: &mut Diagnostics,
    sources: &mut Sources,
    service: &compose::Service,
    options: &Options,
) -> Result<Security, Reported> {
    let seccomp = chosen(d, service, "seccomp", |option| match option {
        SecurityOpt::Seccomp(choice) => Some((choice.clone(), named(choice).to_owned())),
        _ => None,
    });
    let no_new_privileges = chosen(d, service, "no-new-privileges", |option| match option {
        SecurityOpt::NoNewPrivileges(value) => Some((*value, value.to_string())),
        _ => None,
    });
    let apparmor = chosen(d, service, "apparmor", |option| match option {
        SecurityOpt::Apparmor(name) => Some((Rc::from(name.as_str()), name.clone())),
        _ => None,
    });
    let writable_cgroups = chosen(d, service, "writable-cgroups", |option| match option {
        SecurityOpt::WritableCgroups(value) => Some((*value, value.to_string())),
        _ => None,
    });
    let label = label(d, service);
    let unconfined = service.security_opt.iter().find(|option| option.value == SecurityOpt::SystemPaths);
    let seccomp = seccomp.and_then(|choice| read(d, sources, choice, options));
    Ok(Security {
        seccomp: seccomp?,
        no_new_privileges: no_new_privileges?,
        apparmor: apparmor?,
        label: label?,
        system_paths: unconfined.map(|option| option.span),
        writable_cgroups: writable_cgroups?,
    })
}

/// The parts of labels. Docker drops them all where one option says `disable`.
fn label(
    d: &mut Diagnostics,
    service: &compose::Service,
) -> Result<BTreeMap<LabelPart, Spanned<Rc<str>>>, Reported> {
    let mut parts = BTreeMap::new();
    for part in LabelPart::ALL {
        let what = format!("the {} of the label", part.name());
        let said = chosen(d, service, &what, |option| match option {
            SecurityOpt::Label(Label::Part(of, value)) if *of == part => {
                Some((Rc::from(value.as_str()), value.clone()))
            }
            _ => None,
        })?;
        parts.extend(said.map(|said| (part, said)));
    }
    let disable = |option: &&Spanned<SecurityOpt>| option.value == SecurityOpt::Label(Label::Disable);
    match (service.security_opt.iter().find(disable), parts.values().next()) {
        (Some(disabled), Some(said)) => {
            let draft = d.error(Code::Conflict, "a label is both disabled and given");
            let draft = draft.label(said.span, "given").label(disabled.span, "disabled");
            Err(draft.help("keep one of them").emit())
        }
        _ => Ok(parts),
    }
}

/// The choice that `pick` finds, with how it is written, among the options.
fn chosen<T: PartialEq>(
    d: &mut Diagnostics,
    service: &compose::Service,
    what: &str,
    pick: impl Fn(&SecurityOpt) -> Option<(T, String)>,
) -> Result<Option<Spanned<T>>, Reported> {
    let mut chosen: Option<(T, String, Span)> = None;
    for option in &service.security_opt {
        let Some((value, shown)) = pick(&option.value) else { continue };
        match &chosen {
            Some((first, first_shown, place)) if *first != value => {
                let message = format!("{what} is set twice: {first_shown} and {shown}");
                let draft = d.error(Code::Conflict, message).label(option.span, "");
                return Err(draft.label(*place, "first here").help("keep one of them").emit());
            }
            _ => chosen = Some((value, shown, option.span)),
        }
    }
    Ok(chosen.map(|(value, _, span)| Spanned { value, span }))
}

/// The filter, with its file read.
fn read(
    d: &mut Diagnostics,
    sources: &mut Sources,
    choice: Option<Spanned<SeccompChoice>>,
    options: &Options,
) -> Result<Seccomp, Reported> {
    let Some(Spanned { value, span }) = choice else { return Ok(Seccomp::Unsaid) };
    match value {
        SeccompChoice::Builtin => Ok(Seccomp::Builtin(span)),
        SeccompChoice::Unconfined => Ok(Seccomp::Unconfined(span)),
        SeccompChoice::File(name) => {
            let path = in_project(&name, &options.directory);
            let file = sources.read(&path).map_err(|error| unreadable(d, &path, &error, Some(span)))?;
            Ok(Seccomp::File { text: sources.text(file), file, span })
        }
        SeccompChoice::Inline(text) => {
            let option = format!("{INLINE}{text}");
            let (start, end) = (INLINE.len(), option.len());
            let span = Spanned { value: Rc::from(option), span }.at(start..end);
            Ok(Seccomp::Inline(Spanned { value: text.into(), span }))
        }
    }
}

/// What stands before a profile in its option.
const INLINE: &str = "seccomp=";

fn named(choice: &SeccompChoice) -> &str {
    match choice {
        SeccompChoice::Unconfined => "unconfined",
        SeccompChoice::Builtin => "builtin",
        SeccompChoice::File(name) => name,
        SeccompChoice::Inline(_) => "a profile",
    }
}
