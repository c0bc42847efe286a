//! The variables of services: those without a value, and those of env files.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::edit::{change, only, with};
use crate::compose::dotenv::EnvFormat;
use crate::diag::{Code, Diagnostics, Reported};
use crate::load::environment::parse;
use crate::load::{Environment, in_project, unreadable_draft};
use crate::source::{ReadError, Sources, Span};
use crate::yaml::template::Lookup;
use crate::yaml::{Entry, Giver, Node, References, Unset, Value};

/// The tree in which a variable without a value has that of the project's environment. Where there is none, a variable
/// of a container stays, as it takes the image's away, and an argument of a build goes (compose-go:
/// `loader/environment.go` and `resolve` in `loader/normalize.go`). A config that is to hold a variable holds it.
pub(super) fn fill(root: &Node, environment: &Environment, references: &mut References) -> Node {
    let root = &change(root, "services.*.environment", &mut |node| filled(node, environment, references));
    // What a build is told is no part of a bundle.
    let of_builds = &mut References::default();
    let root = &change(root, "services.*.build.args", &mut |args| {
        only(&filled(args, environment, of_builds), |entry| !entry.value.is_null())
    });
    change(root, "configs.*", &mut |config| {
        let asked = config.get("environment").and_then(|node| Some((node.content(), node.as_str()?)));
        let found = asked.and_then(|(span, name)| Some((span, name, environment.get(name)?)));
        let Some((span, name, value)) = found else { return config.clone() };
        references.look_up(span, name, environment);
        with(config, Entry::new("content", span, Node::text(span, value)))
    })
}

/// Variables, of which those without a value have that of the environment.
fn filled(variables: &Node, environment: &Environment, references: &mut References) -> Node {
    let Value::Map(entries) = &variables.value else { return variables.clone() };
    let filled = entries.iter().map(|entry| match (&entry.value.value, environment.get(&entry.key)) {
        (Value::Null, Some(value)) => {
            references.look_up(entry.key_span, &entry.key, environment);
            Entry { value: Node::text(entry.key_span, value), ..entry.clone() }
        }
        _ => entry.clone(),
    });
    Node { span: variables.span, value: Value::Map(filled.collect()) }
}

/// What a missing file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Missing {
    /// An error.
    Refused,
    /// An error, and no key would change that.
    Needed,
    /// The same as an empty one.
    Empty,
}

/// Variables by name, each with its key and value.
type Variables = BTreeMap<Rc<str>, Entry>;

/// A service in which the variables of its env files are its own: a later file over an earlier one, and what the service
/// says itself over all of them (compose-go: `WithServicesEnvironmentResolved` in `types/project.go`).
pub(super) fn read_files(
    d: &mut Diagnostics,
    sources: &mut Sources,
    service: &Node,
    environment: &Environment,
    references: &mut References,
) -> Node {
    let files = service.get("env_file").map_or(&[][..], Node::items);
    let written = service.get("environment");
    let own: Variables = by_name(written.map_or(&[][..], Node::entries));
    let mut variables = Variables::new();
    for file in files {
        let outer = InFile { environment, own: &own, before: &variables };
        // What is wrong with a file was reported, and hides nothing in another one.
        let more = read_env_file(d, sources, file, &outer, references).unwrap_or_default();
        variables.extend(more);
    }
    for (name, entry) in &own {
        if let Some(hidden) = variables.get(name).filter(|_| entry.value.is_null()) {
            warn_hidden(d, entry, hidden);
        }
    }
    let broken = written.is_some_and(|written| matches!(written.value, Value::Broken(_)));
    let service = only(service, |entry| &*entry.key != "env_file");
    if broken || variables.is_empty() {
        return service;
    }
    variables.extend(own);
    let span = written.map_or(service.span, |written| written.span);
    let all = Node::map(span, variables.into_values().collect());
    with(&service, Entry::new("environment", span, all))
}

fn by_name(entries: &[Entry]) -> Variables {
    entries.iter().map(|entry| (Rc::clone(&entry.key), entry.clone())).collect()
}

/// A name without a value takes a variable away, even if an env file sets it. Nobody expects that.
fn warn_hidden(d: &mut Diagnostics, own: &Entry, hidden: &Entry) {
    let message = format!("`{}` is not set here, and hides what the env file says", own.key);
    let draft = d.warning(Code::UnsetVariable, message).label(own.key_span, "not set");
    draft.label(hidden.key_span, "hidden").help("remove the name, or give it a value").emit();
}

/// The value of a variable that has one.
fn value<'v>(variables: &'v Variables, name: &str) -> Option<Cow<'v, str>> {
    variables.get(name)?.value.as_str().map(Cow::Borrowed)
}

/// Where a variable that has a value is set.
fn place(variables: &Variables, name: &str) -> Option<Span> {
    let value = &variables.get(name)?.value;
    value.as_str().map(|_| value.span)
}

/// The variables an env file may refer to: the project's, then the service's own, then its own earlier ones, then those
/// of the files before.
struct InFile<'a> {
    environment: &'a Environment,
    own: &'a Variables,
    before: &'a Variables,
}

impl Lookup for InFile<'_> {
    fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        self.environment.get(name).or_else(|| value(self.own, name))
    }

    fn before(&self, name: &str) -> Option<Cow<'_, str>> {
        value(self.before, name)
    }

    fn giver(&self, name: &str) -> Giver {
        let inside = || place(self.own, name).or_else(|| place(self.before, name));
        match self.environment.giver(name) {
            Giver::Nobody => inside().map_or(Giver::Nobody, Giver::File),
            giver => giver,
        }
    }
}

