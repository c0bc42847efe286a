//! What must not change the output: how a file is spelled, where and when it is built, and by whom.
#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "tests make their inputs"
)]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bundlegen::bundle::tree::Tree;
use bundlegen::disk::{apply, plan};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_yaml::Value;

#[path = "support/cases.rs"]
mod cases;

use cases::Case;

fn compose_text(case: &Case) -> String {
    fs::read_to_string(case.dir.join("compose.yaml")).unwrap()
}

/// What a case compiles to when its Compose file has another text.
fn tree_of(case: &Case, text: &str) -> Tree {
    let (_scratch, copy) = case.copy();
    fs::write(copy.dir.join("compose.yaml"), text).unwrap();
    copy.compiled().0.tree
}

/// The cases without block scalars, in which a comment would be text.
fn commentable() -> Vec<Case> {
    let mut cases = cases::all();
    cases.retain(|case| !compose_text(case).lines().any(|line| line.ends_with(['|', '>', '-'])));
    assert!(cases.len() > 20);
    cases
}

/// The cases that are not about spelling: `serde_yaml`, which takes the file apart here, reads those otherwise, and
/// knows neither several documents nor Compose's tags.
fn respellable() -> Vec<Case> {
    let special = |text: &str| ["\n---", "!reset", "!override"].iter().any(|mark| text.contains(mark));
    let mut cases = cases::all();
    cases.retain(|case| case.name != "yaml" && !special(&compose_text(case)));
    assert!(cases.len() > 20);
    cases
}

/// How a Compose file is written anew.
#[derive(Clone, Debug)]
struct Style {
    /// Decides on the order of keys and on quotes, one bit after the other, and begins again at its end.
    bits: Vec<bool>,
    at: usize,
}

impl Style {
    fn toss(&mut self) -> bool {
        self.at = (self.at + 1) % self.bits.len();
        self.bits[self.at]
    }

    /// The same data in flow style, without anchors and merge keys.
    fn write(&mut self, value: &Value) -> String {
        match value {
            Value::Mapping(map) => {
                let mut entries: Vec<String> = Vec::new();
                for (key, value) in map {
                    let entry = format!("{}: {}", self.write(key), self.write(value));
                    let at = if self.toss() { 0 } else { entries.len() };
                    entries.insert(at, entry);
                }
                format!("{{{}}}", entries.join(",\n "))
            }
            Value::Sequence(list) => {
                let items: Vec<String> = list.iter().map(|item| self.write(item)).collect();
                format!("[{}]", items.join(", "))
            }
            // Go reads a file mode as a number, and `serde_yaml` as a text.
            Value::String(text) if text.len() > 1 && text.starts_with('0') && text.parse::<u64>().is_ok() => {
                text.clone()
            }
            Value::String(text) => self.quoted(text),
            Value::Null => if self.toss() { "null" } else { "~" }.to_owned(),
            Value::Bool(value) => value.to_string(),
            Value::Number(number) => number.to_string(),
            Value::Tagged(_) => panic!("no case but `yaml` has tags"),
        }
    }

    fn quoted(&mut self, text: &str) -> String {
        if self.toss() && !text.contains(char::is_control) {
            format!("'{}'", text.replace('\'', "''"))
        } else {
            // JSON's texts are YAML's.
            serde_json::to_string(text).unwrap()
        }
    }
}

fn styles() -> impl Strategy<Value = Style> {
    proptest::collection::vec(any::<bool>(), 1..200).prop_map(|bits| Style { bits, at: 0 })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn comments_and_blank_lines_mean_nothing(
        case in select(commentable()),
        noise in proptest::collection::vec((any::<Index>(), " {0,12}(#[ -~é]{0,30})?"), 1..10),
    ) {
        let text = compose_text(&case);
        let mut lines: Vec<&str> = text.lines().collect();
        for (place, line) in &noise {
            lines.insert(place.index(lines.len() + 1), line);
        }
        prop_assert_eq!(case.compiled().0.tree, tree_of(&case, &(lines.join("\n") + "\n")));
    }

    #[test]
    fn quotes_and_the_order_of_keys_mean_nothing(case in select(respellable()), mut style in styles()) {
        let mut value: Value = serde_yaml::from_str(&compose_text(&case)).unwrap();
        value.apply_merge().unwrap();
        let text = style.write(&value);
        prop_assert_eq!(case.compiled().0.tree, tree_of(&case, &text), "{}", text);
    }
}

#[test]
fn two_builds_give_the_same_bytes() {
    for case in cases::all() {
        let (first, _) = case.compiled();
        for _ in 0..3 {
            let (again, _) = case.compiled();
            assert_eq!(first.tree, again.tree, "{}", case.name);
            assert_eq!(first.lock, again.lock, "{}", case.name);
            assert_eq!(first.order, again.order, "{}", case.name);
        }
    }
}

#[test]
fn what_was_applied_is_up_to_date() {
    for case in cases::all() {
        let (compiled, _) = case.compiled();
        let scratch = tempfile::tempdir().unwrap();
        let dir = scratch.path().join("bundles");
        let written = apply(&plan(&compiled.tree, &dir).unwrap()).unwrap();
        assert_eq!(written.written.len(), compiled.tree.iter().count(), "{}", case.name);
        assert!(plan(&compiled.tree, &dir).unwrap().is_empty(), "{}", case.name);
    }
}

