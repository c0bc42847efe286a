//! What `lint` prints, in each of its formats, and what it exits with.
//!
//! A case is a directory in `testdata/lint-report` with Compose files; `BLESS=1` writes what is printed. Of SARIF the results
//! are kept, since the rules are the same in all cases; all of it satisfies the official schema.
#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests make their inputs"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use bundlegen::review::lint::{RULES, RuleName};
use serde_json::{Value, json};

const CASES: &str = "testdata/lint-report";

struct Run {
    code: i32,
    out: String,
    err: String,
}

impl Run {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}{}", self.out, self.err))
    }

    /// The findings of a rule, as bundle and message.
    fn of(&self, rule: &str) -> Vec<Value> {
        let found = self.json()["findings"].as_array().unwrap().clone();
        found.into_iter().filter(|finding| finding["rule"] == rule).collect()
    }
}

/// Runs the program in a directory.
fn run(directory: &Path, arguments: &[&str]) -> Run {
    let mut program = Command::new(env!("CARGO_BIN_EXE_bundlegen"));
    let output = program.args(arguments).current_dir(directory).env_clear().output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Run { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

/// A project of one file in a directory of its own, with a root file system in it.
struct Project(tempfile::TempDir);

impl Project {
    fn new(text: &str) -> Self {
        let project = Project(tempfile::tempdir().unwrap());
        fs::create_dir(project.0.path().join("root")).unwrap();
        project.write("compose.yaml", text);
        project
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.path().join(name), text).unwrap();
    }

    fn lint(&self, arguments: &[&str]) -> Run {
        run(self.0.path(), &[&["lint"], arguments].concat())
    }

    fn findings(&self, arguments: &[&str]) -> Run {
        self.lint(&[&["--format", "json"], arguments].concat())
    }
}

fn cases() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(CASES)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    found.sort();
    assert!(found.len() > 4, "{found:?}");
    found
}

/// The text of a case, which `BLESS=1` writes.
fn compare(case: &Path, name: &str, have: &str, failed: &mut Vec<String>) {
    let path = case.join(name);
    if std::env::var_os("BLESS").is_some() {
        let _absent = fs::remove_file(&path);
        if !have.is_empty() {
            fs::write(&path, have).unwrap();
        }
    }
    if fs::read_to_string(&path).unwrap_or_default() != have {
        failed.push(format!("{}\n{have}", path.display()));
    }
}

#[test]
fn every_format_says_the_same_of_every_case() {
    let schema = sarif_schema();
    let mut failed = Vec::new();
    for case in cases() {
        let text = run(&case, &["lint"]);
        compare(&case, "want.txt", &text.out, &mut failed);
        compare(&case, "want.stderr", &text.err, &mut failed);
        let [json, sarif, github] =
            ["json", "sarif", "github"].map(|format| run(&case, &["lint", "--format", format]));
        for other in [&json, &sarif, &github] {
            assert_eq!((other.code, &other.err), (text.code, &text.err), "{}", case.display());
        }
        compare(&case, "want.json", &json.out, &mut failed);
        compare(&case, "want.github", &github.out, &mut failed);
        if sarif.out.is_empty() {
            compare(&case, "want.sarif", "", &mut failed);
            continue;
        }
        let log = sarif.json();
        let wrong: Vec<String> = schema.iter_errors(&log).map(|error| error.to_string()).collect();
        assert_eq!(wrong, [""; 0], "{}", case.display());
        let results = &log["runs"][0]["results"];
        compare(&case, "want.sarif", &format!("{results:#}\n"), &mut failed);

        let findings = json.json()["findings"].as_array().unwrap().clone();
        assert_eq!(results.as_array().unwrap().len(), findings.len());
        let open = findings.iter().filter(|finding| finding.get("allowed").is_none()).count();
        assert_eq!(github.out.lines().count(), open, "a finding is a line, whatever stands in it");
        assert!(github.out.lines().all(|line| line.starts_with("::")));
    }
    assert!(failed.is_empty(), "run the tests with BLESS=1, and look at what is new:\n{}", failed.join("\n"));
}