fn read_env_file(
    d: &mut Diagnostics,
    sources: &mut Sources,
    file: &Node,
    outer: &InFile,
    references: &mut References,
) -> Result<Variables, Reported> {
    let format = match file.get("format") {
        Some(format) => env_format(d, format)?,
        None => EnvFormat::Compose,
    };
    let missing = match file.get("required").and_then(Node::as_str) {
        Some("false") => Missing::Empty,
        _ => Missing::Refused,
    };
    // Without a path there is a mistake that was reported.
    let path = file.get("path").filter(|path| path.as_str().is_some());
    let Some(path) = path else { return Ok(Variables::new()) };
    read(
        d,
        sources,
        &Asked { path, format, missing, home: home(outer.environment), unset: outer.environment.unset },
        outer,
        references,
    )
}

/// What `~` stands for. It is the home of whoever builds, whatever `.env` says.
fn home(environment: &Environment) -> Option<&str> {
    environment.process.get("HOME").map(String::as_str).filter(|home| !home.is_empty())
}

fn env_format(d: &mut Diagnostics, node: &Node) -> Result<EnvFormat, Reported> {
    match (&node.value, node.as_str()) {
        (Value::Broken(reported), _) => Err(*reported),
        (_, Some("raw")) => Ok(EnvFormat::Raw),
        (_, None | Some("")) => Ok(EnvFormat::Compose),
        (_, Some(format)) => {
            let message = format!("no format of env files is called `{format}`");
            let draft = d.error(Code::InvalidValue, message).label(node.content(), "");
            Err(draft.help("write `raw`, or leave the key away").emit())
        }
    }
}

/// A file of variables that a service asks for.
struct Asked<'a> {
    path: &'a Node,
    format: EnvFormat,
    missing: Missing,
    home: Option<&'a str>,
    unset: Unset,
}

impl Asked<'_> {
    /// Where the file is, and the directory its path starts from.
    fn place(&self, sources: &Sources) -> (PathBuf, PathBuf) {
        let written = self.path.as_str().unwrap_or_default();
        let base = sources.base(self.path.span.file).unwrap_or(Path::new("."));
        let at_home = self.home.zip(written.strip_prefix('~'));
        let place = match at_home {
            Some((home, rest)) => Path::new(home).join(rest.trim_start_matches('/')),
            None => in_project(written, base),
        };
        (place, base.to_path_buf())
    }
}

/// Reads a file of variables.
fn read(
    d: &mut Diagnostics,
    sources: &mut Sources,
    asked: &Asked,
    outer: &dyn Lookup,
    references: &mut References,
) -> Result<Variables, Reported> {
    if asked.path.as_str() == Some("") {
        if asked.missing == Missing::Empty {
            return Ok(Variables::new());
        }
        let draft = d.error(Code::InvalidValue, "the path of a file may not be empty");
        return Err(draft.label(asked.path.span, "").emit());
    }
    let (place, base) = asked.place(sources);
    let id = match sources.read(&place) {
        Ok(id) => id,
        Err(ReadError::NotFound) if asked.missing == Missing::Empty => return Ok(Variables::new()),
        Err(error) => {
            let draft = unreadable_draft(d, &place, &error, Some(asked.path.content()));
            return Err(match error {
                ReadError::NotFound if asked.missing == Missing::Refused => {
                    draft.help("if it need not be there, say `required: false`")
                }
                _ => draft,
            }
            .emit());
        }
    };
    warn_outside(d, asked.path, &base);
    let entries = parse(d, sources, references, id, outer, asked.format, asked.unset)?;
    let set = entries.into_iter().filter_map(|(name, (value, span))| {
        let name: Rc<str> = name.into();
        Some((Rc::clone(&name), Entry::new(name, span, Node::text(span, value?))))
    });
    Ok(set.collect())
}

/// What is read from elsewhere differs from one machine to the next.
fn warn_outside(d: &mut Diagnostics, path: &Node, base: &Path) {
    let written = path.as_str().unwrap_or_default();
    if Sources::leads_out(Path::new(written), base) {
        let message = format!("`{written}` is a link that leads out of the project");
        let draft = d.warning(Code::HostDependent, message).label(path.content(), "written into the bundle");
        let help = "what it says is checked in with the bundle; keep it in the project, or leave it out";
        draft.help(help).emit();
    }
}

/// A service in which the labels of its label files are its own. They see nothing but the label files before them
/// (compose-go: `WithServicesLabelsResolved` in `types/project.go`).
pub(super) fn read_label_files(
    d: &mut Diagnostics,
    sources: &mut Sources,
    service: &Node,
    environment: &Environment,
    references: &mut References,
) -> Node {
    let files = service.get("label_file").map_or(&[][..], Node::items);
    let mut labels = Variables::new();
    for path in files.iter().filter(|path| path.as_str().is_some()) {
        let asked = Asked {
            path,
            format: EnvFormat::Compose,
            missing: Missing::Needed,
            home: home(environment),
            unset: environment.unset,
        };
        let more = read(d, sources, &asked, &InLabelFile(&labels), references).unwrap_or_default();
        labels.extend(more);
    }
    let written = service.get("labels");
    let broken = written.is_some_and(|written| matches!(written.value, Value::Broken(_)));
    let service = only(service, |entry| &*entry.key != "label_file");
    if broken || labels.is_empty() {
        return service;
    }
    labels.extend(by_name(written.map_or(&[][..], Node::entries)));
    let span = written.map_or(service.span, |written| written.span);
    let all = Node::map(span, labels.into_values().collect());
    with(&service, Entry::new("labels", span, all))
}

/// The labels of the files before.
struct InLabelFile<'a>(&'a Variables);

impl Lookup for InLabelFile<'_> {
    fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        value(self.0, name)
    }

    fn giver(&self, name: &str) -> Giver {
        place(self.0, name).map_or(Giver::Nobody, Giver::File)
    }
}
