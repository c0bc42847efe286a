//! A user without rights, and what it makes of a project.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::containers::host::{Host, Runtime, become_user, host, installed, required};
use crate::containers::{call, say, text};

/// A user of the host, with the first numbers of its ranges.
pub struct User {
    pub uid: u32,
    pub gid: u32,
    pub users: u32,
    pub groups: u32,
}

/// Who is made where nobody has ranges.
const NAME: &str = "bundlegen-test";

/// The user, or nothing where nobody can run bundles without root, which is said aloud.
fn user() -> Option<&'static User> {
    static USER: OnceLock<Option<User>> = OnceLock::new();
    let found = USER.get_or_init(|| {
        let found = able();
        if let Err(missing) = &found {
            assert!(!required(), "bundles cannot be run without root: {missing}");
            say(&format!("skipped: bundles cannot be run without root: {missing}"));
        }
        found.ok()
    });
    found.as_ref()
}

fn able() -> Result<User, String> {
    if let Some(tool) =
        ["setpriv", "unshare", "newuidmap", "newgidmap"].into_iter().find(|tool| !installed(tool))
    {
        return Err(format!("no {tool}"));
    }
    if known().is_none() {
        let args = ["--no-create-home", "--shell", "/usr/sbin/nologin", NAME];
        let made = Command::new("useradd").args(args).output();
        made.map_err(|error| format!("no useradd: {error}"))?;
    }
    let user = known().ok_or("nobody has ranges in /etc/subuid and /etc/subgid")?;
    let words = become_user(user.uid, user.gid, Path::new("/"));
    let tried = Command::new(&words[0]).args(&words[1..]).args(["unshare", "--user", "true"]).output();
    match tried {
        Ok(output) if output.status.success() => Ok(user),
        _ => Err("user namespaces are off".into()),
    }
}

/// The first user with ranges.
fn known() -> Option<User> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let (users, groups, passwd) = (read("/etc/subuid"), read("/etc/subgid"), read("/etc/passwd"));
    let range = |table: &str, name: &str| {
        table.lines().find_map(|line| {
            let [owner, first, size]: [&str; 3] = line.split(':').collect::<Vec<_>>().try_into().ok()?;
            let (first, size) = (first.parse::<u32>().ok()?, size.parse::<u32>().ok()?);
            (owner == name && size >= 1000).then_some(first)
        })
    };
    passwd.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let (uid, gid) = (fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?);
        let (users, groups) = (range(&users, fields[0])?, range(&groups, fields[0])?);
        (uid != 0).then_some(User { uid, gid, users, groups })
    })
}

/// A Compose file, in which `UID`, `GID`, `SUBUID` and `SUBGID` are the user's.
pub struct Source {
    compose: String,
    only: Option<&'static str>,
}

/// A Compose file with a service `app`.
pub fn project(compose: &str) -> Source {
    Source { compose: compose.to_owned(), only: None }
}

impl Source {
    /// For one runtime alone.
    pub fn only(self, runtime: &'static str) -> Self {
        Source { only: Some(runtime), ..self }
    }

    /// Makes the bundles anew for each runtime, as the user, and lets `check` use them.
    pub fn each(&self, check: impl Fn(&Project)) {
        let (Some(host), Some(user)) = (host(), user()) else { return };
        for runtime in
            host.runtimes.iter().filter(|runtime| self.only.is_none_or(|only| only == runtime.name))
        {
            // Shown where the test fails.
            println!("with {}", runtime.name);
            check(&self.prepared(host, user, runtime));
        }
    }

    fn prepared<'u>(&self, host: &Host, user: &'u User, runtime: &Runtime) -> Project<'u> {
        // The way to the directory of the tests may be closed to others.
        let dir = TempDir::new().unwrap();
        let root = dir.path().join("project");
        fs::create_dir(&root).unwrap();
        call("cp", &["-r", text(&host.images), text(&root.join("images"))]);
        let program = dir.path().join("bundlegen");
        fs::copy(env!("CARGO_BIN_EXE_bundlegen"), &program).unwrap();
        let mut compose = self.compose.clone();
        let ids = [("SUBUID", user.users), ("SUBGID", user.groups), ("UID", user.uid), ("GID", user.gid)];
        for (name, id) in ids {
            compose = compose.replace(name, &id.to_string());
        }
        fs::write(root.join("compose.yaml"), compose).unwrap();
        let owner = format!("{}:{}", user.uid, user.gid);
        call("chown", &["-R", &owner, text(dir.path())]);
        let project =
            Project { runtime: runtime.called_by(user.uid, user.gid, dir.path()), user, program, root, dir };
        for args in
            [["build", text(&project.root.join("compose.yaml"))], ["prepare", text(&project.bundles())]]
        {
            let words = become_user(user.uid, user.gid, project.dir.path());
            let output = Command::new(&words[0]).args(&words[1..]).arg(&project.program).args(args).output();
            let output = output.unwrap();
            assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
        project
    }
}

/// Bundles that are ready to run.
pub struct Project<'u> {
    pub user: &'u User,
    pub root: PathBuf,
    runtime: Runtime,
    program: PathBuf,
    dir: TempDir,
}

impl Project<'_> {
    /// Runs `app`, which must succeed, and returns what it prints.
    pub fn output(&self) -> String {
        let (code, output) = self.run();
        assert_eq!(code, Some(0), "{output}");
        output
    }

    /// Runs `app`; returns its exit code and what it prints, errors last.
    pub fn run(&self) -> (Option<i32>, String) {
        let Output { status, stdout, stderr } = self.runtime.run(&self.bundles().join("app"));
        (status.code(), String::from_utf8([stdout, stderr].concat()).unwrap())
    }

    /// What `prepare` says to root.
    pub fn prepared_by_root(&self) -> String {
        let output = Command::new(&self.program).arg("prepare").arg(self.bundles()).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    }

    fn bundles(&self) -> PathBuf {
        self.root.join("bundles")
    }
}
