//! Debian's registry as a process of the test's own, on a port of this machine, with images that skopeo brings.
#![allow(dead_code, reason = "each test uses a part")]
#![allow(
    clippy::print_stdout,
    clippy::format_push_string,
    reason = "a skip is printed, and speed does not matter here"
)]

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

const PROGRAM: &str = "docker-registry";

/// The one user of a registry that wants to know who asks, and the password.
pub const USER: &str = "ali";
pub const PASSWORD: &str = "open sesame";
/// What bcrypt makes of the password.
const HASHED: &str = "$2y$05$abcdefghijklmnopqrstuupx2xBUC4954936wVIjyyPHmUBFu0wCW";

/// A running registry. It ends when it is dropped.
pub struct Registry {
    pub port: u16,
    pub dir: TempDir,
    secured: bool,
    process: Child,
}

/// What a registry wants of those who ask.
#[derive(Clone, Copy, Default)]
pub struct Wants {
    /// The user and the password above.
    pub login: bool,
    /// TLS, with a certificate that is signed with [`Registry::authority`].
    pub tls: bool,
}

impl Registry {
    /// A registry, or nothing where there is none to start, which is said aloud; where there must be one, that is a
    /// failure.
    pub fn start(wants: Wants) -> Option<Registry> {
        let tools = [PROGRAM, "skopeo", "openssl"];
        let missing: Vec<_> = tools.into_iter().filter(|tool| !is_installed(tool)).collect();
        if !missing.is_empty() {
            let missing = missing.join(", ");
            let required = std::env::var_os("BUNDLEGEN_REQUIRE_RUNTIMES").is_some_and(|value| value == "1");
            assert!(!required, "no registry can be started: no {missing}");
            println!("skipped: no registry can be started: no {missing}");
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        if wants.tls {
            certify(dir.path());
        }
        // Somebody else may take the port that was free.
        (0..5).find_map(|_| Registry::try_start(wants, &dir)).map(|(port, process)| Registry {
            port,
            dir,
            secured: wants.tls,
            process,
        })
    }

    fn try_start(wants: Wants, dir: &TempDir) -> Option<(u16, Child)> {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let path = |name: &str| dir.path().join(name).display().to_string();
        let mut config = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: '{}'}}}}\n\
             http:\n  addr: 127.0.0.1:{port}\n",
            path("data")
        );
        if wants.tls {
            config +=
                &format!("  tls: {{certificate: '{}', key: '{}'}}\n", path("server.crt"), path("server.key"));
        }
        if wants.login {
            fs::write(path("users"), format!("{USER}:{HASHED}\n")).unwrap();
            config += &format!("auth: {{htpasswd: {{realm: test, path: '{}'}}}}\n", path("users"));
        }
        fs::write(path("config.yml"), config).unwrap();
        let mut command = Command::new(PROGRAM);
        command.args(["serve", &path("config.yml")]).stdout(Stdio::null()).stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        for _ in 0..500 {
            if process.try_wait().unwrap().is_some() {
                return None;
            }
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Some((port, process));
            }
            thread::sleep(Duration::from_millis(20));
        }
        process.kill().unwrap();
        None
    }

    /// The name of an image in it.
    pub fn name(&self, name: &str) -> String {
        format!("127.0.0.1:{}/{name}", self.port)
    }

    /// The certificate of who signed that of the registry.
    pub fn authority(&self) -> PathBuf {
        self.dir.path().join("ca.crt")
    }

    /// Copies an image to it, such as `oci:DIR:NAME`.
    pub fn push(&self, from: &str, name: &str, options: &[&str]) {
        let to = format!("docker://{}", self.name(name));
        let mut command = Command::new("skopeo");
        command.args(["copy", "--quiet", "--insecure-policy", "--dest-tls-verify=false"]).args(options);
        let output =
            command.args(["--dest-creds", &format!("{USER}:{PASSWORD}"), from, &to]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    pub fn is_secured(&self) -> bool {
        self.secured
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _gone = self.process.kill();
        let _gone = self.process.wait();
    }
}

fn is_installed(program: &str) -> bool {
    Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// Makes `ca.crt`, and `server.crt` with its key for this machine.
fn certify(dir: &Path) {
    let openssl = |words: &str| {
        let output = Command::new("openssl").current_dir(dir).args(words.split(' ')).output().unwrap();
        assert!(output.status.success(), "{words}: {}", String::from_utf8_lossy(&output.stderr));
    };
    fs::write(dir.join("names"), "subjectAltName=IP:127.0.0.1,DNS:localhost\n").unwrap();
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(&format!("req -x509 {key} -keyout ca.key -out ca.crt -days 2 -subj /CN=test-authority"));
    openssl(&format!("req {key} -keyout server.key -out server.csr -subj /CN=test-registry"));
    openssl(
        "x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.crt",
    );
}
