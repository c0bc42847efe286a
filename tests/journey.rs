//! The whole way, as a user goes it: an image in a registry is pinned, compiled, unpacked and run, with both runtimes,
//! and then once more without the registry.
#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests make their inputs"
)]

#[path = "support/containers.rs"]
mod containers;
#[path = "support/real_registry.rs"]
mod real_registry;

use std::fs;
use std::process::Command;

use containers::host::{Host, host};
use containers::text;
use real_registry::{Registry, Wants};
use tempfile::TempDir;

/// A project beside the store of its user.
struct Project<'h> {
    host: &'h Host,
    dir: TempDir,
}

impl<'h> Project<'h> {
    fn new(host: &'h Host, compose: &str) -> Self {
        let dir = TempDir::new_in(&host.work).unwrap();
        fs::create_dir(dir.path().join("project")).unwrap();
        fs::write(dir.path().join("project/compose.yaml"), compose).unwrap();
        Project { host, dir }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join("project").join(name)
    }

    /// Calls the program in the project, with the store beside it.
    fn call(&self, args: &[&str]) -> Result<String, String> {
        let mut program = Command::new(env!("CARGO_BIN_EXE_bundlegen"));
        program.current_dir(self.path("")).args(args).env("BUNDLEGEN_STATE", self.dir.path().join("state"));
        let output = program.output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said).unwrap();
        if output.status.success() { Ok(said) } else { Err(said) }
    }

    fn ok(&self, args: &[&str]) -> String {
        self.call(args).unwrap_or_else(|errors| panic!("{}: {errors}", args.join(" ")))
    }

    /// What each runtime prints when it runs a bundle.
    fn runs(&self, bundle: &str, want: &str) {
        for runtime in &self.host.runtimes {
            let output = runtime.run(&self.path("bundles").join(bundle));
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{}: {errors}", runtime.name);
            assert_eq!(String::from_utf8_lossy(&output.stdout), want, "{}", runtime.name);
        }
    }
}

#[test]
fn from_a_registry_to_containers_and_without_it() {
    let Some(host) = host() else { return };
    let Some(registry) = Registry::start(Wants::default()) else { return };
    let image = registry.name("team/app:1.2");
    registry.push(&format!("oci:{}:app", text(&host.images)), "team/app:1.2", &[]);
    let compose = format!(
        "services:\n  app:\n    image: '{image}'\n    network_mode: none\n    \
         entrypoint: [sh, -c, 'head -n 9 /proc/self/status | tail -n 1']\n"
    );
    let project = Project::new(host, &compose);
    let said = project.call(&["build"]).unwrap_err();
    assert!(said.contains("bundlegen lock"), "{said}");
    assert!(project.ok(&["lock"]).contains("sha256:"));
    let lock = fs::read(project.path("bundlegen.lock")).unwrap();
    project.ok(&["build"]);
    project.ok(&["check"]);
    project.ok(&["prepare"]);
    project.runs("app", "Uid:\t33\t33\t33\t33\n");

    drop(registry);
    // Nothing is left but the lock, what is checked in, and the store.
    fs::remove_dir_all(project.path("bundles")).unwrap();
    project.ok(&["lock"]);
    project.ok(&["build", "--locked"]);
    project.ok(&["check"]);
    project.ok(&["prepare"]);
    project.runs("app", "Uid:\t33\t33\t33\t33\n");
    assert_eq!(fs::read(project.path("bundlegen.lock")).unwrap(), lock);
}
