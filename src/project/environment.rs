//! Variables: those that `${NAME}` sees, and those a container gets.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::{Options, in_project};
use crate::compose::dotenv;
use crate::compose::service::{EnvFile, EnvFormat, Missing};
use crate::compose::{self, decode::Pair};
use crate::diag::{Code, Diagnostics, Reported};
use crate::source::{FileId, ReadError, Sources, Span};
use crate::yaml::template::Lookup;

/// The variables that interpolation sees: those of the process, then those of `.env`.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// What the process was started with.
    pub process: BTreeMap<String, String>,
    /// What `.env` says.
    pub dotenv: BTreeMap<String, String>,
}

impl Lookup for Environment {
    fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        let value = self.process.get(name).or_else(|| self.dotenv.get(name));
        value.map(|value| Cow::Borrowed(value.as_str()))
    }
}

impl Environment {
    /// Reads `.env` in each of the directories where there is one, the later over the earlier. A directory of that
    /// name is passed over, as Compose does it.
    pub fn load(
        d: &mut Diagnostics,
        sources: &mut Sources,
        process: BTreeMap<String, String>,
        directories: &[PathBuf],
    ) -> Result<Self, Reported> {
        let mut environment = Environment { process, dotenv: BTreeMap::new() };
        for directory in directories {
            let path = in_project(".env", directory);
            let file = match sources.read(&path) {
                Ok(file) => file,
                Err(ReadError::NotFound | ReadError::NotAFile("a directory")) => continue,
                Err(error) => return Err(unreadable(d, &path, &error, None)),
            };
            let entries = parse(d, sources, file, &environment, EnvFormat::Compose)?;
            let set = entries.into_iter().filter_map(|(name, (value, _))| Some((name, value?)));
            environment.dotenv.extend(set);
        }
        Ok(environment)
    }
}

/// A variable of a container.
#[derive(Clone, Debug)]
pub struct Variable {
    /// Its value; `None` takes the image's variable of that name away.
    pub value: Option<Rc<str>>,
    /// Where it was set.
    pub span: Span,
}

/// The variables of `env_file`, and over them those of `environment`. A name without a value takes the value the
/// project's environment has, and is not set where it has none.
pub(super) fn of_service(
    d: &mut Diagnostics,
    sources: &mut Sources,
    service: &compose::Service,
    options: &Options,
) -> Result<BTreeMap<Rc<str>, Variable>, Reported> {
    let written = service.environment.iter().map(|pair| own(pair, &options.environment));
    let written: BTreeMap<Rc<str>, Variable> = written.collect();
    let mut variables = BTreeMap::new();
    let mut failed = None;
    for file in &service.env_file {
        match of_file(d, sources, file, &written, &variables, options) {
            Ok(more) => variables.extend(more),
            Err(reported) => failed = Some(reported),
        }
    }
    variables.extend(written);
    failed.map_or(Ok(variables), Err)
}

fn own(pair: &Pair, environment: &Environment) -> (Rc<str>, Variable) {
    let value = match &pair.value {
        Some(value) => Some(Rc::clone(&value.value)),
        None => environment.get(&pair.key.value).map(Rc::from),
    };
    let span = pair.value.as_ref().map_or(pair.key.span, |value| value.span);
    (Rc::clone(&pair.key.value), Variable { value, span })
}

/// The variables an env file may refer to: the project's, then the service's own, then those of the files before.
struct InEnvFile<'a> {
    project: &'a Environment,
    written: &'a BTreeMap<Rc<str>, Variable>,
    before: &'a BTreeMap<Rc<str>, Variable>,
}

impl Lookup for InEnvFile<'_> {
    fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        let of = |variables: &'_ BTreeMap<Rc<str>, Variable>| variables.get(name)?.value.clone();
        let own = || of(self.written).or_else(|| of(self.before)).map(|value| Cow::Owned(value.to_string()));
        self.project.get(name).or_else(own)
    }
}

fn of_file(
    d: &mut Diagnostics,
    sources: &mut Sources,
    file: &EnvFile,
    written: &BTreeMap<Rc<str>, Variable>,
    before: &BTreeMap<Rc<str>, Variable>,
    options: &Options,
) -> Result<BTreeMap<Rc<str>, Variable>, Reported> {
    let path = in_project(&file.path.value, &options.directory);
    let id = match sources.read(&path) {
        Ok(id) => id,
        Err(ReadError::NotFound) if file.missing == Missing::Empty => return Ok(BTreeMap::new()),
        Err(error) => return Err(unreadable(d, &path, &error, Some(file.path.span))),
    };
    if Sources::leads_out(Path::new(&*file.path.value), &options.directory) {
        let message = format!("`{}` is a link that leads out of the project", file.path.value);
        let draft = d.warning(Code::HostDependent, message).label(file.path.span, "written into the bundle");
        draft
            .help("what it says is checked in with the bundle; keep it in the project, or leave it out")
            .emit();
    }
    let outer = InEnvFile { project: &options.environment, written, before };
    let entries = parse(d, sources, id, &outer, file.format)?;
    let variable = |value: Option<String>, span| Variable { value: value.map(Rc::from), span };
    Ok(entries.into_iter().map(|(name, (value, span))| (Rc::from(name), variable(value, span))).collect())
}

/// The variables of an env file by name, each with its value and where it is set.
type Entries = BTreeMap<String, (Option<String>, Span)>;

fn parse(
    d: &mut Diagnostics,
    sources: &Sources,
    file: FileId,
    outer: &dyn Lookup,
    format: EnvFormat,
) -> Result<Entries, Reported> {
    let text = sources.text(file);
    let place = |range: std::ops::Range<usize>| Span::new(file, range.start, range.end);
    let parsed = match format {
        EnvFormat::Compose => dotenv::parse(&text, outer),
        EnvFormat::Raw => dotenv::parse_raw(&text, outer),
    };
    let parsed = parsed.map_err(|problems| {
        let report = |invalid| d.invalid(Code::EnvFile, invalid, place);
        problems.into_iter().map(report).last()
    });
    let parsed = match parsed {
        Ok(parsed) => parsed,
        Err(Some(reported)) => return Err(reported),
        Err(None) => return Ok(Entries::new()),
    };
    let mut failed = None;
    for unset in &parsed.unset {
        let message = format!("the variable `{}` is not set", unset.name);
        let draft = d.error(Code::UnsetVariable, message).label(place(unset.range.clone()), "");
        failed = Some(draft.help(format!("for an empty text write `${{{}:-}}`", unset.name)).emit());
    }
    let entry = |entry: dotenv::Entry| (entry.name, (entry.value, place(entry.value_range)));
    failed.map_or_else(|| Ok(parsed.entries.into_iter().map(entry).collect()), Err)
}

/// A file that was asked for and cannot be had.
pub(crate) fn unreadable(
    d: &mut Diagnostics,
    path: &Path,
    error: &ReadError,
    asked: Option<Span>,
) -> Reported {
    let message = format!("{} cannot be read: {error}", path.display());
    let mut draft = d.error(Code::Unreadable, message);
    if let Some(span) = asked {
        draft = draft.label(span, "asked for here");
    }
    match error {
        ReadError::NotUtf8(span) => draft.label(*span, "the first byte that is not UTF-8"),
        ReadError::NotUtf16(span) => draft.label(*span, "the first character that is not UTF-16"),
        _ => draft,
    }
    .emit()
}
