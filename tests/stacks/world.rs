//! A host of the test's own, with a network of its own and an outside: nothing of it is left when the test ends,
//! however it ends, and the real host does not notice.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::containers::text;

/// The address of the host that the outside knows, and that of a server outside.
pub const HOST: &str = "192.0.2.1";
pub const OUTSIDE: &str = "192.0.2.2";

/// What the first process of the host does. Nothing of it can stay behind: mounts go with the mount namespace,
/// interfaces and rules with the network namespace, processes with the PID namespace, whose first one buries the dead.
/// crun 1.8 does without the second hierarchy of a hybrid host. Mounts pass on what is mounted in them, as on every host
/// that systemd has started. Whoever owns the host has rules, which nobody may touch. There is a web server outside.
const START: &str = "
mount --make-rshared /
mount -t tmpfs none /run
mkdir /run/runc /run/crun
! mountpoint -q /sys/fs/cgroup/unified || umount /sys/fs/cgroup/unified
echo 1 > /proc/sys/net/ipv4/ip_forward
echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
ip link set lo up
ip netns add outside
ip link add uplink type veth peer name downlink netns outside
ip link set uplink addrgenmode none
ip addr add 192.0.2.1/24 dev uplink
ip addr add 2001:db8::1/64 dev uplink nodad
ip link set uplink up
ip route add default via 192.0.2.2
ip -n outside link set lo up
ip -n outside addr add 192.0.2.2/24 dev downlink
ip -n outside addr add 2001:db8::2/64 dev downlink nodad
ip -n outside link set downlink up
mkdir /run/www
echo outside > /run/www/index.html
ip netns exec outside busybox httpd -h /run/www
for tables in iptables ip6tables; do
    $tables -t mangle -N OWNER
    for chain in INPUT FORWARD OUTPUT; do $tables -A $chain -p tcp --dport 2222 -j DROP; done
    for chain in PREROUTING OUTPUT POSTROUTING; do $tables -t nat -A $chain -p tcp --dport 2222 -j ACCEPT; done
done
echo ready
sleep infinity &
wait
";

/// The host.
pub struct World {
    first: Child,
    /// What joins the namespaces of the first process.
    enter: [String; 5],
}

impl World {
    /// Starts one. Its first process sees the same files.
    pub fn new() -> World {
        let mut command = Command::new("setpriv");
        command.args([
            "--pdeathsig",
            "KILL",
            "unshare",
            "--mount",
            "--net",
            "--pid",
            "--fork",
            "--kill-child",
        ]);
        command.args(["--mount-proc", "sh", "-ec", START]).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut first = command.spawn().unwrap();
        let mut said = String::new();
        BufReader::new(first.stdout.take().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said, "ready\n", "there is no host for this test");
        let parent = first.id();
        let children = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap();
        let target = format!("--target={}", children.split_whitespace().next().unwrap());
        World { first, enter: ["nsenter", &target, "--mount", "--net", "--pid"].map(str::to_owned) }
    }

    /// Runs a program there, for a minute at most.
    pub fn call(&self, words: &[&str]) -> Output {
        let mut command = Command::new("timeout");
        command.args(["-k", "5", "60"]).args(&self.enter).args(words);
        command.current_dir("/").stdin(Stdio::null()).output().unwrap()
    }

    /// The same with an output of its own, which a container may keep open.
    pub fn detach(&self, words: &[&str], log: &Path) -> Output {
        let script = "log=$1; shift; exec \"$@\" > \"$log\" 2>&1";
        let mut output = self.call(&[&["sh", "-c", script, "sh", text(log)], words].concat());
        output.stderr = std::fs::read(log).unwrap();
        output
    }

    /// What a script prints, or all it says when it fails.
    pub fn sh(&self, script: &str) -> Result<String, String> {
        said(&self.call(&["sh", "-ec", script]))
    }

    /// The same outside.
    pub fn outside(&self, script: &str) -> Result<String, String> {
        said(&self.call(&["ip", "netns", "exec", "outside", "sh", "-ec", script]))
    }

    /// Puts the program where bundles expect it.
    pub fn install(&self) {
        self.sh(&format!(
            "mount -t tmpfs none /usr/local/bin\nln -s {} /usr/local/bin/bundlegen",
            super::stack::PROGRAM
        ))
        .unwrap();
    }

    /// What the network of the host is made of, so that it can be compared.
    pub fn inventory(&self) -> String {
        self.sh(INVENTORY).unwrap()
    }
}

/// The clients of tests are left out: when `busybox timeout` ends, the half of it that counts lives on for a while.
const INVENTORY: &str = "
each() { echo \"== $*\"; \"$@\" | sed 's/\\[[0-9]*:[0-9]*\\]//; /^#/d'; }
each ip -brief link | sed 's/<.*//'
each ip -brief address
each ip route show table all
each ip -6 route show table all
each ip rule
each ip neighbour show nud permanent
each ip netns
each iptables-save
each ip6tables-save
each nft list ruleset
each awk '$4 == \"0A\" || $4 == \"07\" { print $2 }' /proc/net/tcp /proc/net/tcp6 /proc/net/udp /proc/net/udp6
each cut -d' ' -f2-4 /proc/mounts
each ls -A /run
each ls -A /var/lib/cni/networks
each ps -eo comm | grep -vxE 'busybox|grep|sed|ps'
";

impl Drop for World {
    fn drop(&mut self) {
        // All processes of the namespace end with the one that has made it.
        drop(self.first.kill());
        drop(self.first.wait());
    }
}

/// Output as text, that of programs that fail as an error.
pub fn said(output: &Output) -> Result<String, String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match output.status.success() {
        true => Ok(text(&output.stdout)),
        false => Err(text(&output.stdout) + &text(&output.stderr) + &output.status.to_string()),
    }
}

/// Asks again until there is an answer, for servers that take a moment to start.
pub fn patiently<T>(ask: impl Fn() -> Result<T, String>) -> T {
    let start = Instant::now();
    loop {
        match ask() {
            Ok(answer) => return answer,
            Err(why) => assert!(start.elapsed() < Duration::from_secs(20), "{why}"),
        }
        sleep(Duration::from_millis(100));
    }
}
