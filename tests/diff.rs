//! What `diff` says of changes, each of one attribute.
//!
//! A case is `testdata/diff/NAME/change.txt`, a change to `testdata/diff/base/compose.yaml` as a hunk of a patch has it,
//! and `want.txt`, what is said of it; `want.md` and `want.json` are the same in other formats where they are there.
//! `BLESS=1 cargo test --test diff` writes what is said.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests make their inputs")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use bundlegen::review::Bundles;
use bundlegen::review::diff::{Diff, diff, json, markdown, text};
use serde_json::{Value, json};
use tempfile::TempDir;

#[path = "support/cases.rs"]
mod cases;

const CASES: &str = "testdata/diff";

/// So many lines say what one change of one attribute means.
const LINES: usize = 9;

/// Attributes that change much at once.
const LONG: [&str; 4] = ["image-other", "rootless", "scale", "service-added"];

/// The hunk of a case, applied to the base; and the line of its first change.
fn changed(base: &str, hunk: &str) -> (String, usize) {
    let side = |sign: char| -> Vec<&str> {
        let lines = hunk.lines().filter(|line| line.starts_with([' ', sign]));
        lines.map(|line| line.get(2..).unwrap_or_default()).collect()
    };
    let (old, new) = (side('-'), side('+'));
    let lines: Vec<&str> = base.lines().collect();
    let at = lines.windows(old.len()).position(|window| window == old);
    let at = at.unwrap_or_else(|| panic!("the base has no\n{}", old.join("\n")));
    let same = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let mut all = lines;
    all.splice(at..at + old.len(), new);
    (all.join("\n") + "\n", at + same + 1)
}

/// What a change of the base comes to.
struct Compared {
    diff: Diff,
    line: usize,
    directory: String,
}

fn compared(hunk: &str) -> Compared {
    let scratch = tempfile::tempdir().unwrap();
    let [before, after] = ["before", "after"].map(|name| scratch.path().join(name).join("shop"));
    let base = Path::new(CASES).join("base");
    cases::copy_dir(&base, &before);
    cases::copy_dir(&base, &after);
    let (text, line) = changed(&fs::read_to_string(base.join("compose.yaml")).unwrap(), hunk);
    fs::write(after.join("compose.yaml"), text).unwrap();
    let made = |directory: &Path| {
        let outcome = cases::compiled(directory);
        (outcome.compiled.unwrap_or_else(|_| panic!("{}", outcome.rendered)), outcome.sources)
    };
    let ((before, _), (now, sources)) = (made(&before), made(&after));
    let bundles = [&before, &now].map(|compiled| Bundles::of_tree(&compiled.tree).unwrap());
    let diff = diff(&bundles[0], &bundles[1], Some(now.made(&sources)));
    Compared { diff, line, directory: format!("{}/", after.display()) }
}

fn all_cases() -> Vec<(String, PathBuf)> {
    let entries = fs::read_dir(CASES).unwrap().map(|entry| entry.unwrap().path());
    let cases = entries.filter(|path| path.join("change.txt").exists());
    let mut cases: Vec<(String, PathBuf)> =
        cases.map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), path)).collect();
    cases.sort();
    cases
}

