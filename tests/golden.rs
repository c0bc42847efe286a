//! Every golden case and every example compiles to the bundles that are checked in beside it.
//!
//! A case is a directory with `compose.yaml` and what it needs; `BLESS=1 cargo test --test golden` writes what the
//! compiler makes of it, which is what a reviewer reads. A case without a lock gets its images from
//! `testdata/golden/images.lock` when it is blessed, and keeps those that it uses.
#![allow(clippy::disallowed_methods, reason = "tests make their inputs")]

use std::fs;
use std::path::Path;

use bundlegen::lock;
use libtest_mimic::{Arguments, Failed, Trial};

#[path = "support/cases.rs"]
mod cases;
#[path = "support/wanted.rs"]
mod wanted;

use cases::Case;
use wanted::{Wanted, blessing};

/// What the case warns about, if anything.
const WARNINGS: &str = "want.stderr";

/// Every image that a case can begin with.
const IMAGES: &str = "testdata/golden/images.lock";

fn main() {
    let arguments = Arguments::from_args();
    let bless = blessing();
    let trial = |case: Case| {
        let name = case.name.clone();
        Trial::test(name, move || if bless { blessed(&case) } else { compared(&case) })
    };
    let mut trials: Vec<Trial> = cases::all().into_iter().map(trial).collect();
    trials.push(Trial::test("every attribute has a case", every_attribute_has_a_case));
    libtest_mimic::run(&arguments, trials).exit();
}

/// What makes one project of many texts, and leaves no field.
const LOADED: [&str; 5] = ["documents", "env_file", "extends", "include", "override-file"];

/// The fields of a service are read from the source: a case that is missing is found before there is any output.
fn every_attribute_has_a_case() -> Result<(), Failed> {
    let source = fs::read_to_string("src/compose/service.rs")?;
    let (_, fields) = source.split_once("pub struct Service {").ok_or("where is the struct?")?;
    let (fields, _) = fields.split_once("\n}").ok_or("where does it end?")?;
    let field = |line: &str| Some(line.trim().strip_prefix("pub ")?.split_once(':')?.0.to_owned());
    let mut attributes: Vec<String> = fields.lines().filter_map(field).collect();
    assert!(attributes.len() > 20, "{attributes:?}");
    attributes.extend(LOADED.map(str::to_owned));
    for attribute in attributes {
        let case = if attribute == "extension" { "x-bundlegen" } else { &attribute };
        let dir = Path::new("testdata/golden").join(case);
        assert!(dir.join("compose.yaml").exists(), "there is no case {}", dir.display());
    }
    Ok(())
}

fn compared(case: &Case) -> Result<(), Failed> {
    wanted(case)?.compared(&format!("golden -- --exact {}", case.name))
}

fn blessed(case: &Case) -> Result<(), Failed> {
    let lock = case.dir.join(lock::FILE_NAME);
    let is_new = !lock.exists();
    if is_new {
        fs::copy(IMAGES, &lock)?;
    }
    let wanted = wanted(case);
    if is_new && wanted.is_err() {
        fs::remove_file(&lock)?;
    }
    wanted?.blessed()?;
    // A case that uses no image needs no lock; one that was there stays, emptied.
    let text = fs::read_to_string(&lock)?;
    if is_new && !["\nimages:", "\nnetworks:"].iter().any(|key| text.contains(key)) {
        fs::remove_file(&lock)?;
    }
    Ok(())
}

fn wanted(case: &Case) -> Result<Wanted, Failed> {
    let outcome = case.compile();
    let Ok(compiled) = outcome.compiled else { return Err(outcome.rendered.into()) };
    let mut wanted = Wanted::default();
    wanted.tree(&compiled.tree, &case.want)?;
    wanted.file(&case.dir.join(lock::FILE_NAME), compiled.lock)?;
    wanted.file(&case.dir.join(WARNINGS), Some(outcome.rendered).filter(|text| !text.is_empty()))?;
    Ok(wanted)
}
