//! What must hold whatever happens to the disk.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use tempfile::TempDir;

use super::apply::apply_in;
use super::at::Steps;
use super::*;
use crate::bundle::tree::{Entry, Mode, RelPath, Tree};
use crate::bundle::{state, sums};

fn path(text: &str) -> RelPath {
    RelPath::parse(text).unwrap()
}

fn tree(files: &[(&str, &str)]) -> Tree {
    let mut tree = Tree::default();
    for (name, text) in files {
        tree.insert(path(name), Entry::file(*text)).unwrap();
    }
    tree.seal().unwrap()
}

fn sample() -> Tree {
    tree(&[
        ("web/config.json", "{}\n"),
        ("web/etc/hosts", "127.0.0.1 localhost\n"),
        ("networks/a.conflist", "[]\n"),
    ])
}

fn write(dir: &Path, tree: &Tree) -> Applied {
    apply(&plan(tree, dir).unwrap()).unwrap()
}

fn changes(tree: &Tree, dir: &Path) -> BTreeMap<String, Change> {
    let plan = plan(tree, dir).unwrap();
    plan.changes().map(|(path, change)| (path.display().to_string(), change)).collect()
}

fn only(name: &str, change: Change) -> BTreeMap<String, Change> {
    BTreeMap::from([(name.to_owned(), change)])
}

/// Everything but directories, which git does not keep.
fn snapshot(dir: &Path) -> BTreeMap<String, Entry> {
    let entries =
        walkdir::WalkDir::new(dir).into_iter().map(Result::unwrap).filter(|e| !e.file_type().is_dir());
    entries.map(|e| (e.path().strip_prefix(dir).unwrap().display().to_string(), entry(e.path()))).collect()
}

fn entry(at: &Path) -> Entry {
    let meta = fs::symlink_metadata(at).unwrap();
    if meta.is_symlink() {
        return Entry::Link(fs::read_link(at).unwrap().display().to_string());
    }
    let mode = if meta.mode() & 0o100 == 0 { Mode::Regular } else { Mode::Executable };
    Entry::File { bytes: fs::read(at).unwrap().into(), mode }
}

fn contents(tree: &Tree) -> BTreeMap<String, Entry> {
    tree.iter().map(|(path, entry)| (path.to_string(), entry.clone())).collect()
}

fn built(tree: &Tree) -> (TempDir, PathBuf) {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("bundles");
    write(&dir, tree);
    (temp, dir)
}

#[test]
fn what_was_applied_needs_no_change() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("not/yet/there/");
    let first = plan(&sample(), &dir).unwrap();
    assert!(first.has_work() && first.changes().all(|(_, change)| change == Change::Missing));
    assert!(!temp.path().join("not").exists(), "a plan writes nothing");
    assert_eq!(apply(&first).unwrap().written.len(), 5);
    assert_eq!(snapshot(&dir), contents(&sample()));
    assert!(plan(&sample(), &dir).unwrap().is_empty());
    assert_eq!(write(&dir, &sample()), Applied::default());
    let mode = |name: &str| fs::metadata(dir.join(name)).unwrap().mode() & 0o7777;
    assert_eq!((mode("web"), mode("web/config.json"), mode("")), (0o755, 0o644, 0o755));
}

/// The mask belongs to the process, so the other test runs again in one of its own.
#[test]
fn a_umask_changes_nothing() {
    let script = "umask 077; exec \"$0\" --exact disk::tests::what_was_applied_needs_no_change";
    let mut shell = std::process::Command::new("sh");
    let output = shell.args(["-c", script]).arg(std::env::current_exe().unwrap()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "{output:?}");
}

#[test]
fn what_changes_after_the_plan_is_seen() {
    let (temp, dir) = built(&sample());
    let next = tree(&[("web/config.json", "{1}\n")]);
    let plan = plan(&next, &dir).unwrap();
    fs::rename(dir.join("web"), temp.path().join("web")).unwrap();
    symlink(temp.path().join("web"), dir.join("web")).unwrap();
    assert!(matches!(apply(&plan), Err(Error::InTheWay(_))));
    assert_eq!(fs::read(temp.path().join("web/config.json")).unwrap(), b"{}\n");
}

