//! The host: which runtimes it has, what they need here, and the images that the bundles are made of.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::image;
use super::say;

/// What all tests of this process share.
pub struct Host {
    /// The runtimes that are installed.
    pub runtimes: Vec<Runtime>,
    /// A layout that umoci made.
    pub images: PathBuf,
    /// A layout that skopeo made of it, with names as registries have them.
    pub copied: PathBuf,
    /// A directory of this process's own.
    pub work: PathBuf,
}

/// The host, or nothing where bundles cannot run, which is said aloud; where they must run, that is a failure.
pub fn host() -> Option<&'static Host> {
    static HOST: OnceLock<Option<Host>> = OnceLock::new();
    HOST.get_or_init(|| match missing() {
        missing if missing.is_empty() => Some(Host::new()),
        missing => {
            let missing = missing.join(", ");
            assert!(!required(), "bundles cannot be run: {missing}");
            say(&format!("skipped: bundles cannot be run: {missing}"));
            None
        }
    })
    .as_ref()
}

/// Whether a test that cannot run has failed.
fn required() -> bool {
    std::env::var_os("BUNDLEGEN_REQUIRE_RUNTIMES").is_some_and(|value| value == "1")
}

fn missing() -> Vec<String> {
    let mut missing = Vec::new();
    if !rustix::process::geteuid().is_root() {
        missing.push("not root".to_owned());
    }
    let tools = ["umoci", "skopeo"];
    missing.extend(tools.iter().filter(|tool| !installed(tool)).map(|tool| format!("no {tool}")));
    let runtimes: Vec<_> = RUNTIMES.iter().filter(|runtime| !installed(runtime)).collect();
    if required() || runtimes.len() == RUNTIMES.len() {
        missing.extend(runtimes.iter().map(|runtime| format!("no {runtime}")));
    }
    if !Path::new(image::BUSYBOX).exists() {
        missing.push(format!("no {}", image::BUSYBOX));
    }
    missing
}

fn installed(program: &str) -> bool {
    Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

const RUNTIMES: [&str; 2] = ["runc", "crun"];

impl Host {
    fn new() -> Host {
        let work = work();
        let (images, copied) = (work.join("images"), work.join("copied"));
        image::make(&work, &images, &copied);
        let (found, missing): (Vec<_>, Vec<_>) = RUNTIMES.into_iter().partition(|name| installed(name));
        for name in missing {
            say(&format!("skipped: no {name} is installed"));
        }
        Host { runtimes: found.into_iter().map(|name| Runtime { name }).collect(), images, copied, work }
    }
}

/// A directory for this process; those of processes that are gone are removed, as nothing runs when one ends.
fn work() -> PathBuf {
    let parent = Path::new(env!("CARGO_TARGET_TMPDIR"));
    for entry in fs::read_dir(parent).unwrap().map(Result::unwrap) {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix("runtime-"));
        if process.is_some_and(|process| !Path::new("/proc").join(process).exists()) {
            fs::remove_dir_all(entry.path()).unwrap();
        }
    }
    let work = parent.join(format!("runtime-{}", std::process::id()));
    fs::create_dir(&work).unwrap();
    work
}

/// An OCI runtime.
pub struct Runtime {
    /// The name of its program.
    pub name: &'static str,
}

impl Runtime {
    /// Runs a bundle to its end, from a directory that has nothing to do with it.
    pub fn run(&self, bundle: &Path) -> Output {
        let container = Container::new(self);
        self.call(&["run", "-b", bundle.to_str().unwrap(), &container.id], Stdio::piped)
    }

    /// What `state` says of a container that was created and not started.
    pub fn state(&self, bundle: &Path) -> serde_json::Value {
        let container = Container::new(self);
        // The container would keep a pipe open for as long as it lives.
        let created = self.call(&["create", "-b", bundle.to_str().unwrap(), &container.id], Stdio::null);
        assert!(created.status.success(), "{} does not create {}", self.name, bundle.display());
        let state = self.call(&["state", &container.id], Stdio::piped);
        serde_json::from_slice(&state.stdout).unwrap()
    }

    /// Runs a bundle that wants a terminal, which it gets from `script`.
    pub fn run_in_terminal(&self, bundle: &Path) -> Output {
        let container = Container::new(self);
        let words = self.words(&["run", "-b", bundle.to_str().unwrap(), &container.id]);
        let quoted: Vec<_> = words.iter().map(|word| format!("'{word}'")).collect();
        call(&["script", "-qec", &quoted.join(" "), "/dev/null"], Stdio::piped)
    }

    fn call(&self, args: &[&str], output: fn() -> Stdio) -> Output {
        call(&self.words(args), output)
    }

    /// The command line that calls the runtime, without apostrophes.
    fn words<'a>(&self, args: &[&'a str]) -> Vec<&'a str> {
        let mut words = vec![self.name];
        if self.name == "crun" && hybrid() {
            let without = r#"umount /sys/fs/cgroup/unified && exec crun "$@""#;
            words = vec!["unshare", "-m", "sh", "-c", without, "sh"];
        }
        words.extend(args);
        words
    }
}

fn call(words: &[&str], output: fn() -> Stdio) -> Output {
    let mut command = Command::new("timeout");
    command.args(["-k", "5", "60"]).args(words).current_dir("/");
    command.stdin(Stdio::null()).stdout(output()).stderr(output());
    command.spawn().unwrap().wait_with_output().unwrap()
}

/// Whether the host has cgroup v1 and v2 side by side, which crun 1.8 refuses.
fn hybrid() -> bool {
    fs::read_to_string("/proc/self/mountinfo").unwrap().contains(" /sys/fs/cgroup/unified ")
}

/// A name for one container, which is deleted however the test ends.
struct Container<'a> {
    runtime: &'a Runtime,
    id: String,
}

impl<'a> Container<'a> {
    fn new(runtime: &'a Runtime) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Container { runtime, id: format!("bundlegen-test-{}-{count}", std::process::id()) }
    }
}

impl Drop for Container<'_> {
    fn drop(&mut self) {
        self.runtime.call(&["delete", "-f", &self.id], Stdio::null);
    }
}
