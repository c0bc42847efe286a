//! A project on its way from a Compose file to containers.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::containers::bundlegen;
use crate::containers::host::{Host, Runtime, host};
use crate::containers::report::Report;

/// What stands in a project's directory.
pub struct Source {
    compose: String,
    files: Vec<(&'static str, &'static str)>,
    images: fn(&Host) -> &Path,
}

/// A service `app` with the attributes given. Unless they say otherwise it reports what it sees, and has no network.
pub fn app(attributes: &str) -> Source {
    let attributes = indented(attributes, 4);
    let mut compose = String::from("services:\n  app:\n");
    for (key, default) in [("image", "busybox"), ("command", "[report]"), ("network_mode", "none")] {
        if !attributes.lines().any(|line| line.trim_start().starts_with(&format!("{key}:"))) {
            compose += &format!("    {key}: {default}\n");
        }
    }
    project(&(compose + &attributes))
}

/// The same with a script, whose `$` are not Compose's.
pub fn script(attributes: &str, script: &str) -> Source {
    let command = json!(["sh", "-c", script.replace('$', "$$")]);
    app(&format!("{}command: {command}\n", indented(attributes, 0)))
}

/// A whole Compose file.
pub fn project(compose: &str) -> Source {
    Source { compose: indented(compose, 0), files: Vec::new(), images: |host| &host.images }
}

/// A text of Rust code with the indentation it should have.
fn indented(text: &str, by: usize) -> String {
    let lines = || text.lines().filter(|line| !line.trim().is_empty());
    let own = lines().map(|line| line.len() - line.trim_start().len()).min().unwrap_or_default();
    let moved: Vec<_> = lines().map(|line| format!("{:by$}{}", "", &line[own..])).collect();
    moved.join("\n") + "\n"
}

impl Source {
    /// With one more file beside the Compose file.
    pub fn file(mut self, path: &'static str, text: &'static str) -> Self {
        self.files.push((path, text));
        self
    }

    /// With the images that skopeo has copied.
    pub fn with_copied_images(mut self) -> Self {
        self.images = |host| &host.copied;
        self
    }

    /// Makes the bundles anew for each runtime and lets `check` use them.
    pub fn each(&self, check: impl Fn(&Project)) {
        let Some(host) = host() else { return };
        for runtime in &host.runtimes {
            // Shown where the test fails.
            println!("with {}", runtime.name);
            check(&self.prepared(host, runtime));
        }
    }

    /// Runs `app` with each runtime and looks at its report.
    pub fn reports(&self, check: impl Fn(&Report)) {
        self.each(|project| check(&project.report("app")));
    }

    /// Runs `app` with each runtime and compares what it prints.
    pub fn prints(&self, want: &str) {
        self.each(|project| assert_eq!(project.output("app"), want));
    }

    /// Bundles that were built and prepared in one place and are now in another.
    fn prepared<'h>(&self, host: &'h Host, runtime: &'h Runtime) -> Project<'h> {
        let dir = TempDir::new_in(&host.work).unwrap();
        let (built, root) = (dir.path().join("built"), dir.path().join("elsewhere/moved"));
        for (path, text) in [("compose.yaml", self.compose.as_str())].iter().chain(&self.files) {
            fs::create_dir_all(built.join(path).parent().unwrap()).unwrap();
            fs::write(built.join(path), text).unwrap();
        }
        let images = (self.images)(host);
        let said = bundlegen("build", &built.join("compose.yaml"), images)
            .unwrap_or_else(|errors| panic!("{errors}"));
        bundlegen("prepare", &built.join("bundles"), images).unwrap_or_else(|errors| panic!("{errors}"));
        fs::create_dir_all(root.parent().unwrap()).unwrap();
        fs::rename(&built, &root).unwrap();
        let order = match said.trim_end().rsplit_once("start in this order: ") {
            Some((_, order)) => order.split(", ").map(str::to_owned).collect(),
            None => bundles(&root.join("bundles")),
        };
        Project { order, root, runtime, _dir: dir }
    }
}

/// The names of the bundles in a directory, sorted.
fn bundles(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let bundles = entries.filter(|path| path.join("config.json").exists());
    let mut names: Vec<_> =
        bundles.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

/// Bundles that are ready to run, for one runtime.
pub struct Project<'h> {
    /// The services as `build` says they start.
    pub order: Vec<String>,
    /// Where the project is now.
    pub root: PathBuf,
    runtime: &'h Runtime,
    _dir: TempDir,
}

impl Project<'_> {
    /// Runs a service that must succeed, and takes its report apart.
    pub fn report(&self, service: &str) -> Report {
        Report::parse(&self.output(service))
    }

    /// Runs a service that must succeed, and returns what it prints.
    pub fn output(&self, service: &str) -> String {
        let (code, output) = self.run(service);
        assert_eq!(code, Some(0), "{service}: {output}");
        output
    }

    /// Runs a service; returns its exit code and what it prints, errors last.
    pub fn run(&self, service: &str) -> (Option<i32>, String) {
        let output = self.runtime.run(&self.bundle(service));
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.code(), text)
    }

    /// What the runtime says of a service that was created and not started.
    pub fn state(&self, service: &str) -> Value {
        self.runtime.state(&self.bundle(service))
    }

    /// The `config.json` of a service.
    pub fn config(&self, service: &str) -> Value {
        serde_json::from_slice(&fs::read(self.bundle(service).join("config.json")).unwrap()).unwrap()
    }

    fn bundle(&self, service: &str) -> PathBuf {
        self.root.join("bundles").join(service)
    }
}
