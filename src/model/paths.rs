//! Paths on the host, made absolute.

use std::path::{Component, Path, PathBuf};

use super::edit::change;
use crate::compose::schema::{self, FILE, Leaf, Names, Object, Shape};
use crate::source::Sources;
use crate::yaml::{Entry, Node, Value};

/// The tree with every path on the host absolute, as `config` prints it (compose-go: `paths/`). A relative path starts at
/// the base of the file it was written in. That base may be relative too, and then starts at `directory`, which is also
/// where paths start that stand in no Compose file. `home` is what `~` stands for.
pub fn absolute(root: &Node, sources: &Sources, directory: &Path, home: Option<&str>) -> Node {
    let home = home.filter(|home| !home.is_empty());
    let resolver = Resolver { sources, directory, home };
    let root = &resolver.node(root, &Shape::Object(&FILE));
    let root = &change(root, "services.*.volumes.*", &mut |mount| resolver.bind(mount));
    let root = &change(root, "services.*.develop.watch.*.path", &mut |path| without_link(path));
    change(root, "volumes.*", &mut |volume| resolver.device(volume))
}

/// The tree in which what a bundle mounts, and what images are built from, starts at `directory`, that of the project, whichever file it was written in.
/// A path stays relative, so that the project can be moved.
pub fn from_project(root: &Node, sources: &Sources, directory: &Path) -> Node {
    let moved = |path: &Node| match path.as_str() {
        Some(text) if !text.starts_with(['/', '~']) => {
            let base = sources.base(path.span.file).unwrap_or(directory);
            match way(directory, base) {
                way if way == Path::new("") => path.clone(),
                way => Node::text(path.span, clean(&way.join(text).to_string_lossy())),
            }
        }
        _ => path.clone(),
    };
    let bind = |mount: &Node| match mount.get("type").and_then(Node::as_str) {
        Some("bind") => change(mount, "source", &mut |source| moved(source)),
        _ => mount.clone(),
    };
    let root = &change(root, "services.*.volumes.*", &mut |mount| bind(mount));
    let root = &change(root, "secrets.*.file", &mut |path| moved(path));
    let root = &change(root, "configs.*.file", &mut |path| moved(path));
    let root = &change(root, "volumes.*", &mut |volume| of_device(volume, moved));
    let context = |node: &Node| if is_remote(node) { node.clone() } else { moved(node) };
    let root = &change(root, "services.*.build.context", &mut |path| context(path));
    let root = &change(root, "services.*.build.additional_contexts.*", &mut |path| context(path));
    change(root, "services.*.x-bundlegen.rootfs", &mut |path| moved(path))
}

/// The way from the directory of the project to that of a file. One that was named by an absolute path is found by that.
fn way(from: &Path, to: &Path) -> PathBuf {
    let [from, to] = [from, to].map(|path| PathBuf::from(clean(&path.to_string_lossy())));
    if to.is_absolute() != from.is_absolute() {
        return to;
    }
    let [from, to] = [&from, &to].map(|path| path.components().filter(|part| *part != Component::CurDir));
    let common = from.clone().zip(to.clone()).take_while(|(a, b)| a == b).count();
    let up = from.skip(common).map(|_| Component::ParentDir);
    up.chain(to.skip(common)).collect()
}

struct Resolver<'a> {
    sources: &'a Sources,
    directory: &'a Path,
    home: Option<&'a str>,
}

