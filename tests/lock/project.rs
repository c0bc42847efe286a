//! A project on the disk, and images for it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Store, Tar, plain};

/// A directory with a Compose file.
pub struct Project(pub TempDir);

impl Project {
    pub fn new(compose: &str) -> Self {
        let project = Project(tempfile::tempdir().unwrap());
        project.write("compose.yaml", compose);
        project
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    pub fn write(&self, path: &str, text: &str) {
        fs::create_dir_all(self.path(path).parent().unwrap()).unwrap();
        fs::write(self.path(path), text).unwrap();
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    pub fn lock(&self) -> String {
        self.read("bundlegen.lock")
    }

    /// Puts a layout beside the Compose file, in place of what was there.
    pub fn link(&self, path: &str, layout: &Store) {
        let _absent = fs::remove_file(self.path(path));
        symlink(layout.path(), self.path(path)).unwrap();
    }

    pub fn unlink(&self, path: &str) {
        fs::remove_file(self.path(path)).unwrap();
    }

    /// Runs the program in the directory, with no variables but those that find programs and keep what is fetched here.
    pub fn run(&self, arguments: &[&str]) -> Run {
        self.run_with(arguments, &[])
    }

    pub fn run_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Run {
        let mut program = Command::new(env!("CARGO_BIN_EXE_bundlegen"));
        program.args(arguments).current_dir(self.0.path()).env_clear();
        program.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("HOME", "/nonexistent");
        program.env("BUNDLEGEN_STATE", self.path("state"));
        // No test leaves this machine.
        program.env("HTTPS_PROXY", "http://127.0.0.1:9").env("NO_PROXY", "127.0.0.1");
        Run(program.envs(environment.iter().copied()).output().unwrap())
    }
}

/// What a run came to.
pub struct Run(Output);

impl Run {
    pub fn printed(&self) -> String {
        String::from_utf8(self.0.stdout.clone()).unwrap()
    }

    pub fn errors(&self) -> String {
        String::from_utf8(self.0.stderr.clone()).unwrap()
    }

    #[track_caller]
    pub fn succeeds(&self) -> &Self {
        assert_eq!(self.0.status.code(), Some(0), "{}{}", self.printed(), self.errors());
        self
    }

    /// Warnings count: nothing is said on standard error.
    #[track_caller]
    pub fn is_quiet(&self) -> &Self {
        self.succeeds();
        assert_eq!(self.errors(), "");
        self
    }

    #[track_caller]
    pub fn fails(&self, text: &str) -> &Self {
        assert_eq!(self.0.status.code(), Some(1), "{}{}", self.printed(), self.errors());
        self.says(text)
    }

    #[track_caller]
    pub fn says(&self, text: &str) -> &Self {
        let said = squeezed(&format!("{}{}", self.printed(), self.errors()));
        assert!(said.contains(text), "{}\n{}", self.printed(), self.errors());
        self
    }
}

/// Long lines are broken, with a bar before what follows.
fn squeezed(text: &str) -> String {
    text.replace('│', " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A layout with an image of each name. `mark` makes its images others than those of another mark.
pub fn layout(mark: &str, names: &[&str]) -> Store {
    let mut layout = Store::new();
    for name in names {
        let descriptor = image(&layout, &format!("{mark} {name}"));
        layout.name(name, descriptor);
    }
    layout
}

/// An image with users.
pub fn image(layout: &Store, mark: &str) -> Value {
    let passwd = "root:x:0:0::/root:/bin/sh\nwww:x:33:34::/:/bin/sh\n";
    let group = "root:x:0:\nwww:x:34:\naudio:x:29:root\n";
    let tar = Tar::new().dir("etc").file("etc/passwd", passwd).file("etc/group", group).file("mark", mark);
    layout.image("amd64", &[plain(tar.end())])
}

/// The digest of the manifest that a layout has under a name.
pub fn digest(layout: &Path, name: &str) -> String {
    let index = fs::read_to_string(layout.join("index.json")).unwrap();
    let index: Value = serde_json::from_str(&index).unwrap();
    let mut entries = index["manifests"].as_array().unwrap().iter();
    let called = |entry: &&Value| entry["annotations"]["org.opencontainers.image.ref.name"] == name;
    entries.find(called).unwrap()["digest"].as_str().unwrap().to_owned()
}
