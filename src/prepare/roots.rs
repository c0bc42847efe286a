//! The root directories of all bundles. Those of one image share the work: it is unpacked once, and copied.

use std::collections::BTreeMap;

use super::bundle::{Bundle, Root};
use super::images::Finder;
use super::rootfs::{Rootfs, made_in};
use super::tree::Tree;
use super::{Error, Progress, Summary};
use crate::image::Report;
use crate::lower::root::ROOTFS;

/// Makes what is missing, image by image.
pub(super) fn make(
    tree: &Tree,
    bundles: &[Bundle],
    images: &mut Finder<'_>,
    progress: &mut dyn FnMut(Progress),
    summary: &mut Summary,
) -> Result<(), Error> {
    let mut missing: BTreeMap<usize, Vec<Rootfs>> = BTreeMap::new();
    let mut places = BTreeMap::new();
    for (number, bundle) in bundles.iter().enumerate() {
        let Some((reference, digest)) = &bundle.image else {
            bundle.check_root(tree)?;
            continue;
        };
        if let Root::Of(_) = bundle.root {
            // What it had before it shared a root.
            for path in made_in(tree, &bundle.name, &[ROOTFS])? {
                progress(Progress::Abandoned { path });
            }
            continue;
        }
        let root = Rootfs { tree, bundle, reference, digest };
        if root.check()? {
            progress(Progress::Present { bundle: bundle.name.clone() });
            summary.present.push(bundle.name.clone());
        } else {
            missing.entry(*places.entry(digest).or_insert(number)).or_default().push(root);
        }
    }
    for roots in missing.values() {
        let made = of_one_image(roots, images, progress, summary);
        if made.is_err() {
            roots.iter().for_each(Rootfs::abandon);
        }
        made?;
    }
    Ok(())
}

/// The first root stays beside its place until the others are copied from it.
fn of_one_image(
    roots: &[Rootfs],
    images: &mut Finder<'_>,
    progress: &mut dyn FnMut(Progress),
    summary: &mut Summary,
) -> Result<(), Error> {
    let Some((first, others)) = roots.split_first() else { return Ok(()) };
    let Some(found) = images.find(roots, progress)? else { return Ok(()) };
    let name = |root: &Rootfs| root.bundle.name.clone();
    let bytes = found.image.layers.iter().fold(0_u64, |sum, layer| sum.saturating_add(layer.size));
    progress(Progress::Unpacking { bundle: name(first), image: first.reference.clone(), bytes });
    let report = first.unpack(&found, progress)?;
    let mut finish = |root: &Rootfs, report: Report, progress: &mut dyn FnMut(Progress)| {
        root.finish(&report)?;
        progress(Progress::Unpacked { bundle: name(root), report });
        summary.unpacked.push((name(root), report));
        Ok(())
    };
    for root in others {
        progress(Progress::Copying { bundle: name(root), from: name(first) });
        let report = match root.copy(first) {
            Ok(()) => report,
            Err(error @ Error::Full { .. }) => return Err(error),
            // Whatever keeps a copy from being exact does not keep the image from being unpacked again.
            Err(_) => root.unpack(&found, progress)?,
        };
        finish(root, report, progress)?;
    }
    finish(first, report, progress)
}