#[test]
fn every_change_is_said_in_words() {
    let bless = std::env::var_os("BLESS").is_some_and(|bless| bless == "1");
    let only = std::env::var("CASE").ok();
    let mut wrong = String::new();
    let all = all_cases();
    assert!(all.len() >= 60, "{}", all.len());
    for (name, path) in
        all.iter().filter(|(name, _)| only.as_ref().is_none_or(|only| name.contains(only.as_str())))
    {
        let hunk = fs::read_to_string(path.join("change.txt")).unwrap();
        let found = compared(&hunk);
        let plain = |text: String| text.replace(&found.directory, "");
        let said = plain(text(&found.diff));
        let mut formats = vec![("want.txt", said.clone())];
        if path.join("want.md").exists() {
            formats.push(("want.md", plain(markdown(&found.diff))));
            formats.push(("want.json", plain(format!("{:#}\n", json(&found.diff)))));
        }
        for (file, have) in formats {
            if bless {
                fs::write(path.join(file), &have).unwrap();
            }
            let want = fs::read_to_string(path.join(file)).unwrap_or_default();
            if want != have {
                writeln!(wrong, "{name}/{file}:\n{have}\nwanted:\n{want}").unwrap();
            }
        }
        let lines = said.lines().filter(|line| line.starts_with("    ")).count();
        if lines > LINES && !LONG.contains(&name.as_str()) {
            writeln!(wrong, "{name} takes {lines} lines:\n{said}").unwrap();
        }
        let place = format!("compose.yaml:{}:", found.line);
        if hunk.contains("\n+ ")
            && said != "no changes\n"
            && !said.contains(&place)
            && !WITHOUT_PLACE.contains(&name.as_str())
        {
            writeln!(wrong, "{name} does not say {place}\n{said}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}\nif this is right: BLESS=1 cargo test --test diff");
}

/// Changes of which no value has the place.
const WITHOUT_PLACE: [&str; 3] = ["env_file", "networks", "scale"];

/// The bundles of a golden case, with other contents of one file.
fn bundles(files: &BTreeMap<String, Vec<u8>>) -> Bundles {
    Bundles::of_files(files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice(), false))).unwrap()
}

fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let walk = walkdir::WalkDir::new(dir).into_iter().map(|entry| entry.unwrap().into_path());
    let name = |path: &Path| path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned();
    // Somebody may have prepared an example.
    let checked_in = |path: &PathBuf| !["/rootfs/", "volumes/"].iter().any(|made| name(path).contains(made));
    let files = walk.filter(|path| path.is_file() && !path.is_symlink()).filter(checked_in);
    files.map(|path| (name(&path), fs::read(&path).unwrap())).collect()
}

/// Every way to make another value of a configuration by one step, with its pointer. Of what is alike there are some.
fn mutants(config: &Value, skip: usize) -> Vec<(String, Value)> {
    let mut places = Vec::new();
    collect(config, "", &mut places);
    let step = (places.len() / 4).max(1);
    let mut mutants = Vec::new();
    for (at, value) in places.iter().skip(skip % step).step_by(step) {
        let mut other = config.clone();
        *other.pointer_mut(at).unwrap() = match value {
            Value::String(text) => json!(format!("{text}x")),
            Value::Number(number) => json!(number.as_i64().unwrap_or(0) + 1),
            Value::Bool(set) => json!(!set),
            Value::Array(items) if items.len() > 1 && items.first() != items.last() => {
                json!(items.iter().rev().collect::<Vec<_>>())
            }
            Value::Array(_) => json!("a text"),
            Value::Object(map) => {
                let mut map = map.clone();
                map.insert("new~ /key".to_owned(), json!({"a": [{}, []]}));
                Value::Object(map)
            }
            Value::Null => json!(0),
        };
        mutants.push((format!("changed {at}"), other));
        let (parent, key) = at.rsplit_once('/').unwrap_or(("", ""));
        let mut other = config.clone();
        match other.pointer_mut(parent).unwrap() {
            Value::Object(map) => drop(map.remove(&key.replace("~1", "/").replace("~0", "~"))),
            Value::Array(items) => drop(items.remove(key.parse().unwrap())),
            _ => continue,
        }
        if other != *config {
            mutants.push((format!("without {at}"), other));
        }
    }
    mutants
}

fn collect(value: &Value, at: &str, places: &mut Vec<(String, Value)>) {
    places.push((at.to_owned(), value.clone()));
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                collect(value, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), places);
            }
        }
        // Those of a long list are like each other.
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate().take(15) {
                collect(value, &format!("{at}/{index}"), places);
            }
        }
        _ => {}
    }
}

