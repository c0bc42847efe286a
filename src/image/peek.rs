//! Small files out of an image, such as `etc/passwd`, without unpacking it.
//!
//! The layers are read for the few names that can matter (see `names`), and again where links lead to others. The
//! rules are those of `unpack`, whiteouts and links included. Whatever an image holds, little of it is kept in memory.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::Arc;

use super::archive::{Archive, Entry};
use super::layer::{Layer, Meter};
use super::{Error, Image, Limits, Source};
use names::{Content, Names, Position};

mod names;
mod seen;

/// The largest file that is read (CVE-2024-9676).
const MAX_FILE: u64 = 4 * 1024 * 1024;
/// The largest file whose content is kept when it is met, for it may be replaced many times. A larger one is read
/// when it is known to be wanted.
const MAX_KEPT: u64 = 32 * 1024;
/// How many times the layers are read for links that lead to other links. An image without tricks needs one or two.
const MAX_SCANS: u32 = 10;

/// Reads files of an image by their paths from its root; `None` for one that the image does not have. Links are
/// followed inside the image. What is no regular file, or a large one, is an error.
pub fn read_small_files(
    source: &dyn Source,
    image: &Image,
    paths: &[&str],
) -> Result<BTreeMap<String, Option<Vec<u8>>>, Error> {
    Limits::default().check_layers(image)?;
    let mut names = Names::new(paths);
    for _ in 0..MAX_SCANS {
        let wrong = scan(source, image, &mut names)?;
        let found: Vec<_> = paths.iter().map(|path| (*path, names.file(path.as_bytes()))).collect();
        if names.are_complete() {
            return wrong.map_or_else(|| contents(source, image, found), Err);
        }
        if !names.again() {
            break;
        }
    }
    let reason = "too many links in the image may lead there".into();
    Err(Error::File { path: paths.join("`, `"), reason })
}

/// Reads the layers once. What is wrong with an entry is returned beside errors, because it may be so only as long as
/// some names are not known.
fn scan(source: &dyn Source, image: &Image, names: &mut Names) -> Result<Option<Error>, Error> {
    let (mut entries, most) = (0, Limits::default().entries);
    let (mut wrong, meter) = (None, Meter::new(Limits::default().bytes));
    for (layer, descriptor) in image.layers.iter().enumerate() {
        each_entry(source, image, layer, &meter, |number, entry, content| {
            entries += 1;
            if entries > most {
                return Err(bad(format!("more than {most} entries")));
            }
            let read = &mut |entry: &Entry| {
                if entry.size > MAX_KEPT {
                    return Ok(None);
                }
                let mut bytes = Vec::new();
                content.read_to_end(&mut bytes).map(|_| Some(bytes))
            };
            if let (Err(reason), None) = (names.apply(entry, Position { layer, number }, read)?, &wrong) {
                let (layer, entry) = (descriptor.digest.clone(), entry.path.escape_ascii().to_string());
                wrong = Some(Error::Entry { layer, entry, error: bad(reason) });
            }
            Ok(())
        })?;
    }
    Ok(wrong)
}

/// The contents of what was found; the layers are read again for those that were not kept.
fn contents(
    source: &dyn Source,
    image: &Image,
    found: Vec<(&str, Result<Option<Content>, String>)>,
) -> Result<BTreeMap<String, Option<Vec<u8>>>, Error> {
    let mut files = BTreeMap::new();
    let mut wanted: BTreeMap<Position, Vec<&str>> = BTreeMap::new();
    for (path, content) in found {
        let content = content.map_err(|reason| Error::File { path: path.to_owned(), reason })?;
        if let Some(Content { position, bytes: None, .. }) = &content {
            wanted.entry(*position).or_default().push(path);
        }
        files.insert(path.to_owned(), content.and_then(|content| content.bytes).map(|bytes| bytes.to_vec()));
    }
    let meter = Meter::new(Limits::default().bytes);
    for layer in 0..image.layers.len() {
        if !wanted.keys().any(|place| place.layer == layer) {
            continue;
        }
        each_entry(source, image, layer, &meter, |number, _, content| {
            if let Some(paths) = wanted.get(&Position { layer, number }) {
                let mut bytes = Vec::new();
                content.take(MAX_FILE).read_to_end(&mut bytes)?;
                files.extend(paths.iter().map(|path| ((*path).to_owned(), Some(bytes.clone()))));
            }
            Ok(())
        })?;
    }
    Ok(files)
}

fn each_entry(
    source: &dyn Source,
    image: &Image,
    layer: usize,
    meter: &Arc<Meter>,
    mut visit: impl FnMut(u64, &Entry, &mut Archive<Layer>) -> io::Result<()>,
) -> Result<(), Error> {
    let mut layers = image.layers.iter().zip(&image.configuration.diff_ids);
    let Some((descriptor, diff_id)) = layers.nth(layer) else { return Ok(()) };
    let in_layer = |error| Error::Layer { layer: descriptor.digest.clone(), error };
    let mut archive = Archive::new(Layer::open(source, descriptor, diff_id, meter)?);
    let mut number = 0;
    while let Some(entry) = archive.next().map_err(in_layer)? {
        visit(number, &entry, &mut archive).map_err(|error| Error::Entry {
            layer: descriptor.digest.clone(),
            entry: entry.path.escape_ascii().to_string(),
            error,
        })?;
        number += 1;
    }
    archive.into_inner().finish().map_err(in_layer)?;
    Ok(())
}

fn bad(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}
