//! `bundlegen hook network sweep`: what dead containers left is removed, as their own hooks would have done.

use super::Error;
use super::argv::{self, RUN};
use super::directory::Directory;
use super::{detach, host, pins};

/// Undoes what was done for containers that are dead. Those that live keep what they have.
pub fn sweep(args: impl Iterator<Item = String>) -> Result<(), Error> {
    let Some(mut directory) = Directory::existing(&run(args)?)? else { return Ok(()) };
    let (records, mut failures) = directory.readable_records()?;
    for record in records.iter().filter(|record| !record.task.is_alive()) {
        directory.begin_to_undo();
        failures.note(detach::undo(&directory, record));
    }
    directory.begin_to_undo();
    failures.note(unpin_the_forgotten(&directory));
    failures.note(host::tidy(directory));
    failures.result()
}

/// Pins that no record speaks of: somebody removed it by hand.
fn unpin_the_forgotten(directory: &Directory) -> Result<(), Error> {
    let records = directory.records()?;
    for (project, bundle) in directory.bundles()? {
        let is_known = |record: &super::record::Record| {
            record.container.project == project && record.container.bundle == bundle
        };
        if !records.iter().any(is_known) {
            pins::unpin_all(directory, &project, &bundle)?;
        }
    }
    Ok(())
}

fn run(args: impl Iterator<Item = String>) -> Result<String, Error> {
    let mut run = RUN.to_owned();
    for arg in args {
        match arg.strip_prefix("--run=") {
            Some(value) => value.clone_into(&mut run),
            None => return Err(argv::Error::Unknown(arg).into()),
        }
    }
    Ok(run)
}