#[test]
fn equal_files_are_not_touched() {
    let (_temp, dir) = built(&sample());
    let stat = || {
        fs::metadata(dir.join("web/etc/hosts")).map(|m| (m.ino(), m.mtime_nsec(), m.ctime_nsec())).unwrap()
    };
    let before = stat();
    let done =
        write(&dir, &tree(&[("web/config.json", "{1}\n"), ("web/etc/hosts", "127.0.0.1 localhost\n")]));
    assert_eq!(done.written, [path(sums::NAME), path("web/config.json")]);
    assert_eq!(done.removed, [path("networks/a.conflist")]);
    assert_eq!(stat(), before);
    assert!(!dir.join("networks").exists());
}

#[test]
fn a_change_says_whose_it_is() {
    let (_temp, dir) = built(&sample());
    let next = tree(&[("web/config.json", "{1}\n"), ("web/etc/hosts", "127.0.0.1 localhost\n")]);
    let found = changes(&next, &dir);
    assert_eq!(found["web/config.json"], Change::Differs(Cause::Inputs));
    assert_eq!(found[sums::NAME], Change::Differs(Cause::Inputs));
    assert_eq!(found["networks/a.conflist"], Change::Stale);
    assert_eq!(found.len(), 3);

    fs::write(dir.join("web/config.json"), "{ }\n").unwrap();
    assert_eq!(changes(&sample(), &dir), only("web/config.json", Change::Differs(Cause::Edited)));
    write(&dir, &sample());
    fs::remove_file(dir.join("web/config.json")).unwrap();
    assert_eq!(changes(&sample(), &dir), only("web/config.json", Change::Missing));
    write(&dir, &sample());
    let list = fs::read_to_string(dir.join(sums::NAME)).unwrap();
    fs::write(dir.join(sums::NAME), list + "<<<<<<< HEAD\n").unwrap();
    assert_eq!(changes(&sample(), &dir), only(sums::NAME, Change::Differs(Cause::Edited)));
}

#[test]
fn only_the_users_executable_bit_counts() {
    let mut tree = Tree::default();
    tree.insert(path("run"), Entry::executable("#!/bin/sh\n")).unwrap();
    tree.insert(path("text"), Entry::file("x")).unwrap();
    let tree = tree.seal().unwrap();
    let (_temp, dir) = built(&tree);
    let chmod =
        |name: &str, mode| fs::set_permissions(dir.join(name), fs::Permissions::from_mode(mode)).unwrap();
    chmod("run", 0o700);
    chmod("text", 0o600);
    chmod("", 0o700);
    assert!(plan(&tree, &dir).unwrap().is_empty(), "a checkout under umask 077");
    chmod("run", 0o655);
    assert_eq!(changes(&tree, &dir), only("run", Change::Mode));
    write(&dir, &tree);
    assert_eq!(fs::metadata(dir.join("run")).unwrap().mode() & 0o777, 0o755);
}

#[test]
fn foreign_files_are_reported_and_left() {
    let (_temp, dir) = built(&sample());
    fs::write(dir.join("web/notes.txt"), "mine").unwrap();
    assert_eq!(changes(&sample(), &dir), only("web/notes.txt", Change::Foreign));
    assert!(!plan(&sample(), &dir).unwrap().has_work());
    write(&dir, &tree(&[]));
    assert_eq!(fs::read(dir.join("web/notes.txt")).unwrap(), b"mine");
    assert!(!dir.join("web/etc").exists());
}

#[test]
fn run_time_state_is_passed_over() {
    let (_temp, dir) = built(&sample());
    for name in ["web/rootfs/etc", "web/.rootfs.x1", "volumes/data", ".git/objects", state::STAGING] {
        fs::create_dir_all(dir.join(name)).unwrap();
        fs::write(dir.join(name).join("file"), "x").unwrap();
    }
    fs::write(dir.join(".gitattributes"), "* linguist-generated\n").unwrap();
    assert!(plan(&sample(), &dir).unwrap().is_empty());
    write(&dir, &tree(&[]));
    assert!(dir.join("web/rootfs/etc/file").exists() && dir.join(".git/objects/file").exists());
    assert!(!dir.join(state::STAGING).exists());
}

#[test]
fn what_is_stale_and_edited_is_not_removed() {
    let (_temp, dir) = built(&sample());
    fs::write(dir.join("web/config.json"), "by hand").unwrap();
    let next = tree(&[]);
    assert_eq!(changes(&next, &dir)["web/config.json"], Change::Foreign);
    write(&dir, &next);
    assert!(dir.join("web/config.json").exists());
}

/// Applying must fail, and change nothing.
fn refuses(tree: &Tree, dir: &Path, name: &str, obstacle: Obstacle) {
    let before = snapshot(dir);
    assert_eq!(changes(tree, dir)[name], Change::InTheWay(obstacle));
    match apply(&plan(tree, dir).unwrap()) {
        Err(Error::InTheWay(found)) => assert!(found.contains(&(dir.join(name), obstacle))),
        other => panic!("{other:?}"),
    }
    assert_eq!(snapshot(dir), before);
}

