//! A case as bundles.

use std::path::Path;

use libtest_mimic::Failed;
use tempfile::TempDir;

use crate::containers::bundlegen;
use crate::containers::host::{Host, Runtime};
use crate::containers::report::Report;
use crate::{SERVICE, cases};

/// A copy of a case that a container may write to.
pub fn copy(host: &Host, case: &Path) -> TempDir {
    let dir = TempDir::new_in(&host.work).unwrap();
    cases::copy_dir(case, dir.path());
    dir
}

/// Makes the bundles of a copy of a case.
pub fn make(host: &Host, dir: &Path) -> Result<(), Failed> {
    bundlegen("build", &dir.join("compose.yaml"), &host.images)?;
    bundlegen("prepare", &dir.join("bundles"), &host.images)?;
    Ok(())
}

/// What the service says when a runtime runs its bundle, or why it does not run.
pub fn report(runtime: &Runtime, dir: &Path) -> Result<Report, String> {
    let bundle = dir.join("bundles").join(SERVICE);
    let terminal = cases::json(&bundle.join("config.json"))["process"]["terminal"] == true;
    let output = if terminal { runtime.run_in_terminal(&bundle) } else { runtime.run(&bundle) };
    let text = |bytes| String::from_utf8(bytes).unwrap();
    if output.status.success() {
        Ok(Report::said(&text(output.stdout)))
    } else {
        Err(text([output.stdout, output.stderr].concat()))
    }
}