#[test]
fn no_difference_gets_lost() {
    let mut tried = 0;
    for (index, case) in cases::all().into_iter().enumerate() {
        let files = files(&case.want);
        let all = bundles(&files);
        assert!(diff(&all, &all, None).is_empty(), "{}", case.name);
        let Some(path) = files.keys().find(|path| path.ends_with("/config.json")).cloned() else { continue };
        // One bundle is enough, with the networks.
        let directory = path.trim_end_matches("config.json");
        let mut files = files.clone();
        files.retain(|path, _| path.starts_with(directory) || path.starts_with("networks/"));
        let (before, path) = (bundles(&files), &path);
        let config: Value = serde_json::from_slice(&files[path]).unwrap();
        for (what, mutant) in mutants(&config, index * 7) {
            if !mutant.is_object() {
                continue;
            }
            let mut files = files.clone();
            files.insert(path.clone(), mutant.to_string().into_bytes());
            let after = bundles(&files);
            let (before, after) = if tried % 2 == 0 { (&before, &after) } else { (&after, &before) };
            assert!(!diff(before, after, None).is_empty(), "{}/{path}: {what}", case.name);
            tried += 1;
        }
        for path in files.keys().filter(|path| path.contains("/etc/") || path.contains("/configs/")) {
            let more = ["192.0.2.99 x\n", "# x\n", " "][(index + path.len()) % 3];
            let mut changed = files.clone();
            changed.get_mut(path).unwrap().extend_from_slice(more.as_bytes());
            assert!(!diff(&before, &bundles(&changed), None).is_empty(), "{}/{path}: {more:?}", case.name);
            let mut files = files.clone();
            files.remove(path);
            assert!(!diff(&before, &bundles(&files), None).is_empty(), "{}: without {path}", case.name);
        }
        for path in files.keys().filter(|path| path.ends_with(".conflist")) {
            let list: Value = serde_json::from_slice(&files[path]).unwrap();
            for (what, mutant) in
                mutants(&list, index * 7).into_iter().filter(|(_, mutant)| mutant.is_object())
            {
                let mut files = files.clone();
                files.insert(path.clone(), mutant.to_string().into_bytes());
                assert!(!diff(&before, &bundles(&files), None).is_empty(), "{}/{path}: {what}", case.name);
            }
        }
    }
    assert!(tried > 600, "{tried}");
}

/// Text of strangers that would like to be markup, a mention, a command of a terminal, or the end of its fence.
const HOSTILE: &str = "a``` ```\n</code></details>\n# x <img src=x onerror=y> @everyone [l](javascript:x) \u{1b}[31m\u{202e} | `b`";

#[test]
fn hostile_names_stay_text() {
    let config = |value: &str| {
        json!({
            "annotations": {value: value, "io.bundlegen.networks": "[1", "io.bundlegen.ports": "{}"},
            "hostname": value,
            "hooks": {"prestart": [{"path": value}]},
            "process": {"args": [value], "env": [format!("{value}={value}"), value], "capabilities": {"bounding": [value]}},
            "mounts": [{"destination": value, "source": value, "options": [value, 1]}, 7],
            "linux": {"devices": [{"path": value}], "namespaces": [{"type": value, "path": value}], "seccomp": {"defaultAction": value, "syscalls": [{"names": [value, 3]}, 5]}},
        })
    };
    let bundles = |config: Value| {
        let (text, name) = (config.to_string(), format!("{}/config.json", HOSTILE.replace('/', "_")));
        Bundles::of_files([(name.as_str(), text.as_bytes(), false)]).unwrap()
    };
    let found = diff(&bundles(json!({})), &bundles(config(HOSTILE)), None);
    let plain = text(&found);
    assert!(!plain.contains(['\u{1b}', '\u{202e}']), "{plain}");
    let marked = markdown(&found);
    assert!(!marked.contains(['\u{1b}', '\u{202e}']), "{marked}");
    let (mut fence, mut outside): (Option<String>, String) = (None, String::new());
    for line in marked.lines() {
        match &fence {
            Some(open) if line == open => fence = None,
            Some(_) => {}
            None if line.starts_with("```") => fence = Some(line.trim_end_matches("diff").to_owned()),
            None => writeln!(outside, "{line}").unwrap(),
        }
    }
    assert_eq!(fence, None, "{marked}");
    for markup in ["<img", "@everyone", "](javascript", "</code></details>\n#"] {
        assert!(
            !outside.lines().filter(|line| !line.starts_with("- **")).any(|line| line.contains(markup)),
            "{outside}"
        );
    }
    assert!(diff(&bundles(config("a")), &bundles(config("a")), None).is_empty());
    assert!(!diff(&bundles(config("a")), &bundles(config("b")), None).is_empty());
}

