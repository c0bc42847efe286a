//! The short form of a volume: `[SOURCE:]TARGET[:OPTION,…]`.
//!
//! It is split as compose-go's `format.ParseVolume` does, and its options are checked as Docker Engine does when
//! it gets them. Options that neither knows are errors, although Compose ignores them: a misspelt `ro` would leave
//! a mount writable.

mod options;

use std::ops::Range;
use std::str::FromStr;

use super::{moved, target::clean_target};
use crate::diag::Invalid;

pub use options::{Access, Options, Propagation, Selinux};

/// A volume in the short form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// What is mounted.
    pub source: Source,
    /// Where it is mounted: absolute and clean.
    pub target: String,
    /// How it is mounted.
    pub options: Options,
    /// Where the source stands in the text.
    pub source_range: Option<Range<usize>>,
    /// Where the target stands in the text.
    pub target_range: Range<usize>,
    /// Where the options stand in the text.
    pub options_range: Option<Range<usize>>,
}

/// What is mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A path of the host as it was written: it begins with `.`, `/` or `~`.
    Bind(String),
    /// The name of a volume.
    Named(String),
    /// A new volume of its own.
    Anonymous,
}

impl FromStr for Volume {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let parts = split(text)?;
        let at = |range: &Range<usize>| text.get(range.clone()).unwrap_or("");
        let (source_range, target_range, options_range) = match parts.as_slice() {
            [target] => (None, target.clone(), None),
            [source, target] => (Some(source.clone()), target.clone(), None),
            [source, target, options] => (Some(source.clone()), target.clone(), Some(options.clone())),
            [_, _, options, .., last] => {
                let message = format!("too many colons in `{text}`");
                return Err(Invalid::new(options.end..last.end, message).help(FORM));
            }
            [] => return Err(Invalid::new(0..0, "the volume is empty").help(FORM)),
        };
        let source =
            source_range.as_ref().map_or(Ok(Source::Anonymous), |range| source(at(range), range.start))?;
        let target = target(at(&target_range), target_range.start)?;
        let options = match &options_range {
            Some(range) => options::read(at(range), range.start, &source)?,
            None => Options::default(),
        };
        Ok(Volume { source, target, options, source_range, target_range, options_range })
    }
}

const FORM: &str = "write `SOURCE:TARGET:OPTIONS`, `SOURCE:TARGET` or `TARGET`";

/// The parts between the colons.
fn split(text: &str) -> Result<Vec<Range<usize>>, Invalid> {
    let mut parts = Vec::new();
    let mut start = 0;
    for (at, _) in text.match_indices(':').chain([(text.len(), "")]) {
        let part = text.get(start..at).unwrap_or("");
        let colon = at < text.len();
        if part.is_empty() && !text.is_empty() {
            let range = if colon { at..at + 1 } else { at.saturating_sub(1)..at };
            return Err(Invalid::new(range, format!("nothing stands beside a colon in `{text}`")).help(FORM));
        }
        let mut letters = part.chars();
        if colon && letters.next().is_some_and(char::is_alphabetic) && letters.next().is_none() {
            return Err(drive(part, start));
        }
        if !text.is_empty() {
            parts.push(start..at);
        }
        start = at + 1;
    }
    Ok(parts)
}

/// Compose takes one letter and a colon for a Windows drive, so that `v:/data` is a target with no source.
fn drive(letter: &str, start: usize) -> Invalid {
    let message = format!("`{letter}:` is a Windows drive, and no name of a volume");
    Invalid::new(start..start + letter.len() + 1, message)
        .help("give the volume a name of two letters or more, or use the long form with `type: volume`")
}

fn source(text: &str, start: usize) -> Result<Source, Invalid> {
    if let Some(at) = text.find('\0') {
        return Err(Invalid::new(start + at..start + at + 1, "a path cannot contain a NUL character"));
    }
    if text.starts_with(['.', '/', '~']) {
        return Ok(Source::Bind(text.to_owned()));
    }
    if text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')) {
        return Ok(Source::Named(text.to_owned()));
    }
    let message = format!("`{text}` is neither a path nor the name of a volume");
    let help = format!("a path begins with `.`, `/` or `~`: `./{text}`");
    Err(Invalid::new(start..start + text.len(), message).help(help))
}

