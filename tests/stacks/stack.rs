//! A project that runs: a container for each bundle, on a host of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use tempfile::TempDir;

use super::world::{World, patiently, said};
use crate::containers::host::Host;
use crate::containers::text;

/// The program that bundles are compiled with, and that their hooks are.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_bundlegen");

/// A project, its host, and one runtime.
pub struct Stack {
    pub world: World,
    pub runtime: &'static str,
    dir: TempDir,
    /// What tells containers of tests apart that run at the same time, as they share control groups.
    prefix: String,
    started: Mutex<Vec<String>>,
}

impl Stack {
    /// Copies a project, compiles it with its hooks being this program, and prepares it.
    pub fn new(host: &Host, runtime: &'static str, project: &Path, images: &Path) -> Self {
        let stack = Stack::unprepared(host, runtime, project, &["."]);
        let bundles = stack.path("bundles");
        stack.bundlegen(&[
            "build",
            text(&stack.path("compose.yaml")),
            "--hook",
            PROGRAM,
            "--images",
            text(images),
        ]);
        stack.bundlegen(&["prepare", text(&bundles), "--images", text(images)]);
        stack
    }

    /// Copies what is named of a directory, as it is.
    pub fn unprepared(host: &Host, runtime: &'static str, directory: &Path, names: &[&str]) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let dir = TempDir::new_in(&host.work).unwrap();
        let mut copy = Command::new("cp");
        copy.arg("-r").args(names).arg(dir.path()).current_dir(directory);
        let copied = copy.status().unwrap();
        assert!(copied.success());
        Stack {
            world: World::new(),
            runtime,
            dir,
            prefix: format!("stack-{}-{count}", std::process::id()),
            started: Mutex::new(Vec::new()),
        }
    }

    /// Checks everything into git that git is told of.
    pub fn check_in(&self) {
        for args in [&["init", "--quiet"][..], &["add", "."], &["commit", "--quiet", "--message", "all"]] {
            self.git(args);
        }
    }

    /// What git says has changed since.
    pub fn changes(&self) -> String {
        self.git(&["status", "--porcelain", "--", ".", ":!*.log"])
    }

    fn git(&self, args: &[&str]) -> String {
        let mut command = Command::new("git");
        command.arg("-C").arg(self.dir.path()).args([
            "-c",
            "user.name=test",
            "-c",
            "user.email=test@example.org",
        ]);
        let output = command.args(["-c", "safe.directory=*"]).args(args).output().unwrap();
        said(&output).unwrap_or_else(|errors| panic!("git {}: {errors}", args.join(" ")))
    }

    /// A path of the project.
    pub fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    /// Calls the program on the host, which must succeed.
    pub fn bundlegen(&self, args: &[&str]) -> String {
        let output = self.world.call(&[&[PROGRAM], args].concat());
        said(&output).unwrap_or_else(|errors| panic!("{}: {errors}", args.join(" ")))
    }

    /// The `config.json` of a bundle.
    pub fn config(&self, bundle: &str) -> Value {
        let path = self.path("bundles").join(bundle).join("config.json");
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    }

    /// The first address that a container has in a network, counted in the order it is attached to them.
    pub fn address(&self, bundle: &str, network: usize) -> String {
        let config = self.config(bundle);
        let args = config["hooks"]["createRuntime"][0]["args"].as_array().unwrap();
        let networks = args.iter().filter_map(|arg| arg.as_str().unwrap().strip_prefix("--network="));
        let network: Value = serde_json::from_str(networks.clone().nth(network).unwrap()).unwrap();
        let address = network["addresses"][0]["address"].as_str().unwrap().to_owned();
        address.split('/').next().unwrap().to_owned()
    }

    /// The name of a container, by default that of the only one of a bundle.
    pub fn id(&self, name: &str) -> String {
        format!("{}-{name}", self.prefix)
    }

    /// Starts a container of each bundle.
    pub fn up(&self, bundles: &[&str]) {
        for bundle in bundles {
            self.start(bundle, bundle).unwrap_or_else(|errors| panic!("{bundle}: {errors}"));
        }
    }

    /// The same, all at the same moment.
    pub fn up_at_once(&self, bundles: &[String]) {
        std::thread::scope(|scope| {
            for bundle in bundles {
                scope.spawn(move || self.up(&[bundle]));
            }
        });
    }

    /// Starts a container of a bundle under a name of its own.
    pub fn start(&self, bundle: &str, name: &str) -> Result<(), String> {
        self.started.lock().unwrap().push(name.to_owned());
        let log = self.path(&format!("{name}.log"));
        let bundle = self.path("bundles").join(bundle);
        let words = [self.runtime, "run", "--detach", "--bundle", text(&bundle), &self.id(name)];
        said(&self.world.detach(&words, &log)).map(drop)
    }

    /// What a script prints that runs in a container, or all it says when it fails.
    pub fn exec(&self, name: &str, script: &str) -> Result<String, String> {
        said(&self.world.call(&[self.runtime, "exec", &self.id(name), "sh", "-ec", script]))
    }

    /// The same, which must succeed.
    pub fn sees(&self, name: &str, script: &str) -> String {
        self.exec(name, script).unwrap_or_else(|errors| panic!("{name}: {script}: {errors}"))
    }

    /// The process of a container, as the host has it.
    pub fn pid(&self, name: &str) -> String {
        let state = said(&self.world.call(&[self.runtime, "state", &self.id(name)])).unwrap();
        let state: Value = serde_json::from_str(&state).unwrap();
        state["pid"].to_string()
    }

    /// Kills the process of a container behind the back of the runtime.
    pub fn kill(&self, name: &str) {
        let pid = self.pid(name);
        self.world.sh(&format!("kill -9 {pid}")).unwrap();
        patiently(|| match self.world.sh(&format!("grep -qs '^State:.*[^ZX] (' /proc/{pid}/status")) {
            Ok(_) => Err(format!("{name} does not die")),
            Err(_) => Ok(()),
        });
    }

    /// Deletes a container, running or not.
    pub fn delete(&self, name: &str) {
        let id = self.id(name);
        said(&self.world.call(&[self.runtime, "delete", "--force", &id]))
            .unwrap_or_else(|errors| panic!("{name}: {errors}"));
        self.started.lock().unwrap().retain(|started| started != name);
    }

    /// Deletes all containers that there are, in the order they were started.
    pub fn down(&self) {
        let started = self.started.lock().unwrap().clone();
        for name in &started {
            self.delete(name);
        }
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // Control groups are the only thing that does not go with the host.
        for name in self.started.lock().unwrap().iter() {
            drop(self.world.call(&[self.runtime, "delete", "--force", &self.id(name)]));
        }
    }
}
