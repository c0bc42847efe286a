//! `include`: other projects, loaded for themselves and brought in.
//!
//! Each has a directory of its own, where its relative paths start, and variables of its own below those of the one
//! that includes it. What comes out is laid beside what the including document defines; nothing is merged.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Loader, ROOT, Scope, in_project, is_remote, refuse_remote, unreadable, with, without};
use crate::compose::check::check;
use crate::compose::decode::{Expected, wrong_type};
use crate::diag::{Code, Diagnostics, Reported};
use crate::load::{Environment, WithName};
use crate::nearest::nearest;
use crate::source::{FileId, Sources, Span};
use crate::yaml::template::Lookup;
use crate::yaml::{Entry, Node, References, Value};

/// What an include brings in.
const SECTIONS: [&str; 6] = ["services", "volumes", "networks", "secrets", "configs", "models"];

/// How many includes a project may have, counted each time one is followed: files that include each other twice make
/// many of few.
const MAX_INCLUDES: usize = 500;

impl Loader<'_> {
    /// The document with what it includes.
    pub(super) fn with_includes(&mut self, document: Node, scope: &Scope<'_>) -> Node {
        let Some(include) = document.get("include").cloned() else { return document };
        // The list itself is checked here, as it is gone before the rest is.
        let only = Node::map(include.span, vec![Entry::new("include", include.span, include.clone())]);
        let only = check(self.d, &only, &ROOT, self.request.variables);
        let mut document = without(&document, "include");
        for item in only.get("include").map(Node::items).unwrap_or_default() {
            find_ignored(self.d, item);
            if let Ok(included) = self.included(item, scope) {
                document = self.imported(document, &included, item.span);
            }
        }
        document
    }

    /// The tree of what one item includes.
    fn included(&mut self, item: &Node, scope: &Scope<'_>) -> Result<Node, Reported> {
        if let Value::Broken(reported) = item.value {
            return Err(reported);
        }
        let paths = self.include_paths(item, scope)?;
        let Some(main) = paths.first() else { return self.nothing_included(item, scope) };
        let place = item.get("path").and_then(|path| path.items().first()).map_or(item.span, Node::content);
        self.check_include(main, place, scope)?;
        let directory = include_directory(item, main, scope);
        // A file of variables that is not there hides nothing of what else is missing.
        let environment = self.include_environment(item, &directory, scope);
        let files = self.include_files(item, &paths, &directory)?;
        let environment = environment?;
        let (main, documents) = self.parse(&files)?;
        if documents.is_empty() {
            return Ok(Node::map(Span::start_of(main), Vec::new()));
        }
        let mut chain = scope.chain.clone();
        chain.extend(paths);
        let inner = Scope { environment: &environment, name: scope.name, base: &directory, chain };
        let root = self.merged(main, documents, &inner)?;
        let variables = WithName { environment: &environment, name: scope.name };
        let root = own_variables(&root, &variables, &mut self.uses.references);
        self.outer_references.extend(environment.references);
        Ok(root)
    }

    /// Reads the files of an item. All that cannot be read are reported.
    fn include_files(
        &mut self,
        item: &Node,
        paths: &[PathBuf],
        directory: &Path,
    ) -> Result<Vec<FileId>, Reported> {
        let mut failed = None;
        let mut files = Vec::new();
        for (path, asked) in paths.iter().zip(item.get("path").map(Node::items).unwrap_or_default()) {
            match self.sources.read_from(path, directory) {
                Ok(file) => files.push(file),
                Err(error) => failed = Some(unreadable(self.d, path, &error, Some(asked.content()))),
            }
        }
        failed.map_or(Ok(files), Err)
    }

    /// An item without a path. Compose takes it for one that includes nothing, and reads its env files all the same.
    fn nothing_included(&mut self, item: &Node, scope: &Scope<'_>) -> Result<Node, Reported> {
        let message = "an include without the path of a file includes nothing";
        let draft = self.d.doubt(Code::MissingKey, message).label(item.span, "no path in here");
        draft.help("write `path: FILE`, or remove the item").emit();
        self.include_environment(item, scope.base, scope)?;
        Ok(Node::map(item.span, Vec::new()))
    }

    fn include_paths(&mut self, item: &Node, scope: &Scope<'_>) -> Result<Vec<PathBuf>, Reported> {
        let mut paths = Vec::new();
        for node in item.get("path").map(Node::items).unwrap_or_default() {
            let Some(written) = node.as_str() else { return Err(wrong_type(self.d, node, Expected::Text)) };
            if is_remote(written) {
                return Err(refuse_remote(self.d, node, "an include"));
            }
            paths.push(in_project(written, scope.base));
        }
        Ok(paths)
    }

    fn check_include(&mut self, main: &Path, place: Span, scope: &Scope<'_>) -> Result<(), Reported> {
        self.includes += 1;
        if self.includes > MAX_INCLUDES {
            let message = format!("the project has more than {MAX_INCLUDES} includes");
            return Err(self.d.error(Code::Cycle, message).label(place, "up to here").emit());
        }
        let Some(first) = scope.chain.iter().position(|path| same_file(path, main)) else { return Ok(()) };
        let way = scope.chain.iter().skip(first).map(|path| path.display().to_string());
        let way: Vec<_> = way.chain([main.display().to_string()]).collect();
        let message = format!("a file includes itself: {}", way.join(" includes "));
        Err(self.d.error(Code::Cycle, message).label(place, "and so on").emit())
    }

    /// The variables of an included project: those of the one that includes it, and below them those of its own files.
    fn include_environment(
        &mut self,
        item: &Node,
        directory: &Path,
        scope: &Scope<'_>,
    ) -> Result<Environment, Reported> {
        let mut environment = scope.environment.outer();
        match item.get("env_file") {
            Some(files) if !files.items().is_empty() => {
                let mut failed = Ok(());
                for file in files.items() {
                    let path = in_project(file.as_str().unwrap_or_default(), scope.base);
                    let added = environment.add_file(self.d, self.sources, &path, file.content());
                    failed = failed.and(added);
                }
                failed?;
            }
            _ => environment.add_default(self.d, self.sources, directory)?,
        }
        Ok(environment)
    }

    /// The document with what an include defines.
    fn imported(&mut self, mut document: Node, included: &Node, asked: Span) -> Node {
        for section in SECTIONS {
            let Some(from) = included.get(section) else { continue };
            let to = document.get(section).cloned().unwrap_or_else(|| Node::map(from.span, Vec::new()));
            // A section of the wrong type is reported when the document is checked.
            if !matches!(to.value, Value::Map(_) | Value::Null) {
                continue;
            }
            let own: BTreeMap<&str, &Entry> = to.entries().iter().map(|own| (&*own.key, own)).collect();
            let mut entries = to.entries().to_vec();
            for entry in from.entries() {
                match own.get(&*entry.key) {
                    Some(own) => self.check_same(section, own, entry, asked),
                    None => entries.push(entry.clone()),
                }
            }
            document = with(&document, section, Node::map(to.span, entries));
        }
        document
    }

    /// Two definitions under one name must say the same.
    fn check_same(&mut self, section: &str, own: &Entry, included: &Entry, asked: Span) {
        if own.value.same(&included.value) && !self.paths_differ(&own.value, &included.value) {
            return;
        }
        let what = section.strip_suffix('s').unwrap_or(section);
        let message = format!("the {what} `{}` is defined here and in an include", own.key);
        let draft = self.d.error(Code::Conflict, message).label(own.key_span, "defined here");
        let draft = draft.label(included.key_span, "and differently here").label(asked, "included here");
        draft.help("give one of them another name, or change it in an override file").emit();
    }

    /// Whether two equal definitions stand in files whose relative paths start at different directories.
    fn paths_differ(&self, own: &Node, included: &Node) -> bool {
        let base = |node: &Node| self.sources.base(node.span.file).map(Path::to_path_buf);
        let relative = |node: &Node| {
            ["file", "build", "env_file", "label_file", "develop"].iter().any(|key| node.get(key).is_some())
                || node.get("volumes").is_some_and(|volumes| volumes.items().iter().any(is_relative))
        };
        relative(own) && base(own) != base(included)
    }
}