#[test]
fn what_is_in_the_way_is_refused() {
    let temp = tempfile::tempdir().unwrap();
    let outside = temp.path().join("outside");
    fs::create_dir(&outside).unwrap();
    let lay = |make: &dyn Fn(&Path)| {
        let dir = tempfile::tempdir_in(temp.path()).unwrap();
        make(dir.path());
        dir
    };
    let dir = lay(&|dir| symlink(&outside, dir.join("web")).unwrap());
    refuses(&sample(), dir.path(), "web", Obstacle::Link);
    let dir = lay(&|dir| symlink(dir.join("nowhere"), dir.join(sums::NAME)).unwrap());
    refuses(&sample(), dir.path(), sums::NAME, Obstacle::Link);
    let dir = lay(&|dir| fs::write(dir.join("web"), "").unwrap());
    refuses(&sample(), dir.path(), "web", Obstacle::File);
    let dir = lay(&|dir| {
        fs::create_dir_all(dir.join("web/config.json")).unwrap();
        fs::write(dir.join("web/config.json/x"), "").unwrap();
    });
    refuses(&sample(), dir.path(), "web/config.json", Obstacle::Directory);
    let dir = lay(&|dir| {
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        let fifo = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, dir.join(sums::NAME), fifo, mode, 0).unwrap();
    });
    assert_eq!(changes(&sample(), dir.path())[sums::NAME], Change::InTheWay(Obstacle::Special));
    let dir = lay(&|dir| fs::write(dir.join(".gitignore"), "target\n").unwrap());
    refuses(&sample(), dir.path(), ".gitignore", Obstacle::NotOurs);
    let dir = lay(&|dir| fs::write(dir.join(sums::NAME), "somebody else's\n").unwrap());
    refuses(&sample(), dir.path(), sums::NAME, Obstacle::NotOurs);
    assert!(fs::read_dir(&outside).unwrap().next().is_none());
}

#[test]
fn the_directory_itself_is_no_link() {
    let temp = tempfile::tempdir().unwrap();
    let link = temp.path().join("bundles");
    symlink(temp.path(), &link).unwrap();
    for dir in [link.clone(), link.join("")] {
        assert!(matches!(plan(&sample(), &dir), Err(Error::NotADirectory(_))));
    }
    fs::write(temp.path().join("file"), "").unwrap();
    assert!(plan(&sample(), &temp.path().join("file")).is_err());
    assert!(plan(&sample(), &temp.path().join("file/below")).is_err());
    let dir = temp.path().join("dir");
    fs::create_dir(&dir).unwrap();
    symlink(temp.path(), dir.join(state::STAGING)).unwrap();
    assert!(apply(&plan(&sample(), &dir).unwrap()).is_err());
    assert_eq!(snapshot(&dir).len(), 1);
}

#[test]
fn a_list_cannot_reach_what_is_not_ours() {
    let (temp, dir) = built(&sample());
    fs::write(temp.path().join("x"), "x").unwrap();
    fs::write(dir.join("mine"), "mine").unwrap();
    fs::create_dir_all(dir.join("web/rootfs")).unwrap();
    fs::write(dir.join("web/rootfs/x"), "x").unwrap();
    let mut list = fs::read_to_string(dir.join(sums::NAME)).unwrap();
    let x = sums::digest(b"x");
    for name in ["../x", &temp.path().join("x").display().to_string(), "web/../../x", "web/rootfs/x", "mine"]
    {
        list.push_str(&[x.as_str(), "  ", name, "\n"].concat());
    }
    fs::write(dir.join(sums::NAME), list).unwrap();
    let done = write(&dir, &tree(&[]));
    let expected: Vec<_> = sample().iter().map(|(path, _)| path.clone()).collect();
    assert!(done.removed.iter().all(|path| expected.contains(path)), "{done:?}");
    assert!(temp.path().join("x").exists() && dir.join("mine").exists() && dir.join("web/rootfs/x").exists());
}