/// It is in a package that cargo had to fetch for the tests. What other platforms need may not be at hand.
fn sarif_schema() -> jsonschema::Validator {
    let platform = format!("--filter-platform={}-unknown-linux-gnu", std::env::consts::ARCH);
    let args = ["metadata", "--format-version=1", "--offline", "--locked", &platform];
    let output = Command::new(env!("CARGO")).args(args).output().unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("run `cargo fetch`: {}", String::from_utf8_lossy(&output.stderr)));
    let packages = metadata["packages"].as_array().unwrap();
    let package = packages.iter().find(|package| package["name"] == "serde-sarif").unwrap();
    let manifest = Path::new(package["manifest_path"].as_str().unwrap());
    let text = fs::read_to_string(manifest.with_file_name("src").join("schema.json")).unwrap();
    // ECMAScript lets a bracket stand alone that closes nothing, and the validator does not.
    let text = text.replace("{2}]?$", "{2}\\\\]?$");
    jsonschema::draft7::new(&serde_json::from_str(&text).unwrap()).unwrap()
}

#[test]
fn the_schema_of_sarif_refuses() {
    let schema = sarif_schema();
    let log = run(&Path::new(CASES).join("home"), &["lint", "--format", "sarif"]).json();
    assert!(schema.is_valid(&log));
    for (at, wrong) in [
        ("/runs/0/results/0/level", json!("fatal")),
        ("/runs/0/results/0/locations/0/physicalLocation/region/startLine", json!(0)),
        ("/runs/0/results/0/suppressions", json!([{ "kind": "somewhere" }])),
        ("/runs/0/tool/driver/rules/0/help", json!("text")),
        ("/version", json!("2.0.0")),
    ] {
        let mut log = log.clone();
        *log.pointer_mut(at).unwrap() = wrong;
        assert!(!schema.is_valid(&log), "{at}");
    }
}

#[test]
fn sarif_has_every_rule_once_and_results_point_at_theirs() {
    let log = run(&Path::new(CASES).join("home"), &["lint", "--format", "sarif"]).json();
    let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    let ids: Vec<&str> = rules.iter().map(|rule| rule["id"].as_str().unwrap()).collect();
    let names: Vec<&str> = RULES.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(ids, names);
    let results = log["runs"][0]["results"].as_array().unwrap();
    assert!(results.len() > 3);
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(result["ruleId"], ids[index]);
    }
    let prints: BTreeSet<String> =
        results.iter().map(|result| result["partialFingerprints"].to_string()).collect();
    assert_eq!(prints.len(), results.len(), "a fingerprint is that of one finding");
}

#[test]
fn findings_fail_where_they_are_denied() {
    let project = Project::new(
        "services:\n  web:\n    x-bundlegen: {rootfs: ./root, allow: {new-privileges: \"sudo\"}}\n    command: [x]\n    \
         network_mode: none\n    volumes: [\"/run/docker.sock:/s\"]\n",
    );
    for (deny, code) in [
        (&[][..], 0),
        (&["--deny", "control-socket"], 1),
        (&["--deny=critical"], 1),
        (&["--deny=low"], 1),
        (&["--deny=privileged"], 0),
        (&["--deny=privileged", "--deny=control-socket"], 1),
        (&["--deny=new-privileges"], 0),
    ] {
        let run = project.lint(deny);
        assert_eq!(run.code, code, "{deny:?}: {}{}", run.out, run.err);
        assert_eq!(run.err.contains("denied"), code == 1, "{}", run.err);
    }
    let run = project.findings(&["--deny=control-socket"]);
    assert_eq!((run.code, &run.json()["counts"]["denied"]), (1, &json!(1)));
    assert_eq!(run.of("control-socket")[0]["denied"], true);

    let run = project.lint(&["--deny=contol-socket"]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("did you mean `control-socket`?"), "{}", run.err);
}

