//! Where a test runs: a process of its own in a new network namespace and a new mount namespace.

use std::process::Command;

/// The variable that says which test this process is for.
const INSIDE: &str = "BUNDLEGEN_TEST_APART";

/// What the tests need, and where it comes from.
const TOOLS: [&str; 4] = ["unshare", "ip", "iptables", "nft"];

/// Runs a test in a process of its own, which is there again under its name. Afterwards the host must be as it was.
pub fn apart(name: &str, test: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        let before = host();
        test();
        assert_eq!(host(), before, "the host is not as it was");
        return;
    }
    if let Some(missing) = missing() {
        assert!(!required(), "hooks cannot be tried: {missing}");
        println!("skipped: hooks cannot be tried: {missing}");
        return;
    }
    let setup = "mount -t tmpfs -o mode=755 tmpfs /run && ip link set lo up && \
        ip addr add 192.0.2.1/32 dev lo && ip addr add fd00:2::1/128 dev lo && exec \"$0\" \"$@\"";
    let me = std::env::current_exe().unwrap();
    let mut command = Command::new("unshare");
    command.args(["-n", "-m", "sh", "-c", setup]).arg(me).args([name, "--exact", "--nocapture"]);
    let output = command.env(INSIDE, name).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

fn missing() -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("not root".to_owned());
    }
    if !std::path::Path::new("/usr/lib/cni/bridge").exists() {
        return Some("no containernetworking-plugins".to_owned());
    }
    let lacks = |tool: &&&str| Command::new(tool).arg("-V").output().is_err();
    TOOLS.iter().find(lacks).map(|tool| format!("no {tool}"))
}

fn required() -> bool {
    std::env::var_os("BUNDLEGEN_REQUIRE_RUNTIMES").is_some_and(|value| value == "1")
}

/// What stands on standard output.
pub fn sh(script: &str) -> String {
    let output = Command::new("sh").args(["-c", script]).output().unwrap();
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// All that hooks may not change for good.
pub fn host() -> String {
    sh(
        "ip -o link | cut -d ' ' -f 2; ip -o addr | awk '{print $2, $4}'; ip route | sed 's/ linkdown//'; ip netns; \
        iptables-save | grep -v '^#'; ip6tables-save | grep -v '^#'; nft list ruleset | sed 's/counter packets [0-9]* bytes [0-9]*//'; \
        find /run -mindepth 1 -not -path '/run/mount*'; ss -Hltun 2> /dev/null; grep /run /proc/self/mountinfo | cut -d ' ' -f 5",
    )
}
