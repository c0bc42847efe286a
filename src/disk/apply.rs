//! Making a directory what a plan says: all of it, or nothing that a second try would not complete.

use std::collections::BTreeSet;

use super::at::{Dir, Steps, Sync, remove_made};
use super::{Error, Plan};
use crate::bundle::tree::{Entry, RelPath};
use crate::bundle::{state, sums};

/// What was done, sorted by path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Written anew.
    pub written: Vec<RelPath>,
    /// Removed, since nothing wants it any more.
    pub removed: Vec<RelPath>,
}

/// Carries out a plan. The directory is compared once more after the lock is held: another build may have been there.
/// Where there is nothing to do, nothing is locked or looked at again.
pub fn apply(plan: &Plan) -> Result<Applied, Error> {
    let left_over = plan.dir.join(state::STAGING).symlink_metadata().is_ok();
    if !plan.has_work() && !left_over {
        return Ok(Applied::default());
    }
    apply_in(plan, &Steps::default())
}

pub(super) fn apply_in(plan: &Plan, steps: &Steps) -> Result<Applied, Error> {
    plan.refuse()?;
    let (top, made) = Dir::create(&plan.dir, steps)?;
    apply_to(top, plan, steps).inspect_err(|error| {
        if !matches!(error, Error::HalfDone { .. }) {
            remove_made(&made, steps);
        }
    })
}

fn apply_to(top: Dir, plan: &Plan, steps: &Steps) -> Result<Applied, Error> {
    top.lock();
    let plan = plan.again()?;
    plan.refuse()?;
    let commit = Commit { plan: &plan, top, steps };
    // The failure that led to the second sweep is the one to report.
    let staged = commit.stage().inspect_err(|_| drop(commit.sweep()))?;
    let half_done = |error| Error::HalfDone { dir: plan.dir.clone(), error: Box::new(error) };
    commit.finish(&staged).map_err(half_done)?;
    let mut written: Vec<_> = staged.iter().map(|staged| staged.path.clone()).collect();
    written.sort();
    Ok(Applied { written, removed: plan.removals() })
}

/// New content under its temporary name.
struct Staged<'p> {
    path: &'p RelPath,
    name: String,
}

struct Commit<'p> {
    plan: &'p Plan,
    top: Dir,
    steps: &'p Steps,
}