/// A project in a repository of its own.
struct Repository(TempDir);

impl Repository {
    fn new() -> Self {
        let repository = Repository(tempfile::tempdir().unwrap());
        cases::copy_dir(&Path::new(CASES).join("base"), &repository.path("shop"));
        repository.git(&["init", "-q", "-b", "main", ".."]);
        repository.commit("first");
        repository
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn commit(&self, message: &str) {
        self.run(&["build"], 0);
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", message]);
    }

    fn change(&self, from: &str, to: &str) {
        let path = self.path("shop/compose.yaml");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from}");
        fs::write(path, text.replace(from, to)).unwrap();
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        for (name, value) in [("NAME", "A"), ("EMAIL", "a@example.com")] {
            command.env(format!("GIT_AUTHOR_{name}"), value).env(format!("GIT_COMMITTER_{name}"), value);
        }
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        command.env("PWD", self.path("shop")).current_dir(self.path("shop"));
        command
    }

    fn git(&self, args: &[&str]) -> String {
        let output = self.command("git").args(args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    fn run(&self, args: &[&str], code: i32) -> String {
        let output = self.command(env!("CARGO_BIN_EXE_bundlegen")).args(args).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {}", said(&output));
        said(&output)
    }
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn revisions_are_compared() {
    let repository = Repository::new();
    assert_eq!(repository.run(&["diff", "main", "--exit-code"], 0), "no changes\n");
    repository.change("mem_limit: 256m", "mem_limit: 1g");
    let memory = "memory            256 MiB → 1 GiB";
    for args in [
        &["diff"][..],
        &["diff", "main"],
        &["diff", "bundles"],
        &["diff", "main:shop/bundles"],
        &["diff", "bundles/web"],
    ] {
        let said = repository.run(args, 0);
        assert!(
            said.contains(memory) && said.contains("compose.yaml:14:16 ") && said.ends_with("2 changes\n"),
            "{args:?}: {said}"
        );
    }
    repository.run(&["diff", "main", "--exit-code"], 1);
    repository.run(&["diff", "main", "--deny", "low"], 0);
    repository.commit("second");
    assert_eq!(repository.run(&["diff"], 0), "no changes\n");
    let said = repository.run(&["diff", "HEAD~1", "HEAD"], 0);
    assert!(
        said.contains(memory) && !said.contains("compose.yaml"),
        "no place is known of a revision: {said}"
    );
    assert_eq!(
        repository.run(&["diff", "HEAD", "HEAD~1"], 0),
        said.replace("256 MiB → 1 GiB", "1 GiB → 256 MiB").replace("512 MiB → 2 GiB", "2 GiB → 512 MiB")
    );
    assert_eq!(repository.run(&["diff", "HEAD~1", "bundles"], 0), said);
    assert_eq!(repository.run(&["diff", "-o", "bundles", "HEAD~1", "HEAD"], 0), said);
    // A branch that is called like a directory is named as one.
    repository.git(&["branch", "bundles", "HEAD~1"]);
    assert_eq!(repository.run(&["diff", "refs/heads/bundles", "bundles"], 0), said);
    assert_eq!(repository.run(&["diff", "bundles", "HEAD"], 0), "no changes\n");
}

#[test]
fn what_a_change_brings_can_be_denied() {
    let repository = Repository::new();
    repository.change("cap_drop: [MKNOD]", "cap_add: [NET_ADMIN]");
    repository.change("MODE: test", "MODE: test\n      DB_PASSWORD: hunter2hunter2");
    let said = repository.run(&["diff", "main", "--deny", "strong-capability"], 1);
    assert!(said.contains("[strong-capability: "), "{said}");
    assert!(said.contains("DB_PASSWORD") && !said.contains("hunter2"), "{said}");
    for format in ["markdown", "json"] {
        assert!(!repository.run(&["diff", "--format", format], 0).contains("hunter2"), "{format}");
    }
    repository.run(&["diff", "main", "--deny", "privileged"], 0);
    repository.run(&["diff", "main", "--deny", "strange"], 2);
}

#[test]
fn what_is_no_side_is_an_error() {
    let repository = Repository::new();
    let fails = |args: &[&str], want: &str| {
        let said = repository.run(args, 1);
        assert!(said.contains(want), "{args:?}: {said}");
    };
    fails(&["diff", "nothing"], "`nothing` is neither a directory nor a revision");
    fails(&["diff", "compose.yaml"], "compose.yaml is neither a directory nor a revision");
    fails(&["diff", "main:web", "main"], "is neither a directory nor a revision");
    fails(&["diff", "--", "--output=x", "main"], "`--output=x` is neither a directory nor a revision");
    assert!(!repository.path("shop/x").exists());
    fails(&["diff", "-o", "elsewhere", "main", "main"], "no bundles are checked in at `main`");
    fs::create_dir(repository.path("shop/empty")).unwrap();
    fails(&["diff", "empty"], "empty holds no bundles");
    let config = repository.path("shop/bundles/web/config.json");
    fs::write(&config, "[]").unwrap();
    fails(&["diff", "bundles"], "config.json is no JSON object");
    fs::write(&config, "{").unwrap();
    fails(&["diff", "bundles"], "config.json: EOF");
    repository.git(&["commit", "-qam", "wrong"]);
    fails(&["diff", "HEAD"], "web/config.json: EOF");
}

#[test]
fn hostile_names_in_git_are_names() {
    let repository = Repository::new();
    let name = "a\nb --output=x \u{1b}[31m";
    let bundle = repository.path("shop/bundles").join(name);
    fs::create_dir(&bundle).unwrap();
    fs::write(bundle.join("config.json"), "{\"hostname\": \"x\"}").unwrap();
    repository.git(&["add", "-A"]);
    repository.git(&["commit", "-qm", "strange"]);
    let said = repository.run(&["diff", "HEAD~1", "HEAD"], 0);
    assert!(said.starts_with("a\\nb --output=x \\u{1b}[31m (new)\n"), "{said}");
    assert_eq!(repository.run(&["diff", "HEAD", "bundles"], 0), "no changes\n");
}

#[test]
fn git_shows_changes_in_words() {
    let repository = Repository::new();
    fs::write(
        repository.path("shop/.gitattributes"),
        "bundles/*/config.json diff=bundlegen\nbundles/networks/*.conflist diff=bundlegen\n",
    )
    .unwrap();
    let driver = format!("{} diff --git-driver", env!("CARGO_BIN_EXE_bundlegen"));
    repository.git(&["config", "diff.bundlegen.command", &driver]);
    repository.commit("attributes");
    repository.change("cap_drop: [MKNOD]", "cap_add: [NET_ADMIN]");
    repository.change("back: {}", "back: {internal: true}");
    repository.change("  cache:\n    image: alpine:3.20\n    networks: [back]\n", "");
    repository.run(&["build"], 0);
    let shown = repository.git(&["diff"]);
    assert!(shown.contains("web\n  privileges\n") && shown.contains("+ capability NET_ADMIN"), "{shown}");
    assert!(shown.contains("cache (gone)\n"), "{shown}");
    assert!(shown.contains("network back\n"), "{shown}");
    assert!(!shown.contains("+  \""), "no JSON is left: {shown}");
    repository.run(&["diff", "--git-driver", "a", "b"], 1);
}

#[test]
fn the_readme_shows_what_a_change_comes_to() {
    let scratch = tempfile::tempdir().unwrap();
    cases::copy_dir(Path::new("examples/greeter"), scratch.path());
    let file = scratch.path().join("compose.yaml");
    let mut text = fs::read_to_string(&file).unwrap();
    for (from, to) in [
        ("./front:/www:ro", "./front:/www"),
        (r#"ports: ["8080:80"]"#, "ports: [\"8080:80\"]\n    cap_add: [NET_ADMIN]"),
    ] {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    fs::write(&file, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_bundlegen"));
    let output = command.arg("diff").current_dir(scratch.path()).env("PWD", scratch.path()).output().unwrap();
    let shown = format!("```text\n{}```\n", said(&output));
    let readme = fs::read_to_string("README.md").unwrap();
    assert!(readme.contains(&shown), "the change of examples/greeter is now:\n{shown}");
}