fn target(text: &str, start: usize) -> Result<String, Invalid> {
    clean_target(text).map_err(|invalid| {
        let options = start > 0 && text.split(',').all(options::is_option);
        let invalid = moved(invalid, start);
        if options { invalid.help("options need a source: `SOURCE:TARGET:OPTIONS`") } else { invalid }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_sources_and_targets() {
        for (text, source, target) in [
            ("/data", Source::Anonymous, "/data"),
            ("/a", Source::Anonymous, "/a"),
            ("db:/var/lib//db/", Source::Named("db".into()), "/var/lib/db"),
            ("my_vol-1.x:/x", Source::Named("my_vol-1.x".into()), "/x"),
            ("./d:/x", Source::Bind("./d".into()), "/x"),
            ("..:/x", Source::Bind("..".into()), "/x"),
            (".:/x", Source::Bind(".".into()), "/x"),
            ("~/d e:/x", Source::Bind("~/d e".into()), "/x"),
            ("/var/run/docker.sock:/s:ro", Source::Bind("/var/run/docker.sock".into()), "/s"),
        ] {
            let volume: Volume = text.parse().unwrap();
            assert_eq!((volume.source, &*volume.target), (source, target), "{text}");
        }
    }

    #[test]
    fn reads_options() {
        let none = Options::default();
        let (ro, rw) = (Some(Access::ReadOnly), Some(Access::ReadWrite));
        for (text, want) in [
            ("/h:/x:ro", Options { access: ro, ..none }),
            ("/h:/x:rw,z", Options { access: rw, selinux: Some(Selinux::Shared), ..none }),
            ("/h:/x:Z,ro,ro", Options { access: ro, selinux: Some(Selinux::Private), ..none }),
            ("vol:/x:nocopy", Options { nocopy: true, ..none }),
            ("/h:/x:rslave,cached", Options { propagation: Some(Propagation::Rslave), ..none }),
        ] {
            assert_eq!(text.parse::<Volume>().unwrap().options, want, "{text}");
        }
    }

    #[test]
    fn knows_the_places() {
        let text = "vol:/data/:ro,z";
        let volume: Volume = text.parse().unwrap();
        let places = [volume.source_range.unwrap(), volume.target_range, volume.options_range.unwrap()];
        assert_eq!(places.map(|place| &text[place]), ["vol", "/data/", "ro,z"]);
    }

    #[test]
    fn refuses_with_the_place() {
        for (text, at, message) in [
            ("", "", "the volume is empty"),
            (":/x", ":", "nothing stands beside a colon in `:/x`"),
            ("vol::/x", ":", "nothing stands beside a colon in `vol::/x`"),
            ("vol:/x:", ":", "nothing stands beside a colon in `vol:/x:`"),
            ("vol:/b:ro:d", ":d", "too many colons in `vol:/b:ro:d`"),
            ("v:/data", "v:", "`v:` is a Windows drive, and no name of a volume"),
            ("C:\\a:/x", "C:", "`C:` is a Windows drive, and no name of a volume"),
            ("named", "named", "the path in the container must be absolute, found `named`"),
            ("/data:ro", "ro", "the path in the container must be absolute, found `ro`"),
            ("vol:/", "/", "nothing can be mounted over the root of the container"),
            ("/h:/proc/sys:ro", "/proc/sys", "nothing can be mounted over /proc, found `/proc/sys`"),
            ("data/x:/x", "data/x", "`data/x` is neither a path nor the name of a volume"),
            ("vol:/x:or", "or", "unknown option `or` of a volume"),
            ("vol:/x:ro,", "", "unknown option `` of a volume"),
            ("vol:/x:ro,rw", "rw", "`rw` contradicts an option before it"),
            ("vol:/x:z,Z", "Z", "`Z` contradicts an option before it"),
            ("/h:/x:slave,shared", "shared", "`shared` contradicts an option before it"),
            ("vol:/x:ro,rshared", "rshared", "`rshared` is for bind mounts, and this is a volume"),
            ("./h:/x:nocopy", "nocopy", "`nocopy` is for volumes, and this is a bind mount"),
        ] {
            let invalid = text.parse::<Volume>().unwrap_err();
            assert_eq!((&text[invalid.range], &*invalid.message), (at, message), "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "[av:/.,rozß\\\\]{0,20}|(?s).{0,20}") {
            if let Err(invalid) = text.parse::<Volume>() {
                prop_assert!(text.get(invalid.range).is_some());
            }
        }
    }
}
