//! A Docker daemon of the test's own, which ends with the test however the test ends.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use tempfile::TempDir;

use super::seen::{Namespaces, namespaces};
use crate::SERVICE;
use crate::containers::host::Host;
use crate::containers::report::Report;
use crate::containers::{call, text};

/// The version that the list of differences is about.
const VERSION: &str = "20.10.";

/// What the first process of the daemon's namespaces does. Nothing of it can stay behind: mounts and sockets go with the
/// mount namespace, processes with the PID namespace. crun does without the second hierarchy of a hybrid host, so the
/// daemon does too. Mounts pass on what is mounted in them, as on every host that systemd has started.
const START: &str = r#"
mount --make-rshared /
mount -t tmpfs none /run
! mountpoint -q /sys/fs/cgroup/unified || umount /sys/fs/cgroup/unified
dockerd "$@"
exit
"#;

/// The daemon.
pub struct Docker {
    /// The namespaces of the daemon, which are the host's for its containers.
    pub namespaces: Namespaces,
    daemon: Child,
    compose: Vec<&'static str>,
    dir: TempDir,
}

impl Docker {
    /// Starts the daemon and gives it the images, or says what is missing.
    pub fn start(host: &Host) -> Result<Docker, String> {
        let version = output(Command::new("dockerd").arg("--version"))?;
        if !version.contains(&format!(" {VERSION}")) {
            return Err(format!("not Docker {VERSION}x: {}", version.trim_end()));
        }
        let compose = compose().ok_or("no Docker Compose")?;
        // The name of a socket may not be long.
        let dir = tempfile::tempdir().map_err(|error| error.to_string())?;
        let log = dir.path().join("log");
        let daemon = daemon(dir.path(), &host.work.join("docker"), &log)?;
        let mut docker = Docker { namespaces: Namespaces::default(), daemon, compose, dir };
        docker.wait().map_err(|why| {
            let log = std::fs::read_to_string(&log).unwrap_or_default();
            let last: Vec<_> = log.lines().rev().take(3).collect();
            format!("{why}: {}", last.join("\n"))
        })?;
        docker.namespaces = namespaces(&format!("/proc/{}", docker.first()?));
        for name in ["busybox", "app"] {
            docker.load(host, name)?;
        }
        Ok(docker)
    }

    fn wait(&mut self) -> Result<(), String> {
        for _ in 0..150 {
            if let Ok(Some(status)) = self.daemon.try_wait() {
                return Err(format!("dockerd has ended with {status}"));
            }
            if output(self.docker().arg("version")).is_ok() {
                return Ok(());
            }
            sleep(Duration::from_millis(200));
        }
        Err("dockerd does not answer".to_owned())
    }

    /// The first process of the daemon's PID namespace, as this process sees it.
    fn first(&self) -> Result<String, String> {
        let parent = self.daemon.id();
        let children = format!("/proc/{parent}/task/{parent}/children");
        let children = std::fs::read_to_string(children).map_err(|error| error.to_string())?;
        children.split_whitespace().next().map(str::to_owned).ok_or_else(|| "dockerd is gone".to_owned())
    }

    fn load(&self, host: &Host, name: &str) -> Result<(), String> {
        let archive = host.work.join(format!("{name}.tar"));
        let from = format!("oci:{}:{name}", text(&host.images));
        let to = format!("docker-archive:{}:{name}:latest", text(&archive));
        call("skopeo", &["copy", "--quiet", "--insecure-policy", &from, &to]);
        output(self.docker().args(["load", "--quiet", "--input"]).arg(archive)).map(drop)
    }

    /// Writes images as an archive.
    pub fn save(&self, names: &[&str], archive: &Path) -> Result<(), String> {
        output(self.docker().arg("save").arg("--output").arg(archive).args(names)).map(drop)
    }

    /// What the service of a project says, or why it does not run.
    pub fn report(&self, dir: &Path, name: &str) -> Result<Report, String> {
        let report = self.run(dir, name);
        output(self.project(dir, name).args(["down", "--volumes", "--timeout", "0"]))?;
        report
    }

    fn run(&self, dir: &Path, name: &str) -> Result<Report, String> {
        output(self.project(dir, name).args(["up", "--detach", "--quiet-pull"]))?;
        let id = output(self.project(dir, name).args(["ps", "--all", "--quiet", SERVICE]))?;
        let id = id.trim_end();
        let code = output(self.docker().args(["wait", id]))?;
        let said = output(self.docker().args(["logs", id]))?;
        if code.trim_end() != "0" {
            return Err(format!("exit code {}: {said}", code.trim_end()));
        }
        // Where Docker takes the name of the container, a bundle has that of the service.
        let short: String = id.chars().take(12).collect();
        Ok(Report::said(&said.replace(&short, SERVICE)))
    }

    fn docker(&self) -> Command {
        self.client(&["docker"])
    }

    fn project(&self, dir: &Path, name: &str) -> Command {
        let mut command = self.client(&self.compose);
        command.args(["--project-name", name, "--file"]).arg(dir.join("compose.yaml"));
        command
    }

    fn client(&self, words: &[&str]) -> Command {
        let mut command = Command::new("timeout");
        command.args(["-k", "5", "60"]).args(words).current_dir("/");
        command.env("DOCKER_HOST", format!("unix://{}", text(&socket(self.dir.path()))));
        command
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        // All processes of the namespace end with the one that has made it.
        drop(self.daemon.kill());
        drop(self.daemon.wait());
    }
}

fn socket(dir: &Path) -> PathBuf {
    dir.join("docker.sock")
}

/// The command that is Docker Compose here.
fn compose() -> Option<Vec<&'static str>> {
    let plugin = vec!["docker", "compose"];
    let works = |words: &Vec<&str>| output(Command::new(words[0]).args(&words[1..]).arg("version")).is_ok();
    [vec!["docker-compose"], plugin].into_iter().find(works)
}

fn daemon(dir: &Path, data: &Path, log: &Path) -> Result<Child, String> {
    let out = std::fs::File::create(log).map_err(|error| error.to_string())?;
    let errors = out.try_clone().map_err(|error| error.to_string())?;
    let mut command = Command::new("setpriv");
    command.args([
        "--pdeathsig",
        "KILL",
        "unshare",
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
    ]);
    command.args(["sh", "-c", START, "sh", "--data-root", text(data)]);
    command.args(["--host", &format!("unix://{}", text(&socket(dir)))]);
    command.args(["--bridge=none", "--iptables=false", "--ip6tables=false"]);
    // As on hosts with cgroup v2, and as in every bundle.
    command.arg("--default-cgroupns-mode=private");
    command.stdin(Stdio::null()).stdout(out).stderr(errors);
    command.spawn().map_err(|error| format!("setpriv: {error}"))
}

/// What a program prints when it succeeds, or what went wrong.
fn output(command: &mut Command) -> Result<String, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{program}: {error}"))?;
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}
