//! `extends`: a service that begins as a copy of another one.
//!
//! A service sees those of its own document, whatever their order, or those of another file. The other file is read
//! for its services alone: what it includes and declares besides does not come along, and only the service that comes
//! of it is checked. Relative paths in it start at its own directory, as they keep their spans.

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;

use super::include::directory_of;
use super::{Loader, ROOT, Scope, in_project, is_remote, refuse_remote, unreadable, with, without};
use crate::compose::expand::expand;
use crate::compose::merge::{merge, settle};
use crate::compose::schema::{SERVICE, Shape};
use crate::diag::{Code, Diagnostics, Reported};
use crate::nearest::nearest;
use crate::source::{FileId, Span};
use crate::yaml::{self, Entry, Node, Value};

/// The services of one file or document, to be extended.
#[derive(Debug)]
pub(super) struct Services {
    file: FileId,
    entries: Vec<Entry>,
    by_name: BTreeMap<Rc<str>, usize>,
}

impl Services {
    fn new(file: FileId, entries: &[Entry]) -> Self {
        let by_name = (0..).zip(entries).map(|(at, entry)| (Rc::clone(&entry.key), at)).collect();
        Services { file, entries: entries.to_vec(), by_name }
    }

    fn get(&self, name: &str) -> Option<&Entry> {
        self.entries.get(*self.by_name.get(name)?)
    }
}

/// A service on the way: which file's, and where it is asked for.
struct Step {
    file: FileId,
    name: Rc<str>,
    asked: Span,
}

/// How long a chain of services may be. Real ones have two or three.
const MAX_CHAIN: usize = 100;

/// How many nodes the extended services of a project may have together: a short file can make a long chain of
/// services, each as large as all before it.
const MAX_SIZE: usize = 2_000_000;

