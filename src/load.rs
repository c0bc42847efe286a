//! From files to one tree: documents, variables, `extends`, `include`, merging.
//!
//! The order of the work is that of compose-go, as it can be observed. Nothing is looked at twice: a value keeps its
//! span, and with it the file it came from, and with that the directory that relative paths in it start from.

pub mod environment;
mod extends;
mod include;
mod name;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use crate::compose::Variables;
use crate::compose::check::check;
use crate::compose::decode::{Expected, wrong_type};
use crate::compose::expand::expand;
use crate::compose::merge::{distinct, find_dropped, merge, settle};
use crate::compose::schema::{FILE, Shape};
use crate::diag::{Code, Diagnostics, Reported};
use crate::source::{FileId, Sources, Span};
use crate::yaml::{self, Entry, Interpolation, Node, References, Unset, Uses, Value};

pub use environment::Environment;
pub use name::WithName;
use name::project_name;

pub(crate) use environment::{unreadable, unreadable_draft};

/// What is loaded, and how.
#[derive(Clone, Debug)]
pub struct Request {
    /// The Compose files, the later over the earlier; `-` is the standard input.
    pub files: Vec<PathBuf>,
    /// The directory of the project, where relative paths start.
    pub directory: PathBuf,
    /// The name of that directory, which names a project that says nothing itself.
    pub directory_name: Option<String>,
    /// The name of the project, if one is given.
    pub project_name: Option<String>,
    /// The variables.
    pub environment: Environment,
    /// Whether variables are replaced.
    pub variables: Variables,
    /// What a variable is that is not set and has no default.
    pub unset: Unset,
}

/// A project as its files say it: one tree, short forms written out, every value checked.
#[derive(Debug)]
pub struct Loaded {
    /// The name of the project.
    pub name: Rc<str>,
    /// The tree, along [`FILE`].
    pub root: Node,
    /// The first Compose file, whose directory is that of the project.
    pub main: FileId,
    /// The variables.
    pub environment: Environment,
    /// The variables that the files refer to.
    pub references: References,
    /// Those that the files refer to in which interpolation finds its variables.
    pub outer_references: References,
}

/// Loads a project. What is wrong in it is reported and broken in the tree; without a tree there is an error.
pub fn load(d: &mut Diagnostics, sources: &mut Sources, request: &Request) -> Result<Loaded, Reported> {
    let mut loader = Loader::new(d, sources, request);
    let files = loader.read(&request.files, &request.directory);
    let (main, documents) = loader.parse(&files?)?;
    let name = project_name(loader.d, request, &documents);
    // What is wrong with the name was reported, and hides nothing else.
    let name: Rc<str> = name.unwrap_or_default().into();
    let scope = Scope {
        environment: &request.environment,
        name: &name,
        base: &request.directory,
        chain: request.files.clone(),
    };
    let root = loader.merged(main, documents, &scope)?;
    check_content(loader.d, &root)?;
    let Loader { uses, mut outer_references, .. } = loader;
    let environment = request.environment.clone();
    outer_references.extend(environment.references.clone());
    Ok(Loaded { name, root, main, environment, references: uses.references, outer_references })
}

/// What the parts of the work share.
struct Loader<'a> {
    d: &'a mut Diagnostics,
    sources: &'a mut Sources,
    request: &'a Request,
    /// The files that services were extended from, by path, as far as they could be read.
    extended: BTreeMap<PathBuf, Result<Rc<extends::Services>, Reported>>,
    /// The services that extend themselves or others without end, which was reported.
    endless: BTreeSet<(FileId, Rc<str>)>,
    /// How many nodes all extended services have together.
    extended_size: usize,
    /// How many includes there were.
    includes: usize,
    uses: Uses,
    /// What the files of variables refer to that included projects have.
    outer_references: References,
}

