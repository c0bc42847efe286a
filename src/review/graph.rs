//! A project as a picture: a flowchart of Mermaid, which GitHub and others draw where they find it in a text.
//!
//! The grammar is that of <https://mermaid.js.org/syntax/flowchart.html>. Every text is quoted, and of each only what
//! means nothing to Mermaid, Markdown and HTML stands there as it is.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::rc::Rc;

use crate::compose::value::volume::Access;
use crate::compose::{Mount as Written, Source};
use crate::image::Digest;
use crate::printable::is_unprintable;
use crate::project::network::{Attachment, Network};
use crate::project::{Mount, MountFrom, MountSource, Namespace, Project, Published, Root, Service};
use crate::source::Span;

/// The picture: what a project is made of in the order of its files, then what leads from one to the other. The lines of
/// each part are sorted, so that one more service adds lines and moves none.
pub fn mermaid(project: &Project) -> String {
    let mut graph = Graph { paths: written_paths(project), ..Graph::default() };
    project.services.iter().for_each(|service| graph.service(service));
    let mut text = "flowchart LR\n".to_owned();
    for lines in [graph.ports, graph.services, graph.networks, graph.mounts, graph.edges] {
        for line in lines {
            let _infallible = writeln!(text, "    {line}");
        }
    }
    text
}

/// The paths of bind mounts as they are written: those of the bundle start in the bundle.
fn written_paths(project: &Project) -> BTreeMap<Span, Rc<str>> {
    let volumes = project.services.iter().flat_map(|service| &service.written.volumes);
    let path = |mount: &Written| match &mount.source {
        Source::Bind { path, .. } => Some((mount.span, Rc::clone(&path.value))),
        Source::Volume { .. } | Source::Tmpfs { .. } => None,
    };
    volumes.filter_map(path).collect()
}

#[derive(Default)]
struct Graph {
    paths: BTreeMap<Span, Rc<str>>,
    ports: BTreeSet<String>,
    services: BTreeSet<String>,
    networks: BTreeSet<String>,
    mounts: BTreeSet<String>,
    edges: BTreeSet<String>,
}

impl Graph {
    fn service(&mut self, service: &Service) {
        let own = id("service", &service.bundle);
        let root = match &service.root {
            Root::Image(image) => image.reference.to_string(),
            Root::Unknown(reference) => reference.value.to_string(),
            Root::Directory(path) => service
                .written
                .extension
                .rootfs
                .as_ref()
                .map_or(path.value.as_str(), |path| &path.value)
                .to_owned(),
        };
        self.services.insert(format!("{own}[{}]", label(&[&service.bundle, &root])));
        service.ports.iter().for_each(|port| self.port(&own, port));
        service.networks.iter().for_each(|attachment| self.network(&own, attachment));
        service.mounts.iter().for_each(|mount| self.mount(&own, mount));
        self.namespaces(&own, service);
        for dependency in &service.starts_after {
            let when = match &*dependency.condition.value {
                "service_healthy" => "when it is healthy",
                "service_completed_successfully" => "when it is done",
                _ => "when it has started",
            };
            let other = id("service", &dependency.name.value);
            self.edges.insert(format!("{own} -->|{}| {other}", label(&[when])));
        }
    }

    fn port(&mut self, own: &str, port: &Published) {
        let range = |first: u16| match port.count {
            0 | 1 => first.to_string(),
            count => format!("{first}-{}", first.saturating_add(count - 1)),
        };
        let (host, inside) = (range(port.host), range(port.container));
        let outside = match port.ip {
            Some(ip) if ip.is_ipv6() => format!("[{ip}]:{host}/{}", port.protocol),
            Some(ip) => format!("{ip}:{host}/{}", port.protocol),
            None => format!("{host}/{}", port.protocol),
        };
        let node = id("port", &outside);
        self.ports.insert(format!("{node}([{}])", label(&[&outside])));
        self.edges.insert(format!("{node} ==>|{}| {own}", label(&[&inside])));
    }

    fn network(&mut self, own: &str, attachment: &Attachment) {
        let node = self.network_node(&attachment.network);
        let mut words: Vec<String> = attachment.addresses.iter().map(|given| given.ip.to_string()).collect();
        words.extend(attachment.aliases.iter().map(|alias| alias.value.to_string()));
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        self.edges.insert(if words.is_empty() {
            format!("{own} --- {node}")
        } else {
            format!("{own} ---|{}| {node}", label(&words))
        });
    }

    fn network_node(&mut self, network: &Network) -> String {
        let node = id("network", &network.key.value);
        let mut words = vec![network.key.value.to_string()];
        words.extend(network.subnets.iter().map(|subnet| subnet.net.to_string()));
        words.extend(network.internal.then(|| "internal".to_owned()));
        words.extend(network.external.map(|_| "external".to_owned()));
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        self.networks.insert(format!("{node}{{{{{}}}}}", label(&words)));
        node
    }