/// Where the relative paths of an included project start.
fn include_directory(item: &Node, main: &Path, scope: &Scope<'_>) -> PathBuf {
    let written = item.get("project_directory").and_then(Node::as_str);
    match written.filter(|written| !written.is_empty()) {
        // A directory that is not there is taken for a file, as Compose does it.
        Some(written) => match in_project(written, scope.base) {
            directory if Sources::is_directory(&directory) => directory,
            file => directory_of(&file),
        },
        None => directory_of(main),
    }
}

/// Compose looks at nothing else in an include, and says nothing about it.
fn find_ignored(d: &mut Diagnostics, item: &Node) {
    const KEYS: [&str; 3] = ["path", "env_file", "project_directory"];
    for entry in item.entries().iter().filter(|entry| !KEYS.contains(&&*entry.key)) {
        let known = if d.has_room() { nearest(&entry.key, KEYS) } else { None };
        let message = format!("`{}` is no key of an include, and Compose ignores it", entry.key);
        let draft = d.doubt(Code::UnknownKey, message).label(entry.key_span, "");
        draft.help("an include has `path`, `env_file` and `project_directory`").did_you_mean(known).emit();
    }
}

/// Whether a volume is a directory of the host that is written as a relative path.
fn is_relative(volume: &Node) -> bool {
    let is = |key: &str, test: fn(&str) -> bool| volume.get(key).and_then(Node::as_str).is_some_and(test);
    is("type", |kind| kind == "bind") && is("source", |source| !source.starts_with(['/', '~']))
}

