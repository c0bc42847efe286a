//! Ports that proot maps for a project which a user without rights runs, with runc and with crun: names, published ports,
//! signals, and nothing left afterwards.
//!
//! `BUNDLEGEN_PROOT` names a static proot of version 5.2 or later. Without it the test is skipped and says so, also where
//! runtimes are required: no package of Debian 12 has one (its proot 5.1 knows no ports), and none is downloaded.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "tests make their inputs"
)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What runs in the namespaces.
const SCRIPT: &str = include_str!("rootless_proot/run.sh");

/// Who runs it, and is made where nobody is called so.
const NAME: &str = "bundlegen-test";

/// Two services listen at one port, a third one in the network of the first, and one asks.
const COMPOSE: &str = r#"
name: shop
x-bundlegen: {rootless: "UID:GID", proot: PROOT, init: /usr/bin/docker-init}
services:
  web:
    x-bundlegen: {rootfs: root-web}
    volumes: ["/usr:/usr:ro"]
    init: true
    ports: ["18080:80"]
    networks: {default: {aliases: [front]}}
    entrypoint: &answer
      - perl
      - -MIO::Socket::INET
      - -e
      - |
        $$| = 1;
        $$SIG{TERM} = sub { print "told to stop\n"; exit };
        ($$port, $$name) = @ARGV;
        $$s = IO::Socket::INET->new(LocalPort => $$port, Listen => 5) or die "no port $$port: $$!";
        while (1) { $$c = $$s->accept or next; print $$c "of $$name\n"; close $$c }
    command: ["80", web]
  api:
    x-bundlegen: {rootfs: root-api}
    volumes: ["/usr:/usr:ro"]
    ports: ["18443:8443"]
    cap_drop: [ALL]
    init: true
    entrypoint: *answer
    command: ["8443", api]
  beside:
    x-bundlegen: {rootfs: root-beside}
    volumes: ["/usr:/usr:ro"]
    network_mode: service:web
    entrypoint: &ask
      - perl
      - -MIO::Socket::INET
      - -e
      - |
        for (@ARGV) {
          $$s = IO::Socket::INET->new(PeerAddr => $$_, Timeout => 5) or die "$$_: $$@";
          print "$$_: ", <$$s>;
        }
    command: [api:8443, localhost:80]
  ask:
    x-bundlegen: {rootfs: root-ask}
    volumes: ["/usr:/usr:ro"]
    entrypoint: *ask
    command: [web:80, front:80, shop-web-1:80, shop-api-1:8443, "10.9.8.1:7777"]
"#;

const WANT: &str = "\
early: refused
loopback: of web
everywhere: of web
other: of api
inside: refused
web:80: of web
front:80: of web
shop-web-1:80: of web
shop-api-1:8443: of api
10.9.8.1:7777: outside
api:8443: of api
localhost:80: of web
told to stop
left:
";

fn output(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

/// The program to try, or what is missing on this host.
fn proot() -> Result<PathBuf, String> {
    let path = std::env::var_os("BUNDLEGEN_PROOT").ok_or("BUNDLEGEN_PROOT names no proot")?;
    if output("id", &["-u"]).as_deref() != Some("0") {
        return Err("not root".to_owned());
    }
    let tools = ["runc", "crun", "docker-init", "ip", "perl", "setpriv", "unshare"];
    let absent = tools.iter().find(|tool| Command::new(tool).arg("--version").output().is_err());
    absent.map_or(Ok(PathBuf::from(path)), |tool| Err(format!("no {tool}")))
}

/// Everything as the user would have it, below a directory that the user can get to.
fn project(work: &Path, proot: &Path, uid: &str, gid: &str) {
    fs::create_dir_all(work).unwrap();
    fs::copy(env!("CARGO_BIN_EXE_bundlegen"), work.join("bundlegen")).unwrap();
    fs::copy(proot, work.join("proot")).expect("the proot that BUNDLEGEN_PROOT names");
    for root in ["root-web", "root-api", "root-beside", "root-ask"].map(|root| work.join(root)) {
        fs::create_dir(&root).unwrap();
        for link in ["bin", "lib", "lib64"] {
            symlink(format!("usr/{link}"), root.join(link)).unwrap();
        }
    }
    let compose = COMPOSE.replace("UID", uid).replace("GID", gid);
    let compose = compose.replace("PROOT", work.join("proot").to_str().unwrap());
    fs::write(work.join("compose.yaml"), compose).unwrap();
    assert!(output("chown", &["-R", &format!("{uid}:{gid}"), work.to_str().unwrap()]).is_some());
}

fn run(runtime: &str) {
    let proot = match proot() {
        Ok(proot) => proot,
        Err(missing) => {
            eprintln!("skipped: proot cannot be tried: {missing}");
            return;
        }
    };
    if output("id", &["-u", NAME]).is_none() {
        output("useradd", &["--no-create-home", "--shell", "/usr/sbin/nologin", NAME]);
    }
    let uid = output("id", &["-u", NAME]).expect("a user");
    let gid = output("id", &["-g", NAME]).expect("a group");
    let work = std::env::temp_dir().join(format!("bundlegen-proot-{}-{runtime}", std::process::id()));
    project(&work, &proot, &uid, &gid);
    let words = ["-k", "5", "100", "unshare", "-n", "-m", "--pid", "--fork", "--kill-child", "--mount-proc"];
    let args = ["sh", "-c", SCRIPT, "sh", runtime, &uid, &gid, work.to_str().unwrap()];
    let output = Command::new("timeout").args(words).args(args).stdin(Stdio::null()).output().unwrap();
    fs::remove_dir_all(&work).unwrap();
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let said: Vec<&str> = said.lines().map(str::trim_end).collect();
    assert_eq!(said, WANT.lines().collect::<Vec<_>>(), "{errors}");
}

#[test]
fn with_runc() {
    run("runc");
}

#[test]
fn with_crun() {
    run("crun");
}
