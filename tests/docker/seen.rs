//! A report, reduced to what must not depend on who has started the container.

use std::collections::BTreeMap;
use std::fs;

use crate::containers::report::Report;
use crate::containers::say;

/// What a process sees, by a key of one or more words.
#[derive(Default)]
pub struct Seen(pub BTreeMap<String, String>);

/// The key of what does not run, which has no other.
pub const REFUSED: &str = "start";

/// Links such as `net:[4026531840]`, which name the host's namespaces.
pub type Namespaces = Vec<String>;

/// The namespaces of a process, by its directory in `/proc`.
pub fn namespaces(process: &str) -> Namespaces {
    let links = fs::read_dir(format!("{process}/ns")).unwrap().map(|entry| entry.unwrap().path());
    links.map(|path| fs::read_link(path).unwrap().to_str().unwrap().to_owned()).collect()
}

/// Sections that are compared line by line as they are: values by a key, and the character between the two.
const VALUES: [(&str, char); 6] = [
    ("environment", '='),
    ("groups", ':'),
    ("kernel", ':'),
    ("devices", '|'),
    ("files", '|'),
    ("attempts", '|'),
];

/// Sections that are compared as a whole.
const WHOLE: [&str; 11] = [
    "args",
    "command",
    "cwd",
    "domainname",
    "first",
    "hostname",
    "hostname-file",
    "hosts",
    "oom",
    "resolv",
    "terminals",
];

/// The fields of `/proc/PID/status` that say who the process is and what it may.
const STATUS: [&str; 11] = [
    "Umask",
    "Uid",
    "Gid",
    "Groups",
    "CapInh",
    "CapPrm",
    "CapEff",
    "CapBnd",
    "CapAmb",
    "NoNewPrivs",
    "Seccomp",
];

/// Reduces a report.
pub fn seen(report: &Report, host: &Namespaces) -> Seen {
    let mut seen = Seen::default();
    for (section, separator) in VALUES {
        let mut lines = report.lines(section);
        // Such as the rules for devices, whose order means nothing.
        lines.sort_unstable();
        for line in lines {
            let (key, value) = line.split_once(separator).unwrap_or((line, ""));
            seen.add(&format!("{section} {key}"), value);
        }
    }
    for section in WHOLE {
        seen.add(section, &report.lines(section).join(" | "));
    }
    for field in STATUS {
        seen.add(&format!("status {field}"), &words(report.status(field)));
    }
    for line in report.lines("limits").iter().skip(1) {
        let (name, values) = line.split_at(25);
        seen.add(&format!("limit {}", name.trim_end()), &words(values));
    }
    for line in report.lines("mounts") {
        seen.mount(line);
    }
    for link in report.lines("namespaces") {
        let (kind, _) = link.split_once(':').unwrap();
        let whose = if host.iter().any(|of_host| of_host == link) { "the host's" } else { "its own" };
        seen.add(&format!("namespace {kind}"), whose);
    }
    seen
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The file systems that a kernel makes of nothing. What others are like is up to the host's disk.
const MADE: [&str; 8] = ["cgroup", "cgroup2", "devpts", "devtmpfs", "mqueue", "proc", "sysfs", "tmpfs"];

impl Seen {
    /// What is seen where nothing runs: that is compared too, and said aloud.
    pub fn refused(case: &str, by: &str, why: &str) -> Seen {
        say(&format!("{case} does not run with {by}: {}", why.trim_end()));
        Seen(BTreeMap::from([(REFUSED.to_owned(), "refused".to_owned())]))
    }

    fn add(&mut self, key: &str, value: &str) {
        let old = self.0.entry(key.to_owned()).or_default();
        if !old.is_empty() {
            old.push_str(" ; ");
        }
        old.push_str(value);
    }

    /// A line of `/proc/PID/mountinfo` without what is the host's: numbers, sources, and places on its disk.
    fn mount(&mut self, line: &str) {
        let words: Vec<_> = line.split(' ').collect();
        let dash = words.iter().position(|word| *word == "-").unwrap();
        let (root, at, options, kind, of_kind) =
            (words[3], words[4], words[5], words[dash + 1], words[dash + 3]);
        // Whether the host's root passes mounts on is up to the host.
        let propagation = words[6..dash].iter().filter_map(|word| word.split(':').next());
        let propagation: Vec<_> = propagation.filter(|_| at != "/").collect();
        let propagation = if propagation.is_empty() { "private".to_owned() } else { propagation.join(",") };
        let value = if is_masked(root, at, kind) {
            "masked".to_owned()
        } else if !MADE.contains(&kind) {
            format!("disk {options} {propagation}")
        } else if kind.starts_with("cgroup") {
            format!("{kind} {options} {propagation} {of_kind}")
        } else {
            format!("{kind} {options} {propagation} {root} {of_kind}")
        };
        self.add(&format!("mount {at}"), &value);
    }
}

/// Whether a mount is there to hide what is below it. The runtimes do that in different ways.
fn is_masked(root: &str, at: &str, kind: &str) -> bool {
    let of_kernel = at.starts_with("/proc/") || at.starts_with("/sys/");
    of_kernel && (root == "/null" || kind == "tmpfs" && at != "/sys/fs/cgroup")
}
