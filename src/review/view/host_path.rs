//! Where a source leads on the host, by its spelling alone.

/// From a bundle, this many steps up are the project's directory.
const TO_PROJECT: usize = 2;

/// Nobody keeps a project this deep: so many steps up from it are the root of the host.
const TO_ROOT: usize = TO_PROJECT + 4;

/// No path of Linux is longer.
const MAX: usize = 4096;

/// The absolute path that a source leads to; none where it is in the project, or somewhere near it.
///
/// Steps that lead out of the project lead to somewhere that depends on where it lies. What is spelt like a path of the
/// host is taken for one all the same: `../../../etc/shadow` is meant to be found by who lies deep enough.
pub fn of_host(source: &str) -> Option<String> {
    if source.is_empty() || source.len() > MAX {
        return None;
    }
    let (up, rest) = cleaned(source);
    let meant = match rest.len() {
        _ if source.starts_with('/') => true,
        0 => up >= TO_ROOT,
        1 => up >= TO_PROJECT + 2,
        _ => up > TO_PROJECT,
    };
    meant.then(|| followed(&rest))
}

/// A path without `.`, `..` and doubled slashes: how many steps lead up before it begins, and its parts.
fn cleaned(path: &str) -> (usize, Vec<&str>) {
    let (mut up, mut parts) = (0, Vec::new());
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => up += usize::from(parts.pop().is_none()),
            part => parts.push(part),
        }
    }
    (up, parts)
}

/// Follows the links that every host has.
fn followed(parts: &[&str]) -> String {
    let parts = match parts {
        ["proc", _, "root", rest @ ..] => rest,
        parts => parts,
    };
    match parts {
        ["var", "run", rest @ ..] => joined(&["run"], rest),
        ["var", "lock", rest @ ..] => joined(&["run", "lock"], rest),
        parts => joined(&[], parts),
    }
}

fn joined(first: &[&str], rest: &[&str]) -> String {
    let parts: Vec<&str> = first.iter().chain(rest).copied().collect();
    format!("/{}", parts.join("/"))
}

/// The same place by one spelling, whatever bundle names it: from the directory of the bundles where it is relative.
pub fn from_bundles(bundle: &str, source: &str) -> Option<String> {
    if source.is_empty() || source.len() > MAX {
        return None;
    }
    if source.starts_with('/') {
        return Some(followed(&cleaned(source).1));
    }
    let (up, parts) = cleaned(source);
    let above = up.checked_sub(1).map_or_else(|| format!("{bundle}/"), |up| "../".repeat(up));
    Some(format!("./{above}{}", parts.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_sources_lead() {
        for (source, want) in [
            ("/etc/../etc//shadow", Some("/etc/shadow")),
            ("/var/run/docker.sock", Some("/run/docker.sock")),
            ("/proc/1/root/etc", Some("/etc")),
            ("/proc/self/root", Some("/")),
            ("/..", Some("/")),
            ("../../data", None),
            ("../../../data", None),
            ("../../../../data", Some("/data")),
            ("../../../etc/shadow", Some("/etc/shadow")),
            ("../../..", None),
            ("../../../../../..", Some("/")),
            ("../volumes/data", None),
            ("etc/hosts", None),
            ("", None),
        ] {
            assert_eq!(of_host(source).as_deref(), want, "{source}");
        }
    }

    #[test]
    fn one_place_has_one_name() {
        for (source, want) in [
            ("../volumes/data", "./volumes/data"),
            ("../../data/", "./../data"),
            ("etc/hosts", "./web/etc/hosts"),
            ("/var/run/x", "/run/x"),
        ] {
            assert_eq!(from_bundles("web", source).as_deref(), Some(want), "{source}");
        }
    }
}