#[test]
fn a_read_only_directory_is_an_error_and_stays_as_it_was() {
    let (_temp, dir) = built(&sample());
    if rustix::process::geteuid().is_root() {
        return;
    }
    let before = snapshot(&dir);
    fs::set_permissions(dir.join("web"), fs::Permissions::from_mode(0o555)).unwrap();
    let next = tree(&[("web/config.json", "{1}\n"), ("api/config.json", "{}\n")]);
    let error = apply(&plan(&next, &dir).unwrap()).unwrap_err();
    assert!(matches!(&error, Error::Io { path, .. } if *path == dir.join("web")), "{error}");
    assert_eq!(snapshot(&dir), before);
    fs::set_permissions(dir.join("web"), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn one_file_is_written_like_a_tree() {
    let temp = tempfile::tempdir().unwrap();
    let file = temp.path().join("bundlegen.lock");
    fs::write(temp.path().join("compose.yaml"), "services: {}\n").unwrap();
    let of = |text: &str| plan_file(&file, text.as_bytes().to_vec());
    assert!(of("a").unwrap().has_work());
    for text in ["a", "b"] {
        apply(&of(text).unwrap()).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
        assert!(of(text).unwrap().is_empty());
    }
    assert_eq!(snapshot(temp.path()).len(), 2);
    fs::remove_file(&file).unwrap();
    symlink("compose.yaml", &file).unwrap();
    assert!(matches!(apply(&of("c").unwrap()), Err(Error::InTheWay(_))));
    assert!(matches!(plan_file(Path::new("/"), Vec::new()), Err(Error::Name(_))));
    assert_eq!(plan_file(Path::new("no-such-file"), Vec::new()).unwrap().dir(), Path::new("."));
}

#[test]
fn a_difference_is_shown() {
    let (_temp, dir) = built(&tree(&[("a", "one\ntwo\n"), ("gone", "x")]));
    fs::write(dir.join("a"), "one\n\u{1b}[2Jthree\n").unwrap();
    fs::write(dir.join("extra"), "x").unwrap();
    let text = diff(&plan(&tree(&[("a", "one\ntwo\n"), ("new", "x")]), &dir).unwrap());
    let text = text.replace(&dir.display().to_string(), "bundles");
    let want = "\
bundles/SHA256SUMS: out of date: the inputs have changed since it was written
bundles/a: edited: it is not what the last build wrote
--- bundles/a (on disk)
+++ bundles/a (wanted)
@@ -1,2 +1,2 @@
 one
-\\u{1b}[2Jthree
+two
bundles/extra: extra: no build wrote it
bundles/gone: left over: nothing in the inputs makes it any more
bundles/new: missing
";
    assert_eq!(text, want);
}

#[test]
fn a_long_difference_is_cut() {
    let (_temp, dir) = built(&tree(&[("a", &"x\n".repeat(500))]));
    let wide = "y".repeat(1000);
    let text = diff(&plan(&tree(&[("a", &format!("{wide}\n").repeat(500))]), &dir).unwrap());
    assert!(text.lines().count() < 50 && text.len() < 20_000, "{}", text.len());
    assert!(text.ends_with("… 963 more lines\n"), "{text}");

    let many = |from: usize| (from..from + 10_000).map(|n| n.to_string()).collect::<Vec<_>>().join("\n");
    let (_temp, dir) = built(&tree(&[("a", &many(0))]));
    assert!(diff(&plan(&tree(&[("a", &many(10_000))]), &dir).unwrap()).contains("… 19965 more lines"));
    assert!(diff(&plan(&tree(&[("a", &many(0).repeat(2))]), &dir).unwrap()).contains("(not shown"));
}

/// Trees that stand in each other's way: files become directories and links, and the other way round.
fn turns() -> [Tree; 3] {
    let mut two = Tree::default();
    two.insert(path("a/b/c"), Entry::file("now a directory")).unwrap();
    two.insert(path("d"), Entry::executable("now a file")).unwrap();
    two.insert(path("web/config.json"), Entry::file("new")).unwrap();
    two.insert(path("link"), Entry::Link("web".to_owned())).unwrap();
    let one =
        tree(&[("a", "file"), ("d/e/f", "deep"), ("d/g", "x"), ("web/config.json", "old"), ("gone/x", "x")]);
    let three = tree(&[("a/b", "third"), ("link/x", "no link any more"), ("late/x", "x")]);
    [one, two.seal().unwrap(), three]
}

/// Runs a commit from `old` to `new` for every step that can fail, until one run has no failure left.
fn each_failure(
    old: Option<&Tree>,
    new: &Tree,
    failing: impl Fn(usize) -> Steps,
    check: impl Fn(&Path, Error),
) {
    for n in 0.. {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("out/bundles");
        if let Some(old) = old {
            write(&dir, old);
        }
        let Err(error) = apply_in(&plan(new, &dir).unwrap(), &failing(n)) else {
            assert!(n > 20, "{n} steps");
            return assert_eq!(snapshot(&dir), contents(new));
        };
        check(&dir, error);
    }
}

fn nothing() -> Tree {
    Tree::default()
}

#[test]
fn a_crash_leaves_whole_files_and_is_repaired() {
    let [one, two, three] = turns();
    for (old, new, other) in [(None, &one, &two), (Some(&one), &two, &three), (Some(&two), &one, &three)] {
        let was = contents(old.unwrap_or(&nothing()));
        let will = contents(new);
        each_failure(
            old,
            new,
            |n| Steps::failing(n..usize::MAX),
            |dir, _| {
                let now: BTreeMap<_, _> = if dir.exists() { snapshot(dir) } else { BTreeMap::new() };
                let now: BTreeMap<_, _> =
                    now.into_iter().filter(|(p, _)| !p.starts_with(state::STAGING)).collect();
                for (path, entry) in &now {
                    assert!(was.get(path) == Some(entry) || will.get(path) == Some(entry), "{path}");
                }
                assert_eq!(plan(new, dir).unwrap().is_empty(), now == will);
                let copy = tempfile::tempdir().unwrap();
                if dir.exists() {
                    let cp = std::process::Command::new("cp").arg("-a").arg(dir).arg(copy.path()).status();
                    assert!(cp.unwrap().success());
                }
                for (dir, tree) in [(dir, new), (&copy.path().join("bundles"), other)] {
                    write(dir, tree);
                    assert!(plan(tree, dir).unwrap().is_empty());
                    assert_eq!(snapshot(dir), contents(tree));
                    assert!(!dir.join(state::STAGING).exists());
                }
            },
        );
    }
}

#[test]
fn a_failure_leaves_the_disk_as_it_was_or_says_so() {
    let [one, two, _] = turns();
    for (old, new) in [(None, &one), (Some(&one), &two)] {
        each_failure(
            old,
            new,
            |n| Steps::failing(n..n + 1),
            |dir, error| match error {
                Error::HalfDone { .. } => {
                    write(dir, new);
                    assert_eq!(snapshot(dir), contents(new));
                    assert!(!dir.join(state::STAGING).exists());
                }
                _ => match old {
                    Some(old) => assert_eq!(snapshot(dir), contents(old)),
                    None => assert!(!dir.parent().unwrap().exists()),
                },
            },
        );
    }
}

#[test]
fn two_builds_at_once_do_not_mix() {
    let temp = tempfile::tempdir().unwrap();
    let dir = &temp.path().join("bundles");
    let trees = turns();
    for _ in 0..20 {
        std::thread::scope(|scope| {
            for tree in &trees {
                // A plan that meets a directory in change may fail; one that does not is made again under the lock.
                scope.spawn(move || (0..3).for_each(|_| drop(plan(tree, dir).and_then(|plan| apply(&plan)))));
            }
        });
        let left = snapshot(dir);
        assert!(trees.iter().any(|tree| contents(tree) == left), "{left:?}");
    }
}

fn any_tree() -> impl Strategy<Value = Tree> {
    let entry = prop_oneof![
        "[xy]{0,2}".prop_map(Entry::file),
        "[xy]".prop_map(Entry::executable),
        "[abc]".prop_map(Entry::Link),
    ];
    proptest::collection::vec(("[abc](/[abc\\\\]){0,3}", entry), 0..12).prop_map(|entries| {
        let mut tree = Tree::default();
        for (name, entry) in entries {
            // A path that is taken stays what it is.
            let _ = tree.insert(path(&name), entry);
        }
        tree.seal().unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn one_tree_after_another(old in any_tree(), new in any_tree(), foreign in "[abc](/[abc]){0,2}/mine") {
        let (_temp, dir) = built(&old);
        write(&dir, &new);
        prop_assert_eq!(snapshot(&dir), contents(&new));

        let at = dir.join(&foreign);
        let laid = fs::create_dir_all(at.parent().unwrap()).is_ok() && fs::write(&at, "mine").is_ok();
        let before = snapshot(&dir);
        match apply(&plan(&old, &dir).unwrap()) {
            Ok(_) => {
                let mut want = contents(&old);
                want.extend(before.into_iter().filter(|(name, _)| laid && name.ends_with("/mine")));
                prop_assert_eq!(snapshot(&dir), want);
            }
            Err(Error::InTheWay(_)) => prop_assert!(laid && snapshot(&dir) == before),
            Err(error) => prop_assert!(false, "{}", error),
        }
    }
}