impl Loader<'_> {
    /// The document with its services as they are after `extends`.
    pub(super) fn extend_services(&mut self, document: Node, scope: &Scope<'_>) -> Node {
        let Some(services) = document.get("services") else { return document };
        let Value::Map(entries) = &services.value else { return document };
        if entries.iter().all(|entry| entry.value.get("extends").is_none()) {
            return document;
        }
        let all = Services::new(services.span.file, entries);
        let extended = entries.iter().map(|entry| {
            let value = self.extended(&all, entry, &mut Vec::new(), scope);
            Entry { value: value.unwrap_or_else(|reported| broken(&entry.value, reported)), ..entry.clone() }
        });
        let extended = Node::map(services.span, extended.collect());
        with(&document, "services", extended)
    }

    /// One service laid over the one it extends.
    fn extended(
        &mut self,
        services: &Services,
        service: &Entry,
        steps: &mut Vec<Step>,
        scope: &Scope<'_>,
    ) -> Result<Node, Reported> {
        let Some(extends) = service.value.get("extends") else { return Ok(service.value.clone()) };
        let own = without(&service.value, "extends");
        let asked = match &extends.value {
            Value::Map(_) => extends.get("service"),
            Value::Broken(reported) => return Err(*reported),
            // `check` says what is wrong with it.
            _ => None,
        };
        let Some((node, name)) = asked.and_then(|node| Some((node, node.as_str()?))) else {
            return Ok(service.value.clone());
        };
        let step = Step { file: services.file, name: Rc::clone(&service.key), asked: node.content() };
        self.check_chain(steps, &step)?;
        if self.extended_size > MAX_SIZE {
            self.d.failed()?;
        }
        steps.push(step);
        let file = extends.get("file").filter(|file| !file.is_null());
        let other = match file {
            Some(file) => Some(self.services_of(file, scope)?),
            None => None,
        };
        let from = other.as_deref().unwrap_or(services);
        let base = match from.get(name) {
            Some(base) => self.extended(from, base, steps, scope)?,
            None => return Err(self.not_found(node, name, from, file)),
        };
        steps.pop();
        let merged = merge(self.d, &settle(&base), &own, &Shape::Object(&SERVICE));
        self.count(&merged, node)?;
        Ok(merged)
    }

    /// Counts what was made, against files that grow without end.
    fn count(&mut self, made: &Node, asked: &Node) -> Result<(), Reported> {
        self.extended_size += size(made);
        if self.extended_size <= MAX_SIZE {
            return Ok(());
        }
        let message = format!("the services that `extends` makes have more than {MAX_SIZE} values");
        Err(self.d.error(Code::Cycle, message).label(asked.content(), "up to here").emit())
    }

    /// The services of another file.
    fn services_of(&mut self, file: &Node, scope: &Scope<'_>) -> Result<Rc<Services>, Reported> {
        let Some(written) = file.as_str() else {
            return self.d.failed().and_then(|()| Err(wrong_file(self.d, file)));
        };
        if is_remote(written) {
            return Err(refuse_remote(self.d, file, "a service"));
        }
        let base = self.sources.base(file.span.file).unwrap_or(scope.base);
        let path = in_project(written, base);
        if let Some(known) = self.extended.get(&path) {
            return known.clone();
        }
        // Each place that names a file that is not there is one to be changed.
        let id = self.sources.read_from(&path, &directory_of(&path));
        let id = id.map_err(|error| unreadable(self.d, &path, &error, Some(file.content())))?;
        let services = self.read_services(id, &path, file, scope);
        self.extended.insert(path, services.clone());
        services
    }

    fn read_services(
        &mut self,
        id: FileId,
        path: &Path,
        asked: &Node,
        scope: &Scope<'_>,
    ) -> Result<Rc<Services>, Reported> {
        let documents = yaml::documents(self.d, id, &self.sources.text(id))?;
        let mut merged: Option<Node> = None;
        for document in documents {
            let document = self.interpolated(&document, scope);
            let document = expand(self.d, &document, &ROOT, self.request.variables);
            merged = Some(match merged {
                Some(before) => settle(&merge(self.d, &before, &document, &ROOT)),
                None => document,
            });
        }
        if let Some(services) = merged.as_ref().and_then(|file| file.get("services")) {
            return match services.value {
                Value::Broken(reported) => Err(reported),
                _ => Ok(Rc::new(Services::new(id, services.entries()))),
            };
        }
        let message = format!("{} has no services", path.display());
        Err(self.d.error(Code::UnknownService, message).label(asked.content(), "extended from").emit())
    }

    /// Refuses a service that extends itself, or in too long a chain, which is said once for all that stand in it.
    fn check_chain(&mut self, steps: &[Step], step: &Step) -> Result<(), Reported> {
        if self.endless.contains(&(step.file, Rc::clone(&step.name))) {
            self.d.failed()?;
        }
        let is_same = |earlier: &Step| earlier.file == step.file && earlier.name == step.name;
        let (members, reported) = match steps.iter().position(is_same) {
            Some(first) => {
                let circle = steps.get(first..).unwrap_or_default();
                (circle, circular(self.d, circle, step))
            }
            None if steps.len() < MAX_CHAIN => return Ok(()),
            None => {
                let message = format!("a service extends another one in a chain of more than {MAX_CHAIN}");
                let draft = self.d.error(Code::Cycle, message).label(step.asked, "up to here");
                (steps, draft.emit())
            }
        };
        self.endless.extend(members.iter().map(|step| (step.file, Rc::clone(&step.name))));
        Err(reported)
    }

    fn not_found(&mut self, asked: &Node, name: &str, from: &Services, file: Option<&Node>) -> Reported {
        let message = match file.and_then(Node::as_str) {
            Some(file) => format!("{file} has no service `{name}`"),
            None => format!("there is no service `{name}` to extend in this file"),
        };
        let known = nearest(name, from.entries.iter().map(|entry| &*entry.key));
        let draft = self.d.error(Code::UnknownService, message).label(asked.content(), "");
        match known {
            Some(_) => draft.did_you_mean(known),
            None if file.is_none() => draft.help("a service in another file needs `file` too"),
            None => draft,
        }
        .emit()
    }
}

/// Every value below a node, and the node.
fn size(node: &Node) -> usize {
    let below: usize = match &node.value {
        Value::Map(entries) => entries.iter().map(|entry| size(&entry.value)).sum(),
        Value::Seq(items) => items.iter().map(size).sum(),
        Value::Override(node) => size(node),
        _ => 0,
    };
    below + 1
}

fn broken(node: &Node, reported: Reported) -> Node {
    Node { span: node.span, value: Value::Broken(reported) }
}

fn circular(d: &mut Diagnostics, circle: &[Step], last: &Step) -> Reported {
    let way: Vec<_> = circle.iter().chain([last]).map(|step| format!("`{}`", step.name)).collect();
    let message = format!("a service extends itself: {}", way.join(" extends "));
    let mut draft = d.error(Code::Cycle, message).label(last.asked, "and so on");
    for earlier in circle.iter().skip(1).take(8) {
        draft = draft.label(earlier.asked, "");
    }
    draft.help("put what they share into a service that extends nothing").emit()
}

fn wrong_file(d: &mut Diagnostics, file: &Node) -> Reported {
    crate::compose::decode::wrong_type(d, file, crate::compose::decode::Expected::Text)
}
