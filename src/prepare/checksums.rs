//! The list of checksums, held against the files it names.

use std::collections::BTreeMap;
use std::io;

use super::tree::Tree;
use super::{Error, SUMS};
use crate::bundle::sums::Owned;
use crate::image::Digest;

/// Every file that belongs to the tree, and what it should be.
#[derive(Debug)]
pub(super) struct Sums(BTreeMap<String, Digest>);

impl Sums {
    pub fn read(tree: &Tree) -> Result<Sums, Error> {
        let path = tree.path().join(SUMS);
        let bytes = tree.read(SUMS).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                Error::bundle(&path, "not there: these are no bundles, or no build was completed")
            }
            _ => Error::io(&path, error),
        })?;
        Sums::parse(&bytes).map_err(|reason| Error::bundle(path, reason))
    }

    /// A build passes over a line it does not understand, and writes the list anew; a host that is to trust the list
    /// must understand all of it.
    fn parse(bytes: &[u8]) -> Result<Sums, String> {
        let owned = Owned::parse(bytes).map_err(|error| error.to_string())?;
        if !owned.is_clean() {
            return Err("not every line is one that a build writes".to_owned());
        }
        let mut files = BTreeMap::new();
        for (path, hex) in owned.files() {
            let digest = format!("sha256:{hex}").parse().map_err(|_| format!("`{hex}` is not a digest"))?;
            if files.insert(path.to_string(), digest).is_some() {
                return Err(format!("`{path}` is listed twice"));
            }
        }
        Ok(Sums(files))
    }

    /// Every path with its digest, in order.
    pub fn files(&self) -> impl Iterator<Item = (&str, &Digest)> {
        self.0.iter().map(|(path, digest)| (path.as_str(), digest))
    }

    /// All of a listed text, held to its checksum once more.
    pub fn read_listed(&self, tree: &Tree, path: &str) -> Result<Vec<u8>, Error> {
        let failed = |error| Error::io(tree.path().join(path), error);
        let digest = self.0.get(path).ok_or_else(|| failed(io::Error::other("not in the list")))?;
        tree.read_verified(path, digest).map_err(failed)
    }

    /// Compares all files and names all that are wrong; returns how many there are.
    pub fn verify(&self, tree: &Tree) -> Result<usize, Error> {
        let check = |(path, digest)| tree.verify(path, digest).err().map(|error| format!("{path}: {error}"));
        let problems: Vec<_> = self.files().filter_map(check).collect();
        if problems.is_empty() {
            return Ok(self.0.len());
        }
        Err(Error::Changed { path: tree.path().join(SUMS), problems })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::sums;
    use crate::bundle::tree::{Entry, RelPath, Tree};

    #[test]
    fn a_list_is_taken_whole_or_not_at_all() {
        let mut tree = Tree::default();
        tree.insert(RelPath::parse("web/config.json").unwrap(), Entry::file("{}")).unwrap();
        let list = String::from_utf8(sums::render(&tree)).unwrap();
        let sums = Sums::parse(list.as_bytes()).unwrap();
        assert_eq!(sums.files().map(|(path, _)| path).collect::<Vec<_>>(), ["web/config.json"]);

        let other = list.replace(&sums::digest(b"{}"), &sums::digest(b"x"));
        let twice = list.clone() + other.lines().last().unwrap();
        for (text, what) in [
            (String::new(), "no header"),
            (list.replace("web/", "../"), "a path out of the tree"),
            (list.replace("web/", "/"), "an absolute path"),
            (list.clone() + "<<<<<<< ours\n", "a conflict"),
            (twice, "two digests"),
        ] {
            assert!(Sums::parse(text.as_bytes()).is_err(), "{what}");
        }
    }
}
