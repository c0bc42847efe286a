//! A project with canaries around it, and what `build` and `prepare` make of an image in it.
#![allow(dead_code, reason = "each test uses a part")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;

use bundlegen::image::Digest;
use tempfile::TempDir;

use crate::support::Store;

/// Who runs the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Myself,
    Nobody,
}

const NOBODY: u32 = 65534;

/// Root and a user without rights, or whoever runs the tests.
pub fn everybody() -> &'static [Who] {
    if is_root() { &[Who::Myself, Who::Nobody] } else { &[Who::Myself] }
}

pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Names of programs that others run to decompress layers; here they leave a mark.
const PROGRAMS: [&str; 9] = ["gzip", "gunzip", "unpigz", "pigz", "zstd", "unzstd", "zstdcat", "tar", "xz"];

/// With two numbers for the user, `build` looks at no layer.
pub const COMPOSE: &str =
    "services: {app: {image: 'app:1', network_mode: none, user: '0:0', command: [x]}}\n";

/// What is where an attack may want to go.
pub const OUTSIDE_USERS: &str = "root:x:0:0::/:/bin/sh\nonly-outside:x:1234:1234::/:/bin/sh\n";

pub struct Ground {
    dir: TempDir,
    who: Who,
}

/// What a run of the program has said.
pub struct Run {
    pub code: i32,
    pub said: String,
}

impl Ground {
    pub fn new(who: Who) -> Self {
        Ground::within(tempfile::tempdir().unwrap(), who)
    }

    /// Where files need not reach a disk, which takes long.
    pub fn in_memory() -> Self {
        let memory = Path::new("/dev/shm");
        let dir = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        Ground::within(dir.unwrap(), Who::Myself)
    }

    fn within(dir: TempDir, who: Who) -> Self {
        let ground = Ground { dir, who };
        ground.open(ground.dir.path());
        for directory in ["outside/etc", "outside/deep/dir", "project/sub"] {
            fs::create_dir_all(ground.at(directory)).unwrap();
        }
        for canary in
            ["canary", "outside/canary", "outside/deep/dir/canary", "project/canary", "project/sub/canary"]
        {
            ground.canary(canary);
        }
        fs::write(ground.at("outside/etc/passwd"), OUTSIDE_USERS).unwrap();
        fs::write(ground.at("outside/etc/group"), "only-outside:x:4321:app\n").unwrap();
        symlink("canary", ground.at("outside/link")).unwrap();
        fs::create_dir(ground.at("marks")).unwrap();
        fs::set_permissions(ground.at("marks"), fs::Permissions::from_mode(0o777)).unwrap();
        ground.poison();
        if who == Who::Nobody {
            for path in ["project", "project/canary", "outside", "outside/canary"] {
                chown(ground.at(path), Some(NOBODY), Some(NOBODY)).unwrap();
            }
        }
        ground
    }

