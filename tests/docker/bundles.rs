//! A case as bundles.

use std::path::Path;

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

/// What the service says when a runtime runs its bundle, or why it does not run.
pub fn report(host: &Host, runtime: &Runtime, case: &Path) -> Result<Report, String> {
    let dir = copy(host, case);
    bundlegen("build", &dir.path().join("compose.yaml"), &host.images);
    bundlegen("prepare", &dir.path().join("bundles"), &host.images);
    let bundle = dir.path().join("bundles").join(SERVICE);
    let terminal = cases::json(&bundle.join("config.json"))["process"]["terminal"] == true;
    let output = if terminal { runtime.run_in_terminal(&bundle) } else { runtime.run(&bundle) };
    let text = |bytes| String::from_utf8(bytes).unwrap();
    if output.status.success() {
        Ok(Report::said(&text(output.stdout)))
    } else {
        Err(text([output.stdout, output.stderr].concat()))
    }
}