impl<'p> Commit<'p> {
    /// Puts all new content into one directory beside the output, `SHA256SUMS` under its own name and last.
    ///
    /// One directory, and not a name beside each target: nothing but it has to be cleaned up or ignored, no name
    /// becomes too long, and a target may lie in a directory that cannot be made yet.
    fn stage(&self) -> Result<Vec<Staged<'p>>, Error> {
        self.check_writable()?;
        self.sweep()?;
        let mut writes = self.plan.writes();
        if writes.is_empty() {
            return Ok(Vec::new());
        }
        writes.sort_by_key(|(path, _)| path.as_str() == sums::NAME);
        let staging = self.top.make(state::STAGING, self.steps)?;
        let sync = Sync::of(writes.len());
        let staged: Result<Vec<_>, _> = writes
            .into_iter()
            .enumerate()
            .map(|(n, (path, entry))| self.stage_one(&staging, n, path, entry, sync))
            .collect();
        match sync {
            Sync::Each => staging.sync(self.steps)?,
            Sync::Together => staging.sync_all(self.steps)?,
        }
        staged
    }

    fn stage_one(
        &self,
        staging: &Dir,
        n: usize,
        path: &'p RelPath,
        entry: &Entry,
        sync: Sync,
    ) -> Result<Staged<'p>, Error> {
        let name = if path.as_str() == sums::NAME { sums::NAME.to_owned() } else { n.to_string() };
        staging.create_entry(&name, entry, sync, self.steps)?;
        Ok(Staged { path, name })
    }

    fn check_writable(&self) -> Result<(), Error> {
        let writes = self.plan.writes();
        let paths = writes.iter().map(|(path, _)| (*path).clone()).chain(self.plan.removals());
        let above: BTreeSet<_> = paths.flat_map(|path| path.ancestors().collect::<Vec<_>>()).collect();
        for path in &above {
            if let Some(dir) = self.existing(path)? {
                dir.check_writable(&self.top)?;
            }
        }
        Ok(())
    }

    /// Removes what an interrupted build left staged.
    fn sweep(&self) -> Result<(), Error> {
        match self.top.enter(state::STAGING) {
            Err(error) if error.is_missing() => return Ok(()),
            Err(error) => return Err(error),
            Ok(staging) => {
                for name in staging.names()? {
                    staging.remove(&name, self.steps)?;
                }
            }
        }
        self.top.remove_empty(state::STAGING, self.steps)
    }

    fn finish(&self, staged: &[Staged<'_>]) -> Result<(), Error> {
        let (list, files): (Vec<_>, Vec<_>) =
            staged.iter().partition(|staged| staged.path.as_str() == sums::NAME);
        let removals = self.plan.removals();
        let (early, late): (Vec<_>, Vec<_>) = removals.iter().partition(|path| self.makes_room(path));
        self.remove(&early)?;
        for path in self.plan.clear.iter().rev() {
            self.parent(path)?.remove_empty(path.name(), self.steps)?;
        }
        self.rename(&files)?;
        self.remove(&late)?;
        self.prune(&late)?;
        self.sync(files.iter().map(|staged| staged.path).chain(&removals))?;
        self.rename(&list)?;
        self.top.sync(self.steps)?;
        self.top.remove_empty(state::STAGING, self.steps)
    }

    /// Whether something that is wanted cannot be there before this path is gone.
    fn makes_room(&self, path: &RelPath) -> bool {
        self.plan.want.above(path).is_some() || self.plan.want.below(path).is_some()
    }

    fn rename(&self, staged: &[&Staged<'_>]) -> Result<(), Error> {
        let Some(first) = staged.first() else { return Ok(()) };
        let staging = self.top.enter(state::STAGING)?;
        let make_parent = |path: &RelPath| self.top.make_below(path.parent().as_ref(), self.steps);
        let (mut above, mut parent) = (first.path.parent(), make_parent(first.path)?);
        for Staged { path, name } in staged {
            // Sorted by path, so that neighbours share their directory.
            if path.parent() != above {
                (above, parent) = (path.parent(), make_parent(path)?);
            }
            staging.rename(name, &parent, path.name(), self.steps)?;
        }
        Ok(())
    }

    fn remove(&self, paths: &[&RelPath]) -> Result<(), Error> {
        paths.iter().try_for_each(|path| self.parent(path)?.remove(path.name(), self.steps))
    }

    /// Removes the directories that the removals left empty, the deepest first.
    fn prune(&self, removed: &[&RelPath]) -> Result<(), Error> {
        let above: BTreeSet<_> = removed.iter().flat_map(|path| path.ancestors()).collect();
        above.iter().rev().try_for_each(|path| self.parent(path)?.remove_empty(path.name(), self.steps))
    }

    /// Syncs every directory that changed, so that the list never reaches the disk before what it lists.
    fn sync<'a>(&self, changed: impl Iterator<Item = &'a RelPath>) -> Result<(), Error> {
        let above: BTreeSet<_> = changed.flat_map(RelPath::ancestors).collect();
        if Sync::of(above.len()) == Sync::Together {
            return self.top.sync_all(self.steps);
        }
        for path in &above {
            if let Some(dir) = self.existing(path)? {
                dir.sync(self.steps)?;
            }
        }
        self.top.sync(self.steps)
    }

    /// A directory that may not be there yet or any more, or may still be a file of ours that makes room.
    fn existing(&self, path: &RelPath) -> Result<Option<Dir>, Error> {
        match self.top.below(Some(path)) {
            Err(error) if error.is_no_directory() => Ok(None),
            found => found.map(Some),
        }
    }

    fn parent(&self, path: &RelPath) -> Result<Dir, Error> {
        self.top.below(path.parent().as_ref())
    }
}