/// Who builds, and where.
#[derive(Clone, Debug, Default)]
struct Builder {
    /// The directory of the project, below some other one.
    place: String,
    environment: Vec<(&'static str, String)>,
    umask: &'static str,
    /// The user, where it is not the one who runs the test.
    uid: Option<u32>,
    /// Whether the command is run in the project, or above it with the path of the file.
    inside: bool,
}

/// Every path below a directory with its mode, and its content where it is a file.
type Snapshot = BTreeMap<PathBuf, (u32, Vec<u8>)>;

fn snapshot(top: &Path, dir: &Path, found: &mut Snapshot) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let mode = fs::metadata(&path).unwrap().mode() & 0o7777;
        let bytes = if path.is_dir() { Vec::new() } else { fs::read(&path).unwrap() };
        if path.is_dir() {
            snapshot(top, &path, found);
        }
        found.insert(path.strip_prefix(top).unwrap().to_owned(), (mode, bytes));
    }
}

impl Builder {
    /// Builds a copy of the project and returns what the build wrote.
    fn build(&self, project: &Case, program: &Path) -> Snapshot {
        let (scratch, copy) = project.copy();
        fs::remove_dir_all(&copy.want).unwrap();
        let dir = scratch.path().join(&self.place);
        fs::create_dir_all(dir.parent().unwrap()).unwrap();
        fs::rename(&copy.dir, &dir).unwrap();
        fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let inputs: Vec<PathBuf> = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).collect();
        if let Some(uid) = self.uid {
            chown(&dir, Some(uid), Some(uid)).unwrap();
            for path in inputs {
                chown(path, Some(uid), Some(uid)).unwrap();
            }
        }
        self.run(scratch.path(), &dir, program);
        let mut found = Snapshot::new();
        snapshot(&dir, &dir, &mut found);
        let made = |path: &Path| path.starts_with("bundles") || path == Path::new(bundlegen::lock::FILE_NAME);
        found.retain(|path, _| made(path));
        found
    }

    fn run(&self, above: &Path, dir: &Path, program: &Path) {
        let (cwd, file) = if self.inside {
            (dir, None)
        } else {
            (above, Some(Path::new(&self.place).join("compose.yaml")))
        };
        let script = format!("umask {} && exec \"$@\"", self.umask);
        let mut command = Command::new("sh");
        command.args(["-c", &script, "sh"]);
        if let Some(uid) = self.uid {
            let (user, group) = (format!("--reuid={uid}"), format!("--regid={uid}"));
            command.args(["setpriv", &user, &group, "--clear-groups"]);
        }
        command.arg(program).arg("build").args(file).current_dir(cwd).env_clear();
        command.env("PATH", "/usr/bin:/bin").envs(self.environment.clone());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{self:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

fn program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_bundlegen"))
}

fn project() -> Case {
    cases::all().into_iter().find(|case| case.name == "examples/web").unwrap()
}

/// The first builder, and 50 who have nothing in common.
fn builders() -> Vec<Builder> {
    let mut builders =
        vec![Builder { place: "web".into(), umask: "022", inside: true, ..Builder::default() }];
    let locales = ["C", "POSIX", "de_DE.UTF-8", "tr_TR.UTF-8", "C.UTF-8"];
    let zones = ["UTC", "Asia/Kolkata", "America/St_Johns", ":/nowhere"];
    for index in 0..50_usize {
        let depth = "deep/".repeat(index % 7);
        let locale = locales[index % locales.len()].to_owned();
        let environment = vec![
            ("HOME", format!("/home/nobody-{index}")),
            ("LANG", locale.clone()),
            ("LC_ALL", locale),
            ("TZ", zones[index % zones.len()].to_owned()),
            ("USER", format!("user{index}")),
            ("HOSTNAME", format!("host{index}")),
            ("COLUMNS", index.to_string()),
            ("SOURCE_DATE_EPOCH", (index * 1_000_000).to_string()),
        ];
        builders.push(Builder {
            place: format!("{depth}Some Där {index}"),
            environment,
            umask: ["022", "077", "000", "027"][index % 4],
            uid: None,
            inside: index % 3 != 0,
        });
    }
    builders
}

#[test]
fn fifty_builds_are_one() {
    let project = project();
    let mut builders = builders().into_iter();
    let want = builders.next().unwrap().build(&project, &program());
    assert!(want.contains_key(Path::new("bundles/client/config.json")) && want.len() > 8);
    for builder in builders {
        assert!(builder.build(&project, &program()) == want, "{builder:?}");
    }
}

#[test]
fn another_user_builds_the_same() {
    let may = Command::new("setpriv").args(["--reuid=65534", "true"]).stderr(Stdio::null()).status();
    if !may.is_ok_and(|status| status.success()) {
        eprintln!("skipped: this needs root and setpriv");
        return;
    }
    let project = project();
    // The directory of the program may be closed to others.
    let public = tempfile::tempdir().unwrap();
    fs::set_permissions(public.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let copy = public.path().join("bundlegen");
    fs::copy(program(), &copy).unwrap();
    let mut root = builders().remove(0);
    let want = root.build(&project, &copy);
    root.uid = Some(65_534);
    assert!(root.build(&project, &copy) == want);
}
