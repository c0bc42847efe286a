//! Every rule of `lint` finds what it says and nothing else.
//!
//! A rule has a case of its name: `compose.yaml` with services that it minds and services that it does not, or
//! `bundles/` where no Compose file can make what it minds, and `want.txt` with what it finds there.
//! `BLESS=1 cargo test --test lint` writes that.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests make their inputs")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use bundlegen::lock;
use bundlegen::review::Bundles;
use bundlegen::review::lint::{Finding, RULES, Rule, RuleName, lint, rule};
use libtest_mimic::{Arguments, Failed, Trial};

#[path = "support/cases.rs"]
mod cases;
#[path = "support/wanted.rs"]
mod wanted;

use cases::Outcome;
use wanted::{Wanted, blessing};

const HOME: &str = "testdata/lint";

/// Every image that a case can begin with.
const IMAGES: &str = "testdata/golden/images.lock";

/// A test that is no case.
type Test = fn() -> Result<(), Failed>;

fn main() {
    let arguments = Arguments::from_args();
    let bless = blessing();
    let trial = |name: String| {
        let dir = Path::new(HOME).join(&name);
        let title = name.clone();
        Trial::test(title, move || {
            if bless {
                finds(&name, &dir)?.blessed()
            } else {
                finds(&name, &dir)?.compared(&format!("lint -- --exact {name}"))
            }
        })
    };
    let mut trials: Vec<Trial> = folders(HOME).into_iter().map(trial).collect();
    let tests: [(&str, Test); 6] = [
        ("the network of a user is left alone", the_network_of_a_user_is_left_alone),
        ("every rule has its places", every_rule_has_its_places),
        ("findings point at what is there", findings_point_at_what_is_there),
        ("findings tell each other apart", findings_tell_each_other_apart),
        ("files alone say the same", files_alone_say_the_same),
        ("a hardened project has no finding", a_hardened_project_has_no_finding),
    ];
    trials.extend(tests.map(|(name, test)| Trial::test(name, test)));
    libtest_mimic::run(&arguments, trials).exit();
}

fn folders(home: &str) -> Vec<String> {
    let entries = fs::read_dir(home).unwrap().map(|entry| entry.unwrap());
    let mut names: Vec<String> = entries
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// What a rule finds in its case.
fn finds(name: &str, dir: &Path) -> Result<Wanted, Failed> {
    let rule: RuleName = name.parse().map_err(|_| format!("{HOME}/{name}: there is no such rule"))?;
    let mut text = String::new();
    let mut wanted = Wanted::default();
    let mut say = |findings: Vec<Finding>| {
        for finding in findings.into_iter().filter(|finding| finding.rule == rule) {
            let Finding { severity, bundle, pointer, message, .. } = finding;
            writeln!(text, "{bundle} {severity} {rule} {pointer}: {message}").unwrap();
        }
    };
    if dir.join("compose.yaml").exists() {
        let outcome = with_lock(dir)?;
        let Ok(compiled) = &outcome.compiled else { return Err(outcome.rendered.into()) };
        say(lint(&Bundles::of_tree(&compiled.tree)?, Some(compiled.made(&outcome.sources))));
        wanted.file(&dir.join(lock::FILE_NAME), compiled.lock.clone())?;
    }
    if dir.join("bundles").exists() {
        say(lint(&on_disk(&dir.join("bundles")), None));
    }
    assert!(!text.is_empty(), "{name} finds nothing");
    wanted.file(&dir.join("want.txt"), Some(text))?;
    Ok(wanted)
}

/// Compiles a case; while it is blessed, a new one takes its images from those of the golden cases.
fn with_lock(dir: &Path) -> Result<Outcome, Failed> {
    let outcome = cases::compiled(dir);
    let lock = dir.join(lock::FILE_NAME);
    if outcome.compiled.is_ok() || lock.exists() || !blessing() {
        return Ok(outcome);
    }
    fs::copy(IMAGES, &lock)?;
    let again = cases::compiled(dir);
    if again.compiled.is_err() {
        fs::remove_file(&lock)?;
    }
    Ok(again)
}

fn on_disk(dir: &Path) -> Bundles {
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    let mut open: Vec<PathBuf> = vec![dir.to_owned()];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            let name = path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned();
            files.push((name, fs::read(&path).unwrap()));
        }
    }
    Bundles::of_files(files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice(), false))).unwrap()
}

