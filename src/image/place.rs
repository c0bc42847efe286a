//! What the path of a layer entry stands for: a name in a directory, or an order to remove something that a lower
//! layer has.

const WHITEOUT: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";

/// Where an entry applies. Directories are paths from the root, without a leading slash, `.` or `..`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The root itself.
    Root,
    /// A name in a directory.
    Name { directory: Vec<u8>, name: Vec<u8> },
    /// What lower layers have under a name is gone.
    Whiteout { directory: Vec<u8>, name: Vec<u8> },
    /// What lower layers have in a directory is gone.
    Opaque { directory: Vec<u8> },
}

impl Place {
    /// Understands the path of an entry. An absolute path starts at the root of the image, as it does for Docker;
    /// `..` has no honest use and is refused.
    pub fn parse(path: &[u8]) -> Result<Place, &'static str> {
        let mut parts = parts(path);
        if parts.iter().any(|part| *part == b"..") {
            return Err("the path contains `..`");
        }
        let Some(last) = parts.pop() else { return Ok(Place::Root) };
        if parts.iter().any(|part| part.starts_with(WHITEOUT)) {
            return Err("a directory is named like a whiteout");
        }
        let directory = parts.join(&b'/');
        if last == OPAQUE {
            return Ok(Place::Opaque { directory });
        }
        let Some(hidden) = last.strip_prefix(WHITEOUT) else {
            return Ok(Place::Name { directory, name: last.to_vec() });
        };
        if matches!(hidden, b"" | b"." | b"..") || hidden.starts_with(WHITEOUT) {
            return Err("an invalid whiteout");
        }
        Ok(Place::Whiteout { directory, name: hidden.to_vec() })
    }
}

/// The parts of a path that mean something.
pub(super) fn parts(path: &[u8]) -> Vec<&[u8]> {
    path.split(|b| *b == b'/').filter(|part| !matches!(*part, b"" | b".")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_places() {
        let name =
            |directory: &str, name: &str| Place::Name { directory: directory.into(), name: name.into() };
        let gone =
            |directory: &str, name: &str| Place::Whiteout { directory: directory.into(), name: name.into() };
        let table = [
            ("", Ok(Place::Root)),
            (".", Ok(Place::Root)),
            ("/", Ok(Place::Root)),
            ("/./", Ok(Place::Root)),
            ("a", Ok(name("", "a"))),
            ("/a", Ok(name("", "a"))),
            ("./a//b/./c/", Ok(name("a/b", "c"))),
            ("a/.whx", Ok(name("a", ".whx"))),
            ("a/..x", Ok(name("a", "..x"))),
            (".wh.x", Ok(gone("", "x"))),
            ("a/b/.wh.x", Ok(gone("a/b", "x"))),
            (".wh..x", Ok(gone("", ".x"))),
            ("a/.wh..wh..opq", Ok(Place::Opaque { directory: b"a".to_vec() })),
            (".wh..wh..opq", Ok(Place::Opaque { directory: vec![] })),
            ("..", Err("the path contains `..`")),
            ("../a", Err("the path contains `..`")),
            ("/a/../../b", Err("the path contains `..`")),
            ("a/../.wh.b", Err("the path contains `..`")),
            (".wh.", Err("an invalid whiteout")),
            (".wh..", Err("an invalid whiteout")),
            ("a/.wh...", Err("an invalid whiteout")),
            (".wh..wh.foo", Err("an invalid whiteout")),
            (".wh..wh.plnk", Err("an invalid whiteout")),
            (".wh..wh.", Err("an invalid whiteout")),
            (".wh.a/b", Err("a directory is named like a whiteout")),
        ];
        for (path, want) in table {
            assert_eq!(Place::parse(path.as_bytes()), want, "{path}");
        }
    }
}