/// The tree with the variables that its services and configs take from the environment, which is not that of the
/// project that includes it.
fn own_variables(root: &Node, variables: &dyn Lookup, references: &mut References) -> Node {
    let services = root.get("services");
    let services = services.map(|services| each(services, |service| filled(service, variables, references)));
    let configs = root.get("configs");
    let configs = configs.map(|configs| each(configs, |config| with_content(config, variables, references)));
    let root = services.map_or_else(|| root.clone(), |services| with(root, "services", services));
    configs.map_or_else(|| root.clone(), |configs| with(&root, "configs", configs))
}

fn each(node: &Node, mut change: impl FnMut(&Node) -> Node) -> Node {
    let Value::Map(entries) = &node.value else { return node.clone() };
    Node::map(
        node.span,
        entries.iter().map(|entry| Entry { value: change(&entry.value), ..entry.clone() }).collect(),
    )
}

fn filled(service: &Node, variables: &dyn Lookup, references: &mut References) -> Node {
    let Some(environment) = service.get("environment") else { return service.clone() };
    let Value::Map(entries) = &environment.value else { return service.clone() };
    let filled = entries.iter().map(|entry| match variables.get(&entry.key) {
        Some(value) if entry.value.is_null() => {
            references.look_up(entry.key_span, &entry.key, variables);
            Entry { value: Node::text(entry.key_span, &*value), ..entry.clone() }
        }
        _ => entry.clone(),
    });
    with(service, "environment", Node::map(environment.span, filled.collect()))
}

fn with_content(config: &Node, variables: &dyn Lookup, references: &mut References) -> Node {
    let asked = config.get("environment").and_then(|node| Some((node.span, node.as_str()?)));
    let value = asked.and_then(|(span, name)| Some((span, name, variables.get(name)?)));
    match value {
        Some((span, name, value)) if config.get("content").is_none() => {
            references.look_up(span, name, variables);
            with(config, "content", Node::text(span, &*value))
        }
        _ => config.clone(),
    }
}

/// The directory that a file is in.
pub(super) fn directory_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => ".".into(),
        Some(parent) => parent.to_path_buf(),
        None => path.to_path_buf(),
    }
}

/// Two ways of writing one path are one file.
fn same_file(a: &Path, b: &Path) -> bool {
    a == b || Sources::same(a, b)
}