#[test]
fn warnings_fail_where_they_are_refused() {
    let project = Project::new("services: {web: {image: app, network_mode: none}}\n");
    let run = project.lint(&[]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.err.contains("what it brings is not looked at"), "{}", run.err);
    let run = project.lint(&["--deny-warnings"]);
    assert_eq!(run.code, 1);
    assert!(run.out.contains("new-privileges"), "findings are shown all the same: {}", run.out);
    // Nothing but a look: a build of this is an error, and nothing was written.
    let build = crate::run(project.0.path(), &["build"]);
    assert_eq!(build.code, 1, "{}", build.out);
    assert!(!project.0.path().join("bundles").exists());
    assert!(!project.0.path().join("bundlegen.lock").exists());
}

#[test]
fn what_only_an_image_knows_is_no_finding() {
    let lint = |service: &str| {
        let project =
            Project::new(&format!("services: {{web: {{image: app, network_mode: none{service}}}}}\n"));
        let run = project.findings(&[]);
        assert_eq!(run.code, 0, "{}", run.err);
        run.of("root-user").len()
    };
    assert_eq!(lint(""), 0);
    assert_eq!(lint(", user: www"), 0);
    assert_eq!(lint(", user: \"1000:1000\""), 0);
    if RULES.iter().any(|rule| rule.name == RuleName::RootUser) {
        assert_eq!(lint(", user: root"), 1);
        assert_eq!(lint(", user: \"0:0\""), 1);
    }
}

#[test]
fn a_permission_that_nothing_needs_is_a_finding() {
    let service = |allow: &str| {
        format!(
            "services:\n  web:\n    command: [x]\n    network_mode: none\n    security_opt: [no-new-privileges]\n    \
             x-bundlegen: {{rootfs: ./root{allow}}}\n"
        )
    };
    let unused = |text: &str| -> Vec<String> {
        let found = Project::new(text).findings(&[]).of("unused-allow");
        let said = |finding: &Value| {
            format!(
                "{}:{} {} {}",
                finding["file"].as_str().unwrap(),
                finding["line"],
                finding["bundle"],
                finding["about"]
            )
        };
        found.iter().map(said).collect()
    };
    assert_eq!(unused(&service("")), [""; 0]);
    assert_eq!(unused(&service(", allow: {privileged: a}")), ["compose.yaml:6 \"web\" \"privileged\""]);
    let top = format!("x-bundlegen: {{allow: {{privileged: a}}}}\n{}", service(""));
    assert_eq!(unused(&top), ["compose.yaml:1 \"\" \"privileged\""]);
    // The nearer one is the one that is needed.
    let both = service(", allow: {no-memory-limit: a, control-socket: b}")
        .replace("[x]", "[x]\n    volumes: [\"/docker.sock:/s\"]");
    let top = format!("x-bundlegen: {{allow: {{control-socket: a}}}}\n{both}");
    assert!(unused(&top).iter().any(|found| found.starts_with("compose.yaml:1 ")), "{:?}", unused(&top));
    assert!(!unused(&both).iter().any(|found| found.contains("control-socket")), "{:?}", unused(&both));
    // It may itself be meant.
    let meant = Project::new(&service(", allow: {privileged: later, unused-allow: \"soon\"}")).findings(&[]);
    assert_eq!(meant.of("unused-allow").len(), 1);
    assert_eq!(meant.of("unused-allow")[0]["allowed"], "soon");
    let not_meant = unused(&service(", allow: {unused-allow: \"soon\"}"));
    assert_eq!(not_meant, ["compose.yaml:6 \"web\" \"unused-allow\""]);
}

