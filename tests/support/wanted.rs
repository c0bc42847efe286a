//! What a case makes, beside what is checked in for it.
#![allow(dead_code, reason = "each test uses a part")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use bundlegen::bundle::tree::Tree;
use bundlegen::disk::{Plan, apply, diff, plan, plan_file};
use libtest_mimic::Failed;

/// What is not as it should be.
#[derive(Default)]
pub struct Wanted {
    plans: Vec<Plan>,
    /// Files that nothing makes any more.
    stale: Vec<PathBuf>,
}

/// Whether what a case makes is right from now on.
pub fn blessing() -> bool {
    std::env::var_os("BLESS").is_some_and(|bless| bless == "1")
}

impl Wanted {
    /// A directory that holds a tree and nothing else.
    pub fn tree(&mut self, tree: &Tree, dir: &Path) -> Result<(), Failed> {
        self.plans.push(plan(tree, dir)?);
        Ok(())
    }

    /// A file with this text, or none.
    pub fn file(&mut self, path: &Path, text: Option<String>) -> Result<(), Failed> {
        match text {
            Some(text) => self.plans.push(plan_file(path, text.into_bytes())?),
            None if path.exists() => self.stale.push(path.to_owned()),
            None => {}
        }
        Ok(())
    }

    /// Fails with the differences. `test` is the case as the command line has it.
    pub fn compared(self, test: &str) -> Result<(), Failed> {
        let mut wrong = String::new();
        for path in self.stale {
            writeln!(wrong, "{}: left over", path.display())?;
        }
        for plan in self.plans {
            wrong += &diff(&plan);
        }
        if wrong.is_empty() {
            return Ok(());
        }
        Err(format!("{wrong}\nif this is right: BLESS=1 cargo test --test {test}").into())
    }

    /// Writes what is wanted.
    pub fn blessed(self) -> Result<(), Failed> {
        for path in self.stale {
            fs::remove_file(path)?;
        }
        for plan in self.plans {
            apply(&plan)?;
        }
        Ok(())
    }
}