    /// Lets the other user in.
    fn open(&self, path: &Path) {
        if self.who == Who::Nobody {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }

    /// A file whose content, mode, time and attributes nobody else would give it.
    fn canary(&self, path: &str) {
        let path = self.at(path);
        fs::write(&path, format!("alive at {}", path.display())).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let file = fs::File::open(&path).unwrap();
        let flags = rustix::fs::XattrFlags::empty();
        let _not_everywhere = rustix::fs::fsetxattr(&file, "user.canary", b"alive", flags);
        file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_234_567)).unwrap();
    }

    fn poison(&self) {
        let bin = self.at("bin");
        fs::create_dir(&bin).unwrap();
        for name in PROGRAMS {
            let script = format!("#!/bin/sh\n: > {}/{name}\nexit 1\n", self.at("marks").display());
            fs::write(bin.join(name), script).unwrap();
            fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
    }

    pub fn at(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    pub fn outside(&self) -> String {
        self.at("outside").to_str().unwrap().to_owned()
    }

    pub fn root(&self) -> PathBuf {
        self.at("project/bundles/app/rootfs")
    }

    /// The program with its arguments, which is killed after a minute, with programs in the way of `PATH`.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("/usr/bin/timeout");
        command.args(["-s", "KILL", "60"]).arg(program()).args(arguments);
        self.start(&mut command);
        command
    }

    fn start(&self, command: &mut Command) {
        command.current_dir(self.at("project")).env_clear().stdin(Stdio::null());
        command.env("PATH", format!("{}:/usr/bin:/bin", self.at("bin").display()));
        command.env("HOME", self.at("project"));
        if self.who == Who::Nobody {
            command.uid(NOBODY).gid(NOBODY);
        }
    }

    /// Starts the program itself, to be killed.
    pub fn spawn(&self, arguments: &[&str]) -> Child {
        let mut command = Command::new(program());
        self.start(&mut command);
        command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    pub fn run(&self, arguments: &[&str]) -> Run {
        Run::new(&self.command(arguments).output().unwrap())
    }

    pub fn build(&self, compose: &str, store: &Store) -> Run {
        self.open(store.path());
        let path = self.at("project/compose.yaml");
        if fs::read_to_string(&path).is_ok_and(|old| old == compose) {
            return self.run(&["build", "--images", store.path().to_str().unwrap()]);
        }
        fs::write(&path, compose).unwrap();
        self.run(&["build", "--images", store.path().to_str().unwrap()])
    }

    pub fn prepare(&self, store: &Store) -> Run {
        self.run(&["prepare", "--images", store.path().to_str().unwrap()])
    }

    /// Files in the bundle that are not of the build.
    pub fn plant(&self) {
        for path in ["bundles/canary", "bundles/app/canary"] {
            self.canary(&format!("project/{path}"));
        }
    }

    /// All that is there, except for what is made in a root or a volume.
    pub fn seen(&self) -> BTreeMap<PathBuf, String> {
        let walk = walkdir::WalkDir::new(self.dir.path()).into_iter();
        let is_made = |path: &Path| {
            let path = path.strip_prefix(self.dir.path()).unwrap().to_str().unwrap();
            path.starts_with("project/bundles/app/rootfs")
                || path.starts_with("project/bundles/app/.rootfs")
                || path.starts_with("project/bundles/volumes")
        };
        walk.filter_entry(|entry| !is_made(entry.path()))
            .map(|entry| entry.unwrap().into_path())
            .map(|path| (path.clone(), describe(&path)))
            .collect()
    }
}

impl Run {
    fn new(output: &Output) -> Self {
        let said = [&output.stdout[..], &output.stderr].concat();
        let said = String::from_utf8(said).expect("what is said is text");
        let run = Run { code: output.status.code().expect("it is not killed"), said };
        let is_odd =
            |c: char| (c.is_control() && c != '\n' && c != '\t') || matches!(c, '\u{202a}'..='\u{202e}');
        assert!(!run.said.contains(is_odd), "unprintable: {:?}", run.said);
        assert!(!run.said.contains("panicked"), "{}", run.said);
        assert!(matches!(run.code, 0 | 1 | 3), "{}: {}", run.code, run.said);
        run
    }

    #[track_caller]
    pub fn succeeds(self) -> Self {
        assert_eq!(self.code, 0, "{}", self.said);
        self
    }
}

/// The program, where everybody may run it.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| PathBuf::from(env!("CARGO_BIN_EXE_bundlegen")))
}

/// Content, mode, owner, links, time and attributes. The directories that `prepare` works in change their times.
fn describe(path: &Path) -> String {
    let metadata = fs::symlink_metadata(path).unwrap();
    let (uid, gid, mode) = (metadata.uid(), metadata.gid(), metadata.mode());
    let mut text = format!("{mode:o} {uid}:{gid}");
    if metadata.is_symlink() {
        return format!("{text} -> {}", fs::read_link(path).unwrap().display());
    }
    let bundle = path.ends_with("bundles") || path.ends_with("bundles/app");
    if !bundle {
        let (seconds, rest) = (metadata.mtime(), metadata.mtime_nsec());
        text = format!("{text} at {seconds}.{rest}");
    }
    if metadata.is_file() {
        let digest = Digest::sha256(&fs::read(path).unwrap());
        text = format!("{text} {} links {digest}", metadata.nlink());
    }
    let mut value = [0; 64];
    let length = rustix::fs::lgetxattr(path, "user.canary", &mut value).unwrap_or(0);
    format!("{text} {}", value[..length].escape_ascii())
}