/// Each rule has a row in the table, a file, a case and a section of the manual, and nothing has one without a rule.
fn every_rule_has_its_places() -> Result<(), Failed> {
    let names: Vec<&str> = RuleName::ALL.iter().map(|name| name.as_str()).collect();
    let table: Vec<&str> = RULES.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(table, names, "the table of rules is not in the order of their names");
    let sorted: BTreeSet<String> = names.iter().map(ToString::to_string).collect();
    let cases: BTreeSet<String> = folders(HOME).into_iter().collect();
    assert_eq!(cases, sorted, "{HOME} has other cases than there are rules");
    let files = fs::read_dir("src/review/lint")?.map(|entry| entry.unwrap().path());
    let is_rule =
        |path: &PathBuf| fs::read_to_string(path).is_ok_and(|text| text.contains("const RULE: Rule"));
    let files: BTreeSet<String> = files
        .filter(|path| path.is_file() && is_rule(path))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().replace('_', "-"))
        .collect();
    assert_eq!(files, sorted, "src/review/lint has other rules than there are names");
    let manual = fs::read_to_string("man/manual.md")?;
    let (_, section) = manual.split_once("\n## Lint rules\n").ok_or("the manual has no `## Lint rules`")?;
    let section = section.split("\n## ").next().unwrap_or_default();
    let anchors: Vec<&str> = section.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    assert_eq!(anchors, names, "the manual has other rules, or in another order");
    for rule in RULES {
        let (_, text) = section.split_once(&format!("### {}\n", rule.name)).unwrap();
        let text = text.split("\n### ").next().unwrap_or_default();
        let severity = format!("Severity: {}", rule.severity);
        assert!(text.contains(&severity), "the manual does not say `{severity}` of {}", rule.name);
        let ids = rule.elsewhere.compose_lint.iter().chain(&rule.elsewhere.kics).chain(&rule.elsewhere.cis);
        let row = section.lines().find(|line| line.starts_with(&format!("| [{0}](#{0}) |", rule.name)));
        let row = row.ok_or_else(|| format!("the table of the manual has no {}", rule.name))?;
        for id in ids {
            assert!(row.contains(id), "the table of the manual does not say {id} of {}", rule.name);
        }
    }
    Ok(())
}

/// The projects of all cases of rules, of all golden cases and all examples that compile.
fn projects() -> Vec<(String, Outcome)> {
    let rules = folders(HOME).into_iter().map(|name| Path::new(HOME).join(name));
    let rules = rules.filter(|dir| dir.join("compose.yaml").exists());
    let golden = cases::all().into_iter().map(|case| case.dir);
    rules.chain(golden).map(|dir| (dir.display().to_string(), cases::compiled(&dir))).collect()
}

/// The value that a finding points at is there, or it is one that should be in what is there.
fn findings_point_at_what_is_there() -> Result<(), Failed> {
    let mut seen = BTreeSet::new();
    for (project, outcome) in projects() {
        let Ok(compiled) = &outcome.compiled else { return Err(outcome.rendered.into()) };
        let bundles = Bundles::of_tree(&compiled.tree)?;
        for finding in lint(&bundles, Some(compiled.made(&outcome.sources))) {
            seen.insert(finding.rule);
            // What the file says to `lint` is no value of a bundle.
            let bundle = bundles.bundles.get(&finding.bundle).filter(|_| finding.at.is_none());
            let Some(bundle) = bundle else { continue };
            let (parent, _) = finding.pointer.rsplit_once('/').ok_or_else(|| finding.pointer.clone())?;
            assert!(bundle.at(parent).is_some(), "{project}: {finding:?}");
            assert!(
                !finding.message.is_empty() && !finding.message.contains(char::is_control),
                "{finding:?}"
            );
            assert!(finding.severity <= rule(finding.rule).unwrap().severity, "{project}: {finding:?}");
        }
    }
    assert!(seen.len() > 30, "only {seen:?} are found");
    Ok(())
}