    /// Files of the bundle and memory are a container's own, and lead nowhere.
    fn mount(&mut self, own: &str, mount: &Mount) {
        if mount.from == MountFrom::Files {
            return;
        }
        let node = match &mount.source {
            MountSource::Bind { path, .. } => {
                let path = self.paths.get(&mount.span).map_or(path.as_str(), |path| path);
                let node = id("bind", path);
                let line = format!("{node}[/{}/]", label(&[path]));
                self.mounts.insert(line);
                node
            }
            MountSource::Volume { path, .. } => {
                let name = path.as_str().trim_start_matches("../volumes/");
                let node = id("volume", name);
                self.mounts.insert(format!("{node}[({})]", label(&[name])));
                node
            }
            MountSource::Device { kind, source, .. } => {
                let node = id("device", &format!("{kind} {source}"));
                self.mounts.insert(format!("{node}[({})]", label(&[source, kind])));
                node
            }
            MountSource::Tmpfs { .. } | MountSource::Generated(_) | MountSource::Private(_) => return,
        };
        let access = match mount.access {
            Access::ReadOnly => format!("{} (read-only)", mount.target),
            Access::ReadWrite => mount.target.to_string(),
        };
        self.edges.insert(format!("{own} -.-|{}| {node}", label(&[&access])));
    }

    fn namespaces(&mut self, own: &str, service: &Service) {
        let spaces = &service.namespaces;
        for (space, what) in
            [(&spaces.network, "network"), (&spaces.pid, "processes"), (&spaces.ipc, "shared memory")]
        {
            let other = match space {
                Namespace::Own => continue,
                Namespace::Of(owner) => id("service", &owner.bundle),
                Namespace::Host(_) => {
                    self.networks.insert(format!("host{{{{{}}}}}", label(&["the host"])));
                    "host".to_owned()
                }
            };
            let words = format!("has its {what}");
            self.edges.insert(format!("{own} -.->|{}| {other}", label(&[&words])));
        }
    }
}

/// The name of a node: two that are called differently never have the same. The word before it keeps it from being one of
/// Mermaid's own, such as `end`.
fn id(kind: &str, name: &str) -> String {
    if name.len() > LONG {
        return format!("{kind}_x_{}", Digest::sha256(name.as_bytes()).hex());
    }
    let mut id = format!("{kind}_");
    for c in name.chars() {
        match c {
            c if c.is_ascii_alphanumeric() => id.push(c),
            '_' => id.push_str("__"),
            c => {
                let _infallible = write!(id, "_x{:x}_", u32::from(c));
            }
        }
    }
    id
}

/// A longer name of a node is the digest of what it would be.
const LONG: usize = 60;

/// How many characters of a text are shown.
const SHOWN: usize = 80;

/// Lines of text in quotes.
fn label(lines: &[&str]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| quoted(line)).collect();
    format!("\"{}\"", lines.join("<br/>"))
}

/// What may mean something is written as a code (Mermaid: "Entity codes to escape characters").
fn quoted(text: &str) -> String {
    let cut = text.chars().count() > SHOWN;
    let shown = text.chars().take(if cut { SHOWN - 1 } else { SHOWN }).chain(cut.then_some('…'));
    let mut quoted = String::with_capacity(text.len());
    let mut before = None;
    let mut shown = shown.peekable();
    while let Some(c) = shown.next() {
        let inside = before.is_some_and(char::is_alphanumeric);
        let after = shown.peek().copied();
        let harmless = match c {
            ' ' | ',' | ':' | '/' | '@' | '(' | ')' | '…' => true,
            '.' => after != Some(' '),
            '-' => before.is_some(),
            '_' => inside && after.is_some_and(char::is_alphanumeric),
            c => c.is_alphanumeric(),
        };
        if harmless {
            quoted.push(c);
        } else if c.is_control() || is_unprintable(c) {
            c.escape_default().for_each(|c| quoted.push_str(&code(c)));
        } else {
            quoted.push_str(&code(c));
        }
        before = Some(c);
    }
    quoted
}

fn code(c: char) -> String {
    format!("#{};", u32::from(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_mean_nothing_to_mermaid() {
        for (text, want) in [
            ("docker.io/library/a:1@sha256:0", "docker.io/library/a:1@sha256:0"),
            ("end", "end"),
            ("\"]; click x", "#34;#93;#59; click x"),
            ("<b>&amp;`*_#35;", "#60;b#62;#38;amp#59;#96;#42;#95;#35;35#59;"),
            ("a\nb\u{202e}", "a#92;#110;b#92;#117;#123;#50;#48;#50;#101;#125;"),
            ("- list", "#45; list"),
            ("1. list_of _all_", "1#46; list_of #95;all#95;"),
            ("größe", "größe"),
        ] {
            assert_eq!(quoted(text), want, "{text}");
        }
        assert_eq!(quoted(&"a".repeat(100)).chars().count(), SHOWN);
    }

    #[test]
    fn names_are_those_of_one_node() {
        let (long, longer) = ("l".repeat(LONG), "l".repeat(LONG + 1));
        let names = ["a-b", "a_b", "a__b", "a.b", "a_x2d_b", "end", "ab", "a/b", "a:b", &long, &longer];
        let ids: BTreeSet<_> = names.iter().map(|name| id("service", name)).collect();
        assert_eq!(ids.len(), names.len());
        assert_eq!(id("service", "a-b"), "service_a_x2d_b");
        assert_eq!(id("service", "a_b"), "service_a__b");
        let fine = |id: &String| id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        assert!(ids.iter().all(fine));
    }
}
