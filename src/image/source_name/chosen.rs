//! One image of a source, whatever it is asked for.

use std::fmt;

use super::Choice;
use crate::image::document::Entry;
use crate::image::select::contained;
use crate::image::source::{Content, Listed, Source};
use crate::image::{Descriptor, Digest, Error, Reference};
use crate::printable::printable_line;

/// How many names are shown in a message.
const MAX_SHOWN: usize = 10;

/// A directory or an archive.
pub(super) struct Chosen {
    pub source: Box<dyn Listed>,
    pub choice: Choice,
    /// The source as the user has written it, with its transport and without a choice.
    pub written: String,
}

/// A repository in a registry.
pub(super) struct InRegistry {
    pub repository: Box<dyn Source>,
    pub reference: Reference,
}

impl Chosen {
    /// The places of the images that are meant; nothing if that is to be decided by what is asked for.
    fn meant(&self) -> Result<Option<Vec<usize>>, Error> {
        let listing = self.source.listing();
        match &self.choice {
            Choice::Name(name) => {
                let called = called(&listing, name);
                if called.is_empty() {
                    return Err(self.refuse(format!("has no image `{name}`, {}", only(&listing))));
                }
                Ok(Some(called))
            }
            Choice::Index(index) if *index < listing.len() => Ok(Some(vec![*index])),
            Choice::Index(index) => {
                Err(self.refuse(format!("has no image `@{index}`: there are {}", listing.len())))
            }
            Choice::None => match listing.split_first() {
                None => Err(self.refuse("has no image".into())),
                // What has one name is one image, for one platform or several.
                Some((first, rest)) if rest.iter().all(|names| names == first) => {
                    Ok(Some((0..listing.len()).collect()))
                }
                Some(_) => Ok(None),
            },
        }
    }

    fn refuse(&self, reason: String) -> Error {
        Error::Choice { place: self.source.to_string(), reason }
    }

    /// The answer of a source with several images of which none was chosen.
    fn by_name(&self, reference: &Reference) -> Result<Vec<Entry>, Error> {
        let found = self.source.entries(reference)?;
        if !found.is_empty() {
            return Ok(found);
        }
        let listing = self.source.listing();
        Err(self.refuse(match reference.digest() {
            Some(digest) => format!("has nothing with the digest {digest}"),
            None => format!(
                "has no image {reference}, {}; choose one by its name, `{}`, or by its place, `{}`",
                only(&listing),
                format_args!("{}:NAME", self.written),
                format_args!("{}:@0", self.written),
            ),
        }))
    }
}

impl fmt::Display for Chosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}

impl Source for Chosen {
    fn entries(&self, reference: &Reference) -> Result<Vec<Entry>, Error> {
        let Some(meant) = self.meant()? else { return self.by_name(reference) };
        let mut entries = Vec::new();
        for index in meant {
            entries.extend(self.source.entry(index)?);
        }
        pinned(&*self.source, entries, reference)
    }

    fn manifest(&self, digest: &Digest) -> Result<Option<Vec<u8>>, Error> {
        self.source.manifest(digest)
    }

    fn blob(&self, descriptor: &Descriptor, from: u64) -> Result<Option<Content>, Error> {
        self.source.blob(descriptor, from)
    }

    fn names(&self) -> Vec<String> {
        self.source.names()
    }
}

impl fmt::Display for InRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.repository.fmt(f)
    }
}

impl Source for InRegistry {
    fn entries(&self, reference: &Reference) -> Result<Vec<Entry>, Error> {
        pinned(&*self.repository, self.repository.entries(&self.reference)?, reference)
    }

    fn manifest(&self, digest: &Digest) -> Result<Option<Vec<u8>>, Error> {
        self.repository.manifest(digest)
    }

    fn blob(&self, descriptor: &Descriptor, from: u64) -> Result<Option<Content>, Error> {
        self.repository.blob(descriptor, from)
    }

    fn names(&self) -> Vec<String> {
        self.repository.names()
    }
}

/// The images of this name: as it is written, else as a reference, of which one image has many spellings.
fn called(listing: &[Vec<&str>], name: &str) -> Vec<usize> {
    let matching = |fits: &dyn Fn(&str) -> bool| -> Vec<usize> {
        let called = listing.iter().enumerate().filter(|(_, names)| names.iter().any(|other| fits(other)));
        called.map(|(index, _)| index).collect()
    };
    let exact = matching(&|other| other == name);
    match name.parse::<Reference>() {
        Ok(reference) if exact.is_empty() => matching(&|other| reference.is_written(other)),
        _ => exact,
    }
}

/// Holds what was chosen to the digest of what is asked for: a lock or a Compose file that pins an image gets that
/// image or none.
fn pinned(source: &dyn Source, entries: Vec<Entry>, asked: &Reference) -> Result<Vec<Entry>, Error> {
    let Some(digest) = asked.digest() else { return Ok(entries) };
    for entry in &entries {
        if let Some(size) = contained(source, entry, digest)? {
            return Ok(vec![Entry::unnamed(digest, size)]);
        }
    }
    let found: Vec<_> = entries.iter().map(|entry| entry.digest.to_string()).collect();
    let reason = format!("has {} and not {digest}, which {asked} asks for", found.join(", "));
    Err(Error::Choice { place: source.to_string(), reason })
}

/// What there is instead.
fn only(listing: &[Vec<&str>]) -> String {
    let names: Vec<&str> = listing.iter().flatten().copied().collect();
    if names.is_empty() {
        return format!("only {} without a name", listing.len());
    }
    let shown: Vec<_> = names.iter().take(MAX_SHOWN).map(|name| shortened(name)).collect();
    let more = names.len().saturating_sub(MAX_SHOWN);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("only {}{rest}", shown.join(", "))
}

/// A name of any length for a message.
fn shortened(name: &str) -> String {
    printable_line(name).chars().take(256).collect()
}
