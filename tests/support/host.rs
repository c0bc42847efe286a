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
pub fn required() -> bool {
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

/// Whether a program is there.
pub fn installed(program: &str) -> bool {
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
        Host { runtimes: found.into_iter().map(Runtime::new).collect(), images, copied, work }
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
    /// What a shell does first, in a mount namespace that ends with the runtime.
    before: Vec<String>,
    /// What comes before the runtime on its command line, to be somebody else.
    user: Vec<String>,
    /// Its options.
    options: Vec<String>,
}

impl Runtime {
    fn new(name: &'static str) -> Self {
        // crun 1.8 refuses cgroup v1 and v2 side by side.
        let hybrid = name == "crun" && hybrid();
        let before = hybrid.then(|| "umount /sys/fs/cgroup/unified".to_owned());
        Runtime { name, before: before.into_iter().collect(), user: Vec::new(), options: Vec::new() }
    }

    /// The same runtime, called by a user without rights who has a directory.
    pub fn called_by(&self, uid: u32, gid: u32, home: &Path) -> Self {
        let root = home.join(self.name).display().to_string();
        let (before, options) = (self.before.clone(), vec!["--root".to_owned(), root]);
        Runtime { name: self.name, before, user: become_user(uid, gid, home), options }
    }

    /// The same runtime where mounts pass on what is mounted in them, as on every host that systemd has started.
    pub fn sharing(&self) -> Self {
        Runtime {
            name: self.name,
            before: [&self.before[..], &["mount --make-rshared /".to_owned()]].concat(),
            user: self.user.clone(),
            options: self.options.clone(),
        }
    }

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
        let words = ["script", "-qec", &quoted.join(" "), "/dev/null"];
        call(&words.map(str::to_owned), Stdio::piped, Stdio::piped)
    }

    fn call(&self, args: &[&str], output: fn() -> Stdio) -> Output {
        call(&self.words(args), Stdio::null, output)
    }

    /// The command line that calls the runtime, without apostrophes.
    fn words(&self, args: &[&str]) -> Vec<String> {
        let shell = ["unshare", "--mount", "--propagation", "private", "sh", "-ec"].map(str::to_owned);
        let mut words = Vec::new();
        if !self.before.is_empty() {
            words.extend(shell);
            words.extend([format!("{}\nexec \"$@\"", self.before.join("\n")), "sh".to_owned()]);
        }
        words.extend(self.user.iter().cloned());
        words.push(self.name.to_owned());
        words.extend(self.options.iter().cloned());
        words.extend(args.iter().map(ToString::to_string));
        words
    }
}

/// The beginning of a command line that a user without rights runs.
pub fn become_user(uid: u32, gid: u32, home: &Path) -> Vec<String> {
    let ids = [format!("--reuid={uid}"), format!("--regid={gid}")];
    let home = format!("XDG_RUNTIME_DIR={}", home.display());
    let words = ["setpriv", "--clear-groups", &ids[0], &ids[1], "env", "-i"];
    words.into_iter().chain(["PATH=/usr/sbin:/usr/bin:/sbin:/bin", &home]).map(str::to_owned).collect()
}

fn call(words: &[String], input: fn() -> Stdio, output: fn() -> Stdio) -> Output {
    let mut command = Command::new("timeout");
    command.args(["-k", "5", "60"]).args(words).current_dir("/");
    command.stdin(input()).stdout(output()).stderr(output());
    let mut child = command.spawn().unwrap();
    // A terminal whose input ends may not show all output.
    let input = child.stdin.take();
    let output = child.wait_with_output().unwrap();
    drop(input);
    output
}

/// Whether the host has cgroup v1 and v2 side by side.
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