#[test]
fn a_permission_is_merged_as_everything_is() {
    let project = Project::new(
        "services:\n  base: &base\n    command: [x]\n    network_mode: none\n    volumes: [\"/docker.sock:/s\"]\n    \
         x-bundlegen: {rootfs: ./root, allow: {control-socket: base, new-privileges: base}}\n  own:\n    extends: base\n    \
         x-bundlegen: {allow: {control-socket: own}}\n  same:\n    <<: *base\n",
    );
    project
        .write("compose.override.yaml", "services: {same: {x-bundlegen: {allow: {new-privileges: over}}}}\n");
    let run = project.findings(&[]);
    assert_eq!(run.code, 0, "{}", run.err);
    let reasons = |rule: &str| -> Vec<String> {
        let said = |finding: &Value| format!("{} {}", finding["bundle"], finding["allowed"]).replace('"', "");
        run.of(rule).iter().map(said).collect()
    };
    assert_eq!(reasons("control-socket"), ["base base", "own own", "same base"]);
    assert_eq!(reasons("new-privileges"), ["base base", "own base", "same over"]);
    assert_eq!(run.of("unused-allow"), Vec::<Value>::new());
}

/// Files, anchors, variables and spellings hide nothing, and add nothing.
#[test]
fn however_it_is_written_the_findings_are_the_same() {
    let findings = |arguments: &[&str]| -> Vec<Value> {
        let arguments = [&["lint", "--format", "json"], arguments].concat();
        let run = run(Path::new("testdata/lint-spelling"), &arguments);
        assert_eq!(run.code, 0, "{}", run.err);
        let mut findings = run.json()["findings"].as_array().unwrap().clone();
        for finding in &mut findings {
            let finding = finding.as_object_mut().unwrap();
            for place in ["file", "line", "column", "end_line", "end_column"] {
                assert!(finding.remove(place).is_some(), "{place}");
            }
        }
        findings
    };
    let plain = findings(&["plain/compose.yaml"]);
    let spelt = findings(&["spelt/compose.yaml", "spelt/override.yaml", "--project-name", "spelling"]);
    assert!(plain.len() > 3, "{plain:?}");
    assert_eq!(plain, spelt);
}

#[test]
fn bundles_on_the_disk_have_the_findings_of_their_project() {
    let project = Project::new(
        "services:\n  web:\n    command: [x]\n    network_mode: none\n    privileged: true\n    \
         volumes: [\"/docker.sock:/s\"]\n    x-bundlegen: {rootfs: ./root}\n",
    );
    let build = run(project.0.path(), &["build"]);
    assert_eq!(build.code, 0, "{}", build.err);
    let keys = |run: &Run| -> Vec<String> {
        let findings = run.json()["findings"].as_array().unwrap().clone();
        let key =
            |finding: &Value| format!("{} {} {}", finding["rule"], finding["pointer"], finding["message"]);
        findings.iter().map(key).collect()
    };
    let compiled = project.findings(&[]);
    let on_disk = project.findings(&["--bundles", "bundles"]);
    assert_eq!(keys(&compiled), keys(&on_disk));
    let first = &on_disk.json()["findings"][0];
    assert_eq!(first["file"], "bundles/web/config.json");
    assert_eq!(first.get("line"), None);
    let alone = project.findings(&["--bundles", "bundles/web"]);
    assert_eq!(alone.out, on_disk.out);
    let text = project.lint(&["--bundles", "bundles"]).out;
    assert!(text.contains("bundles/web/config.json: critical[control-socket]: "), "{text}");
    let run = project.lint(&["--bundles", "root"]);
    assert_eq!(run.code, 1);
    assert!(run.err.contains("neither a bundle nor a directory of bundles"), "{}", run.err);
}

#[test]
fn every_rule_is_listed_and_explained() {
    let here = Path::new(".");
    let list = run(here, &["lint", "--rules"]).out;
    assert_eq!(list.lines().count(), RULES.len());
    for rule in RULES {
        let name = rule.name.as_str();
        assert!(list.lines().any(|line| line.starts_with(&format!("{name} "))), "{name}: {list}");
        let explained = run(here, &["lint", "--explain", name]);
        assert_eq!(explained.code, 0);
        assert!(explained.out.starts_with(&format!("{name} ({}): {}\n", rule.severity, rule.title)));
        assert!(explained.out.contains(rule.help), "{}", explained.out);
    }
    let unknown = run(here, &["lint", "--explain", "privilege"]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.err.contains("did you mean `privileged`?"), "{}", unknown.err);
}