/// Where a document stands: what its variables are, and what its relative paths start from.
struct Scope<'s> {
    environment: &'s Environment,
    name: &'s str,
    /// The directory that paths to other Compose files start from.
    base: &'s Path,
    /// The files that are being loaded, the outermost first.
    chain: Vec<PathBuf>,
}

impl<'a> Loader<'a> {
    fn new(d: &'a mut Diagnostics, sources: &'a mut Sources, request: &'a Request) -> Self {
        let (extended, endless) = (BTreeMap::new(), BTreeSet::new());
        let (uses, outer_references) = (Uses::default(), References::default());
        Loader {
            d,
            sources,
            request,
            extended,
            endless,
            extended_size: 0,
            includes: 0,
            uses,
            outer_references,
        }
    }

    /// Reads files whose relative paths start at a directory. All that cannot be read are reported.
    fn read(&mut self, files: &[PathBuf], base: &Path) -> Result<Vec<FileId>, Reported> {
        let mut failed = None;
        let mut ids = Vec::new();
        for path in files {
            let read = if path == Path::new("-") {
                self.sources.read_standard_input(base)
            } else {
                self.sources.read_from(path, base)
            };
            match read {
                Ok(id) => ids.push(id),
                Err(error) => failed = Some(unreadable(self.d, path, &error, None)),
            }
        }
        failed.map_or(Ok(ids), Err)
    }

    /// The documents of some files, in order, with the first file.
    fn parse(&mut self, files: &[FileId]) -> Result<(FileId, Vec<Node>), Reported> {
        let mut failed = None;
        let mut documents = Vec::new();
        for file in files {
            match yaml::documents(self.d, *file, &self.sources.text(*file)) {
                // A file with nothing in it says nothing; a document with nothing in it is a mistake.
                Ok(more) => documents.extend(more.into_iter().filter(|node| !is_nothing(node))),
                Err(reported) => failed = Some(reported),
            }
        }
        if let Some(reported) = failed {
            return Err(reported);
        }
        let Some(main) = files.first() else {
            return Err(self.d.error(Code::MissingKey, "there is no Compose file").emit());
        };
        Ok((*main, documents))
    }

    /// One tree of several documents, each laid over those before it. Every one must be right together with those
    /// before it, so that a mistake is found in the document that makes it.
    fn merged(&mut self, main: FileId, documents: Vec<Node>, scope: &Scope<'_>) -> Result<Node, Reported> {
        let mut failed = None;
        let mut merged: Option<Node> = None;
        for document in documents {
            let document = match self.document(&document, scope) {
                Ok(document) => document,
                Err(reported) => {
                    failed = Some(reported);
                    continue;
                }
            };
            let whole = match &merged {
                Some(before) => merge(self.d, before, &document, &ROOT),
                None => document,
            };
            let whole = distinct(&settle(&whole), &ROOT);
            let whole = check(self.d, &whole, &ROOT, self.request.variables);
            merged = Some(self.without_version(whole));
        }
        match (merged, failed) {
            (Some(merged), _) => Ok(merged),
            (None, Some(reported)) => Err(reported),
            (None, None) => {
                let start = Span::start_of(main);
                Err(self.d.error(Code::WrongType, "the file is empty").label(start, "").emit())
            }
        }
    }

    /// One document: its variables replaced, its short forms written out, its services extended and what it includes
    /// brought in.
    fn document(&mut self, document: &Node, scope: &Scope<'_>) -> Result<Node, Reported> {
        match &document.value {
            Value::Map(_) => {}
            Value::Broken(reported) => return Err(*reported),
            _ => return Err(wrong_type(self.d, document, Expected::Mapping(FILE.what))),
        }
        let document = self.interpolated(document, scope);
        let document = expand(self.d, &document, &ROOT, self.request.variables);
        find_dropped(self.d, &document, &ROOT);
        let document = self.extend_services(document, scope);
        Ok(self.with_includes(document, scope))
    }

