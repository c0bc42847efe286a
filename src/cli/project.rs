//! From arguments to [`Input`], and to what is made of it.

use std::io;
use std::path::{Component, Path, PathBuf};

use super::request::{How, request};
use super::{BuildArgs, Outcome, complain, show};
use crate::compose::Variables;
use crate::diag::{Code, Diagnostics, Reported};
use crate::load::in_project;
use crate::model::Selection;
use crate::project::{Absent, Choices, Reach, Search, Unused};
use crate::source::Sources;
use crate::yaml::Unset;
use crate::{Compiled, Input, compile};

/// A compiled project and where it goes.
pub(super) struct Built {
    /// What was made.
    pub(super) compiled: Compiled,
    /// The output directory.
    pub(super) bundles: PathBuf,
    /// Where the lock stands.
    pub(super) lock: PathBuf,
    /// What was read.
    pub(super) sources: Sources,
}

/// Compiles what the arguments name with the images that the lock knows, and shows what was found on the way.
pub(super) fn from_lock(args: &BuildArgs, files: &[PathBuf], unused: Unused) -> Result<Built, Outcome> {
    let search = Search { reach: Reach::Lock(unused), ..Search::default() };
    build(args, files, None, search)
}

/// Compiles what the arguments name to look at it: what is known of images is what the lock says of them, and an image
/// that it does not have is no error. No bundle of it may be written. Says also how many warnings were shown.
pub(super) fn to_review(args: &BuildArgs, files: &[PathBuf]) -> Result<(Built, usize), Outcome> {
    let search = Search { reach: Reach::Lock(Unused::Ignored), absent: Absent::Told, ..Search::default() };
    shown(args, files, None, search)
}

/// What a look at the project comes to where it had warnings, and these count as errors.
pub(super) fn refused(args: &BuildArgs, warnings: usize) -> Option<Outcome> {
    let refused = args.deny_warnings && warnings > 0;
    refused.then(|| {
        complain("error: warnings count as errors\n");
        Outcome::Wrong
    })
}

/// Compiles what the arguments name, and shows what was found on the way.
pub(super) fn build(
    args: &BuildArgs,
    files: &[PathBuf],
    images: Option<PathBuf>,
    search: Search,
) -> Result<Built, Outcome> {
    let (built, warnings) = shown(args, files, images, search)?;
    if args.deny_warnings && warnings > 0 {
        complain("nothing is written: warnings count as errors\n");
        return Err(Outcome::Wrong);
    }
    Ok(built)
}

/// What was compiled, and the number of warnings.
fn shown(
    args: &BuildArgs,
    files: &[PathBuf],
    images: Option<PathBuf>,
    search: Search,
) -> Result<(Built, usize), Outcome> {
    let mut d = Diagnostics::default();
    let mut sources = Sources::default();
    let built = compiled(&mut d, &mut sources, args, files, images, search);
    show(&d, &sources);
    match built.map(|built| built.map(|built| Built { sources, ..built })) {
        Ok(Some(built)) if d.errors() == 0 => Ok((built, d.warnings())),
        Ok(None) => Err(Outcome::Failed),
        Ok(Some(_)) | Err(_) => Err(Outcome::Wrong),
    }
}

fn compiled(
    d: &mut Diagnostics,
    sources: &mut Sources,
    args: &BuildArgs,
    files: &[PathBuf],
    images: Option<PathBuf>,
    search: Search,
) -> Result<Option<Built>, Reported> {
    let how = How { variables: Variables::Replaced, unset: Unset::Refused, expected: args.expected.clone() };
    let request = request(d, sources, &args.compose, files, how)?;
    let directory = &request.directory;
    let bundles = bundles(args, directory);
    let to_project = match way(&bundles, directory) {
        Ok(way) => way,
        Err(error) => {
            complain(&format!("error: {}: {error}\n", bundles.display()));
            return Ok(None);
        }
    };
    if to_project.components().all(|part| part != Component::ParentDir) {
        let message = format!("the Compose file lies in the output directory, {}", bundles.display());
        let help = "name a directory of its own with `-o`: all that is in it belongs to the build";
        return Err(d.error(Code::Conflict, message).help(help).emit());
    }
    let lock = in_project(crate::lock::FILE_NAME, directory);
    let input = Input {
        request,
        selection: Selection { profiles: args.compose.profile.clone(), services: Vec::new() },
        to_project,
        images,
        search,
        choices: choices(args),
    };
    compile(d, sources, &input)
        .map(|compiled| Some(Built { compiled, bundles, lock, sources: Sources::default() }))
}

fn bundles(args: &BuildArgs, directory: &Path) -> PathBuf {
    args.output.clone().unwrap_or_else(|| in_project("bundles", directory))
}

/// Where the bundles of a project are, of which nothing is compiled.
pub(super) fn output(args: &BuildArgs) -> Result<PathBuf, Outcome> {
    let (mut d, mut sources) = (Diagnostics::default(), Sources::default());
    if let Some(output) = &args.output {
        return Ok(output.clone());
    }
    let how = How { variables: Variables::Replaced, unset: Unset::Refused, expected: args.expected.clone() };
    let request = request(&mut d, &mut sources, &args.compose, &[], how);
    show(&d, &sources);
    request.map(|request| bundles(args, &request.directory)).map_err(|_| Outcome::Wrong)
}

fn choices(args: &BuildArgs) -> Choices {
    Choices {
        platform: args.platform.clone(),
        cgroup_manager: args.cgroup_manager,
        init: args.init.clone(),
        targets: args.target.clone(),
        features: args.features.clone(),
        rootless: args.rootless,
        userns_map: args.userns_map.clone(),
        hook: args.hook.clone(),
        resolv_conf: args.resolv_conf.clone(),
        proot: args.proot.clone(),
    }
}

/// The way from one directory to another, with links followed as far as the directories exist.
fn way(from: &Path, to: &Path) -> io::Result<PathBuf> {
    let (from, to) = (real(from)?, real(to)?);
    let common = from.components().zip(to.components()).take_while(|(a, b)| a == b).count();
    let up = from.components().skip(common).map(|_| Component::ParentDir);
    Ok(up.chain(to.components().skip(common)).collect())
}

/// The real path of what exists, with the rest as it is.
fn real(path: &Path) -> io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    let mut rest = Vec::new();
    let mut at = path.as_path();
    loop {
        match at.canonicalize() {
            Ok(real) => return Ok(rest.iter().rev().fold(real, |path: PathBuf, part| path.join(part))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let (Some(parent), Some(name)) = (at.parent(), at.file_name()) else { return Err(error) };
                rest.push(name.to_owned());
                at = parent;
            }
            Err(error) => return Err(error),
        }
    }
}
