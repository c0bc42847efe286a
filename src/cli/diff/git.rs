//! Bundles as a revision of git has them.
//!
//! The program `git` reads the repository, with commands that run nothing and write nothing. What the user named goes to
//! it once, to be made a number; names of files only come back from it.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::{Error, Side};
use crate::bundle::networks::DIRECTORY;
use crate::review::Bundles;

/// The most files that one revision has of bundles, and the most bytes in all.
const FILES: usize = 100_000;
const BYTES: u64 = 256 << 20;

/// The bundles of a revision: those in the output directory, or with `REVISION:PATH` those in that directory.
pub(super) fn side(revision: &str, output: impl FnOnce() -> Result<PathBuf, Error>) -> Result<Side, Error> {
    if revision.is_empty() || revision.starts_with('-') || revision.contains(['\0', '\n']) {
        return Err(Error::Input(format!("`{revision}` is neither a directory nor a revision")));
    }
    let (place, tree) = if revision.contains(':') {
        (PathBuf::from("."), resolved(Path::new("."), revision, revision)?)
    } else {
        let (place, rest) = existing(&output()?);
        let commit = resolved(&place, revision, &format!("{revision}^{{commit}}"))?;
        (place, format!("{commit}:./{rest}"))
    };
    let entries = listed(&place, &tree, revision)?;
    let bundles = read(&place, entries)?;
    if bundles.bundles.is_empty() {
        let message = format!(
            "no bundles are checked in at `{revision}`: name their directory as `{revision}:PATH`, or with `-o`"
        );
        return Err(Error::Input(message));
    }
    Ok(Side { bundles, single: false })
}

/// The nearest directory above a path that exists, and the way from there.
fn existing(path: &Path) -> (PathBuf, String) {
    let mut rest: Vec<String> = Vec::new();
    let mut at = path;
    while !at.is_dir() {
        let (Some(parent), Some(name)) = (at.parent(), at.file_name()) else { break };
        rest.push(name.to_string_lossy().into_owned());
        at = parent;
    }
    rest.reverse();
    let at = if at.as_os_str().is_empty() { Path::new(".") } else { at };
    (at.to_owned(), rest.join("/"))
}

/// A `git` that asks nobody, takes no lock and fetches nothing.
fn git(place: &Path) -> Command {
    let mut git = Command::new("git");
    git.arg("-C").arg(place).args(["--no-pager", "--literal-pathspecs"]);
    git.env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_NO_LAZY_FETCH", "1")
        .env("LC_ALL", "C");
    git.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    git
}

fn no_git(error: &std::io::Error) -> Error {
    Error::System(format!("`git` cannot be run: {error}"))
}

/// The number of an object.
fn resolved(place: &Path, revision: &str, name: &str) -> Result<String, Error> {
    let mut git = git(place);
    let output = git.args(["rev-parse", "--verify", "--quiet", "--end-of-options", name]).output();
    let output = output.map_err(|error| no_git(&error))?;
    let id = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if output.status.success() && is_id(&id) {
        return Ok(id);
    }
    let said = String::from_utf8_lossy(&output.stderr)
        .lines()
        .next()
        .map(|line| format!(" ({line})"))
        .unwrap_or_default();
    let message = format!(
        "`{revision}` is neither a directory nor a revision of git{said}; name a directory of bundles, or a branch, a tag or a commit"
    );
    Err(Error::Input(message))
}

fn is_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A file of a revision.
struct Entry {
    path: String,
    id: String,
    executable: bool,
}

