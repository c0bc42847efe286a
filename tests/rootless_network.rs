//! The network of a project that a user without rights runs, with runc and with crun: names, published ports, the way
//! out, and nothing left afterwards.
//!
//! Everything runs in namespaces that end with the test. `/dev/net/tun` must be open to everybody, which it is where udev
//! runs; where it is not, the test opens it.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "tests make their inputs"
)]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

/// What runs in the namespaces.
const SCRIPT: &str = include_str!("rootless_network/run.sh");

/// Who runs it, and is made where nobody is called so.
const NAME: &str = "bundlegen-test";

/// The service asks, and the other one answers; both are Perl, which every Debian has.
const COMPOSE: &str = r#"
name: shop
x-bundlegen: {rootless: "UID:GID", hook: PROGRAM}
services:
  web:
    x-bundlegen: {rootfs: root-web}
    volumes: ["/usr:/usr:ro"]
    networks: {default: {aliases: [front]}}
    ports: ["127.0.0.1:18080:80", "19000:80", "127.0.0.1:15353:15353/udp"]
    command:
      - perl
      - -MIO::Socket::INET
      - -e
      - |
        if (fork) {
          $$s = IO::Socket::INET->new(LocalPort => 80, Listen => 5) or die "no port 80";
          while ($$c = $$s->accept) { print $$c "of web\n"; close $$c }
        }
        $$s = IO::Socket::INET->new(LocalPort => 15353, Proto => 17, Type => SOCK_DGRAM) or die "no port 15353";
        while ($$from = $$s->recv($$_, 99)) { $$s->send("heard $$_") }
  ask:
    x-bundlegen: {rootfs: root-ask}
    volumes: ["/usr:/usr:ro"]
    command:
      - perl
      - -MIO::Socket::INET
      - -e
      - |
        for (@ARGV) {
          $$s = IO::Socket::INET->new(PeerAddr => $$_, Timeout => 5) or die "$$_: $$@";
          print "asked $$_: ", <$$s>;
        }
      - web:80
      - front:80
      - shop-web-1:80
      - 10.9.8.1:7777
"#;

const WANT: &str = "\
asked web:80: of web
asked front:80: of web
asked shop-web-1:80: of web
asked 10.9.8.1:7777: outside
loopback: of web
bound: refused
everywhere: of web
";

fn output(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

/// What is missing on this host, and what a test that must run fails of.
fn missing() -> Option<String> {
    if output("id", &["-u"]).as_deref() != Some("0") {
        return Some("not root".to_owned());
    }
    let tools = ["runc", "crun", "pasta", "slirp4netns", "ip", "perl", "setpriv", "unshare"];
    let absent = tools.iter().find(|tool| Command::new(tool).arg("--version").output().is_err());
    if let Some(tool) = absent {
        return Some(format!("no {tool}"));
    }
    let tun = Path::new("/dev/net/tun");
    if !tun.exists() {
        return Some("no /dev/net/tun".to_owned());
    }
    let _readonly = fs::set_permissions(tun, fs::Permissions::from_mode(0o666));
    None
}

/// Everything as the user would have it, below a directory that the user can get to.
fn project(work: &Path, uid: &str, gid: &str) {
    let program = work.join("bundlegen");
    fs::create_dir_all(work).unwrap();
    fs::copy(env!("CARGO_BIN_EXE_bundlegen"), &program).unwrap();
    for root in ["root-web", "root-ask"].map(|root| work.join(root)) {
        fs::create_dir(&root).unwrap();
        for link in ["bin", "lib", "lib64"] {
            symlink(format!("usr/{link}"), root.join(link)).unwrap();
        }
    }
    let compose = COMPOSE.replace("UID", uid).replace("GID", gid);
    fs::write(work.join("compose.yaml"), compose.replace("PROGRAM", program.to_str().unwrap())).unwrap();
    assert!(output("chown", &["-R", &format!("{uid}:{gid}"), work.to_str().unwrap()]).is_some());
}

/// Runs the project with a runtime; `hidden` is a program that is not there.
fn run(runtime: &str, hidden: Option<&str>) {
    if let Some(missing) = missing() {
        let required = std::env::var_os("BUNDLEGEN_REQUIRE_RUNTIMES").is_some_and(|value| value == "1");
        assert!(!required, "a user's network cannot be tried: {missing}");
        eprintln!("skipped: a user's network cannot be tried: {missing}");
        return;
    }
    if output("id", &["-u", NAME]).is_none() {
        output("useradd", &["--no-create-home", "--shell", "/usr/sbin/nologin", NAME]);
    }
    let uid = output("id", &["-u", NAME]).expect("a user");
    let gid = output("id", &["-g", NAME]).expect("a group");
    let name = format!("bundlegen-network-{}-{runtime}-{}", std::process::id(), hidden.unwrap_or("all"));
    let work = std::env::temp_dir().join(name);
    project(&work, &uid, &gid);
    let hide = hidden.map(|program| format!("mount --bind /dev/null /usr/bin/{program}\n"));
    let script = format!("{}{SCRIPT}", hide.unwrap_or_default());
    let words = ["-k", "5", "100", "unshare", "-n", "-m", "--pid", "--fork", "--kill-child", "--mount-proc"];
    let directory = work.to_str().unwrap();
    let program = work.join("bundlegen");
    let args = ["sh", "-c", &script, "sh", runtime, program.to_str().unwrap(), &uid, &gid, directory];
    let output = Command::new("timeout").args(words).args(args).stdin(Stdio::null()).output().unwrap();
    fs::remove_dir_all(&work).unwrap();
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let said: Vec<&str> = said.lines().map(str::trim_end).collect();
    // slirp4netns, kept from the loopback of the host, has nobody there to answer.
    let answers = if hidden.is_some() { "datagram: silence" } else { "datagram: heard hello" };
    let want: Vec<&str> = WANT.lines().chain([answers, "left:"]).collect();
    assert_eq!(said, want, "{errors}");
}

#[test]
fn with_runc_and_pasta() {
    run("runc", None);
}

#[test]
fn with_crun_and_pasta() {
    run("crun", None);
}

#[test]
fn with_crun_and_slirp4netns() {
    run("crun", Some("pasta"));
}