impl Resolver<'_> {
    /// What the schema knows to be a path, resolved.
    fn node(&self, node: &Node, shape: &Shape) -> Node {
        let value = match (&node.value, shape) {
            (_, Shape::Nullable(shape) | Shape::Short(_, shape)) => return self.node(node, shape),
            (Value::Scalar(_), Shape::Leaf(Leaf::Path(schema::Path::Local))) => return self.local(node),
            (Value::Scalar(_), Shape::Leaf(Leaf::Path(schema::Path::Context))) => return self.context(node),
            (Value::Map(entries), Shape::Object(Object { attributes, .. })) => {
                let shape = |key: &str| attributes.iter().find(|attribute| attribute.key == key);
                let entry = |entry: &Entry| match shape(&entry.key) {
                    Some(known) => Entry { value: self.node(&entry.value, &known.shape), ..entry.clone() },
                    None => entry.clone(),
                };
                Value::Map(entries.iter().map(entry).collect())
            }
            (Value::Map(entries), Shape::Names(Names { value, .. })) => {
                let entry = |entry: &Entry| Entry { value: self.node(&entry.value, value), ..entry.clone() };
                Value::Map(entries.iter().map(entry).collect())
            }
            (Value::Seq(items), Shape::List(list)) => {
                Value::Seq(items.iter().map(|item| self.node(item, &list.item)).collect())
            }
            _ => return node.clone(),
        };
        Node { span: node.span, value }
    }

    /// A path of this machine. One of Windows is left alone.
    fn local(&self, node: &Node) -> Node {
        let Some(text) = node.as_str() else { return node.clone() };
        let home = self.home.and_then(|home| Some(format!("{home}/{}", text.strip_prefix('~')?)));
        let path = match home {
            Some(path) => clean(&path),
            None if text.starts_with('/') || is_windows(text) => return node.clone(),
            None => {
                let base = self.sources.base(node.span.file).unwrap_or(self.directory);
                clean(&self.directory.join(base).join(text).to_string_lossy())
            }
        };
        Node::text(node.span, path)
    }

    /// A directory to build from, unless it is an address or another service (compose-go: `paths/context.go`).
    fn context(&self, node: &Node) -> Node {
        if is_remote(node) { node.clone() } else { self.local(node) }
    }

    /// The source of a bind mount.
    fn bind(&self, mount: &Node) -> Node {
        if mount.get("type").and_then(Node::as_str) != Some("bind") {
            return mount.clone();
        }
        change(mount, "source", &mut |source| self.local(source))
    }

    /// The directory that a volume of the driver `local` is bound to.
    fn device(&self, volume: &Node) -> Node {
        of_device(volume, |device| self.local(device))
    }
}

/// A volume with another path to the directory that it is bound to.
fn of_device(volume: &Node, path: impl Fn(&Node) -> Node) -> Node {
    let text = |node: Option<&Node>| node.and_then(Node::as_str).map(str::to_owned);
    let options = volume.get("driver_opts");
    let local = text(volume.get("driver")).as_deref() == Some("local");
    let bind = text(options.and_then(|options| options.get("o"))).as_deref() == Some("bind");
    if !local || !bind {
        return volume.clone();
    }
    change(volume, "driver_opts.device", &mut |device| path(device))
}

/// Whether a context is no directory of this machine.
fn is_remote(context: &Node) -> bool {
    context.as_str().is_none_or(|text| {
        text.is_empty() || text.contains("://") || REMOTE.iter().any(|prefix| text.starts_with(prefix))
    })
}

/// What a context begins with that is no directory.
const REMOTE: [&str; 3] = ["service:", "github.com/", "git@"];

/// The path of a watch, with a link in it followed.
fn without_link(path: &Node) -> Node {
    let followed = path.as_str().and_then(|text| Sources::without_link(Path::new(text)));
    match followed {
        Some(followed) => Node::text(path.span, followed.to_string_lossy()),
        None => path.clone(),
    }
}

/// `C:\` and `\\HOST\SHARE`, with slashes of either kind.
fn is_windows(text: &str) -> bool {
    let separator = |byte: Option<&u8>| matches!(byte, Some(b'/' | b'\\'));
    let bytes = text.as_bytes();
    let share = separator(bytes.first()) && separator(bytes.get(1));
    share || (bytes.get(1) == Some(&b':') && separator(bytes.get(2)))
}

/// The shortest path that means the same without looking at the disk, as Go's `path.Clean` makes it.
pub(super) fn clean(text: &str) -> String {
    let absolute = text.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            ".." if absolute => {}
            part => parts.push(part),
        }
    }
    match (absolute, parts.join("/")) {
        (true, path) => format!("/{path}"),
        (false, path) if path.is_empty() => ".".to_owned(),
        (false, path) => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_found_from_the_project() {
        let table = [
            (".", ".", ""),
            (".", "a/b", "a/b"),
            ("a", "a/../b", "../b"),
            ("../p", "../p/a", "a"),
            ("../p", "../p/../../q", "../../q"),
            ("/p", "/p/a", "a"),
            ("/p", "/q", "../q"),
            ("p", "/q", "/q"),
        ];
        for (from, to, want) in table {
            assert_eq!(way(Path::new(from), Path::new(to)), Path::new(want), "{from} {to}");
        }
    }
}
