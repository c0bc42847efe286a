//! Where something is mounted in a container.

use crate::diag::Invalid;

/// The trees of the kernel. A mount in them replaces what runtimes and security profiles rely on
/// (CVE-2019-16884, CVE-2023-27561, CVE-2025-52881), so nothing may go there.
const KERNEL: [&str; 2] = ["/proc", "/sys"];

/// The absolute path of a mount point, with `.`, `..` and doubled slashes resolved as Go's `path.Clean` does.
pub fn clean_target(text: &str) -> Result<String, Invalid> {
    if let Some(at) = text.find('\0') {
        return Err(Invalid::new(at..at + 1, "a path cannot contain a NUL character"));
    }
    if let Some((at, c)) = text.char_indices().find(|(_, c)| c.is_control()) {
        let message = format!("a path cannot contain the control character `{}`", c.escape_debug());
        return Err(Invalid::new(at..at + c.len_utf8(), message).help("remove it"));
    }
    if text.is_empty() {
        return Err(Invalid::new(0..0, "the path in the container is missing"));
    }
    if !text.starts_with('/') {
        let message = format!("the path in the container must be absolute, found `{text}`");
        return Err(Invalid::whole(text, message));
    }
    let clean = clean(text);
    if clean == "/" {
        return Err(Invalid::whole(text, "nothing can be mounted over the root of the container"));
    }
    if let Some(tree) = kernel_tree(&clean) {
        let message = format!("nothing can be mounted over {tree}, found `{text}`");
        let help =
            format!("mount it elsewhere, such as `/host{tree}`, and tell the program in the container");
        return Err(Invalid::whole(text, message).help(help));
    }
    Ok(clean)
}

/// An absolute path without `.`, `..` and doubled slashes.
pub fn clean(text: &str) -> String {
    let mut parts = Vec::new();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// A path without `.`, `..` and doubled slashes, as Go's `path.Clean` has it: a relative one stays relative.
pub fn clean_path(text: &str) -> String {
    if text.starts_with('/') {
        return clean(text);
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
}

/// The tree of the kernel that a clean path is in.
pub fn kernel_tree(path: &str) -> Option<&'static str> {
    let within =
        |tree: &&str| path.strip_prefix(tree).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    KERNEL.into_iter().find(within)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cleans_paths() {
        for (text, want) in [
            ("/a", "/a"),
            ("/a/", "/a"),
            ("//a//b/./c/..", "/a/b"),
            ("/../a", "/a"),
            ("/proc/../data", "/data"),
            ("/process", "/process"),
            ("/host/sys", "/host/sys"),
            ("/a b/ß", "/a b/ß"),
        ] {
            assert_eq!(clean_target(text).unwrap(), want, "{text}");
        }
    }

    #[test]
    fn cleans_relative_paths() {
        for (text, want) in [
            ("/a//b/", "/a/b"),
            ("a/../b", "b"),
            ("a/..", "."),
            ("../a/../..", "../.."),
            ("./", "."),
            ("", "."),
            ("c:/a/", "c:/a"),
        ] {
            assert_eq!(clean_path(text), want, "{text}");
        }
    }

    #[test]
    fn refuses_with_the_place() {
        for (text, at, message) in [
            ("", 0..0, "the path in the container is missing"),
            ("data", 0..4, "the path in the container must be absolute, found `data`"),
            ("./data", 0..6, "the path in the container must be absolute, found `./data`"),
            ("/", 0..1, "nothing can be mounted over the root of the container"),
            ("/a/../..", 0..8, "nothing can be mounted over the root of the container"),
            ("/proc", 0..5, "nothing can be mounted over /proc, found `/proc`"),
            ("/a/../proc//self/", 0..17, "nothing can be mounted over /proc, found `/a/../proc//self/`"),
            ("/sys/fs/cgroup", 0..14, "nothing can be mounted over /sys, found `/sys/fs/cgroup`"),
            ("/a\0b", 2..3, "a path cannot contain a NUL character"),
            ("/a\nb", 2..3, "a path cannot contain the control character `\\n`"),
        ] {
            let invalid = clean_target(text).unwrap_err();
            assert_eq!((invalid.range, &*invalid.message), (at, message), "{text}");
        }
    }
}