    fn interpolated(&mut self, document: &Node, scope: &Scope<'_>) -> Node {
        if self.request.variables == Variables::Kept {
            return document.clone();
        }
        let variables = WithName { environment: scope.environment, name: scope.name };
        let how = Interpolation { variables: &variables, unset: self.request.unset };
        yaml::interpolate(self.d, document, how, &mut self.uses)
    }

    /// `version` means nothing any more, in any document.
    fn without_version(&mut self, document: Node) -> Node {
        let Some(version) = document.get("version") else { return document };
        if let Value::Broken(_) = version.value {
            return document;
        }
        let draft =
            self.d.warning(Code::Obsolete, "`version` means nothing any more").label(version.span, "");
        draft.help("remove the line").emit();
        without(&document, "version")
    }
}

/// A project needs something in it, and be it a key of the user's own.
fn check_content(d: &mut Diagnostics, root: &Node) -> Result<(), Reported> {
    match &root.value {
        Value::Map(entries) if entries.is_empty() => {
            // What is wrong with an include may be all there is to say.
            d.failed()?;
            let draft = d.error(Code::MissingKey, "the project is empty").label(root.span, "");
            Err(draft.help("define a service below `services`").emit())
        }
        _ => Ok(()),
    }
}

/// Whether this stands for a file without a document.
fn is_nothing(document: &Node) -> bool {
    document.is_null() && document.span == Span::start_of(document.span.file)
}

/// The shape of a whole file.
const ROOT: Shape = Shape::Object(&FILE);

/// A mapping without one of its keys.
fn without(node: &Node, key: &str) -> Node {
    let kept = node.entries().iter().filter(|entry| &*entry.key != key).cloned();
    Node::map(node.span, kept.collect())
}

/// A mapping with one of its keys set anew, at its place.
fn with(node: &Node, key: &str, value: Node) -> Node {
    let mut entries = node.entries().to_vec();
    match entries.iter_mut().find(|entry| &*entry.key == key) {
        Some(entry) => entry.value = value,
        None => entries.push(Entry::new(key, value.span, value)),
    }
    Node::map(node.span, entries)
}

/// Whether a path to a Compose file is an address of another machine, which Compose would fetch.
fn is_remote(path: &str) -> bool {
    path.contains("://") || ["git@", "github.com/", "oci:"].iter().any(|start| path.starts_with(start))
}

/// Compose fetches such files. A build that does so is none that can be checked.
fn refuse_remote(d: &mut Diagnostics, node: &Node, what: &str) -> Reported {
    let path = node.as_str().unwrap_or_default();
    let message = format!("{what} from another machine is not supported: `{path}`");
    let draft = d.error(Code::NotSupported, message).label(node.content(), "fetched by Compose, not here");
    draft.help("keep a copy of the file in the project, and name that").emit()
}

/// A path as a file says it: relative ones start at a directory, which is not spelled out where it is the working
/// directory, as these paths are shown.
pub(crate) fn in_project(path: &str, directory: &Path) -> PathBuf {
    clean(&if directory == Path::new(".") { path.into() } else { directory.join(path) })
}

/// A path without steps into a directory and out again, so that two ways to one file are spelled alike.
fn clean(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        let last = clean.components().next_back();
        match (part, last) {
            (Component::CurDir, _) | (Component::ParentDir, Some(Component::RootDir)) => {}
            (Component::ParentDir, Some(Component::Normal(_))) => {
                clean.pop();
            }
            _ => clean.push(part),
        }
    }
    if clean.as_os_str().is_empty() { ".".into() } else { clean }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_ways_to_a_file_are_one_path() {
        let table = [
            ("a/../b.yaml", ".", "b.yaml"),
            ("../c.yaml", "i/j", "i/c.yaml"),
            ("./c.yaml", "i", "i/c.yaml"),
            ("../../c.yaml", "i", "../c.yaml"),
            ("../c.yaml", "/", "/c.yaml"),
            ("..", "i", "."),
        ];
        for (path, directory, want) in table {
            assert_eq!(in_project(path, Path::new(directory)), Path::new(want), "{path}");
        }
    }
}
