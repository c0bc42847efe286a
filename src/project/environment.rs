//! The variables a container gets.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;

use super::Options;
use crate::compose::service::{EnvFile, Missing};
use crate::compose::{self, decode::Pair};
use crate::diag::{Code, Diagnostics, Reported};
use crate::load::environment::parse;
use crate::load::{Environment, in_project, unreadable};
use crate::source::{ReadError, Sources, Span};
use crate::yaml::template::Lookup;

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