/// The files of a tree that bundles are made of.
fn listed(place: &Path, tree: &str, revision: &str) -> Result<Vec<Entry>, Error> {
    let mut git = git(place);
    let mut child = git
        .args(["ls-tree", "-r", "-z", "-l", "--full-tree", tree])
        .spawn()
        .map_err(|error| no_git(&error))?;
    let mut out = child
        .stdout
        .take()
        .map(BufReader::new)
        .ok_or_else(|| Error::System("`git` has no output".to_owned()))?;
    let mut entries = Vec::new();
    let (mut record, mut bytes) = (Vec::new(), 0_u64);
    let failed = |error: std::io::Error| Error::System(format!("`git ls-tree`: {error}"));
    while out.by_ref().take(1 << 16).read_until(0, &mut record).map_err(failed)? > 0 {
        if let Some((entry, size)) = entry(&record) {
            bytes = bytes.saturating_add(size);
            entries.push(entry);
        }
        record.clear();
        if entries.len() > FILES || bytes > BYTES {
            end(&mut child);
            return Err(Error::Input(format!("there is too much in the bundles at `{revision}`")));
        }
    }
    drop(out);
    finished(child, "ls-tree").map_err(|error| match error {
        Error::System(_) => Error::Input(format!("no bundles are checked in at `{revision}`: name their directory as `{revision}:PATH`, or with `-o`")),
        input @ Error::Input(_) => input,
    })?;
    Ok(entries)
}

/// `MODE blob ID SIZE\tPATH`, if it is a file that belongs to a bundle.
fn entry(record: &[u8]) -> Option<(Entry, u64)> {
    let record = str::from_utf8(record.strip_suffix(&[0])?).ok()?;
    let (fields, path) = record.split_once('\t')?;
    let mut fields = fields.split_ascii_whitespace();
    let (mode, kind, id, size) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let executable = match (mode, kind) {
        ("100644", "blob") => false,
        ("100755", "blob") => true,
        _ => return None,
    };
    let (top, rest) = path.split_once('/')?;
    let belongs =
        rest == "config.json" || rest.starts_with("etc/") || rest.starts_with("configs/") || top == DIRECTORY;
    (belongs && is_id(id))
        .then(|| (Entry { path: path.to_owned(), id: id.to_owned(), executable }, size.parse().unwrap_or(0)))
}

/// Reads the files, one after the other.
fn read(place: &Path, entries: Vec<Entry>) -> Result<Bundles, Error> {
    let mut git = git(place);
    let mut child = git
        .args(["cat-file", "--batch"])
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| no_git(&error))?;
    let pipes = child.stdin.take().zip(child.stdout.take().map(BufReader::new));
    let (mut ask, mut answer) = pipes.ok_or_else(|| Error::System("`git` has no input".to_owned()))?;
    let mut files: BTreeMap<String, (Vec<u8>, bool)> = BTreeMap::new();
    for Entry { path, id, executable } in entries {
        let failed = |error: std::io::Error| Error::System(format!("`git cat-file`: {error}"));
        ask.write_all(format!("{id}\n").as_bytes()).and_then(|()| ask.flush()).map_err(failed)?;
        let mut head = String::new();
        answer.by_ref().take(1 << 10).read_line(&mut head).map_err(failed)?;
        let size: Option<u64> = head.trim_end().rsplit_once(' ').and_then(|(_, size)| size.parse().ok());
        let size = size.filter(|size| *size <= BYTES);
        let size = size.ok_or_else(|| {
            Error::System(format!("`git cat-file`: {path} cannot be read: {}", head.trim_end()))
        })?;
        let mut bytes = Vec::new();
        answer.by_ref().take(size + 1).read_to_end(&mut bytes).map_err(failed)?;
        bytes.pop();
        files.insert(path, (bytes, executable));
    }
    drop(ask);
    drop(answer);
    finished(child, "cat-file")?;
    let files =
        files.iter().map(|(path, (bytes, executable))| (path.as_str(), bytes.as_slice(), *executable));
    Bundles::of_files(files).map_err(|unfit| Error::Input(unfit.to_string()))
}

fn finished(mut child: Child, verb: &str) -> Result<(), Error> {
    let mut said = String::new();
    if let Some(errors) = child.stderr.take() {
        let _what_came = errors.take(1 << 12).read_to_string(&mut said);
    }
    match child.wait() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(Error::System(format!("`git {verb}`: {}", said.lines().next().unwrap_or("failed")))),
        Err(error) => Err(Error::System(format!("`git {verb}`: {error}"))),
    }
}

/// Ends a program whose output nobody reads any more.
fn end(child: &mut Child) {
    let _it_may_have_ended = child.kill();
    let _its_status = child.wait();
}