/// No two findings have the same rule, bundle and key, or one would pass for the other.
fn findings_tell_each_other_apart() -> Result<(), Failed> {
    for (project, outcome) in projects() {
        let Ok(compiled) = &outcome.compiled else { return Err(outcome.rendered.into()) };
        let mut seen = BTreeSet::new();
        for finding in lint(&Bundles::of_tree(&compiled.tree)?, Some(compiled.made(&outcome.sources))) {
            let key = (finding.rule, finding.bundle.clone(), finding.about.clone());
            assert!(seen.insert(key), "{project}: {finding:?}");
        }
    }
    Ok(())
}

/// What a rule says of bundles does not depend on whether they were just compiled, unless it can only know then.
fn files_alone_say_the_same() -> Result<(), Failed> {
    // What these mind is not in the bundle where it is the default of the runtime.
    let partly = [RuleName::ApparmorOff, RuleName::SelinuxOff];
    let known = |finding: &Finding| {
        let of_source = rule(finding.rule).is_none_or(Rule::needs_source);
        !of_source && !partly.contains(&finding.rule)
    };
    for (project, outcome) in projects() {
        let Ok(compiled) = &outcome.compiled else { return Err(outcome.rendered.into()) };
        let bundles = Bundles::of_tree(&compiled.tree)?;
        let mut with = lint(&bundles, Some(compiled.made(&outcome.sources)));
        let mut without = lint(&bundles, None);
        for finding in &mut with {
            finding.allowed = None;
        }
        with.retain(known);
        without.retain(known);
        assert_eq!(with, without, "{project}");
    }
    Ok(())
}

/// The bundle that a build adds for the network of a user is nobody's to mend; another one of its name is.
fn the_network_of_a_user_is_left_alone() -> Result<(), Failed> {
    let project = tempfile::tempdir()?;
    let text = "{x-bundlegen: {rootless: 1000}, services: {web: {x-bundlegen: {rootfs: .}, command: [/app], ports: ['8080:80']}}}";
    fs::write(project.path().join("compose.yaml"), text)?;
    let outcome = cases::compiled(project.path());
    let Ok(compiled) = &outcome.compiled else { return Err(outcome.rendered.into()) };
    let mut bundles = Bundles::of_tree(&compiled.tree)?;
    let of_network = |bundles: &Bundles| -> BTreeSet<RuleName> {
        let found = lint(bundles, None).into_iter().filter(|finding| finding.bundle == "network");
        found.map(|finding| finding.rule).collect()
    };
    assert_eq!(of_network(&bundles), BTreeSet::from([RuleName::PortOnAllInterfaces]));
    let network = bundles.bundles.get_mut("network").ok_or("it has one")?;
    *network.config.pointer_mut("/process/args/2").ok_or("it has a process")? = "listen".into();
    assert!(of_network(&bundles).contains(&RuleName::SeccompOff));
    Ok(())
}

/// With all good habits there is nothing to find, and nothing that had to be allowed.
fn a_hardened_project_has_no_finding() -> Result<(), Failed> {
    let outcome = cases::compiled(Path::new("examples/hardened"));
    let Ok(compiled) = &outcome.compiled else { return Err(outcome.rendered.into()) };
    let bundles = Bundles::of_tree(&compiled.tree)?;
    assert!(bundles.bundles.len() > 1, "it has services");
    let findings = lint(&bundles, Some(compiled.made(&outcome.sources)));
    assert!(findings.is_empty(), "{findings:#?}");
    Ok(())
}
