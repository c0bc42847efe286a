//! The variables that interpolation sees, and the files they come from.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::in_project;
use crate::compose::dotenv::{self, EnvFormat};
use crate::diag::{Code, Diagnostics, Draft, Reported};
use crate::source::{FileId, ReadError, Sources, Span, Spanned};
use crate::yaml::template::Lookup;
use crate::yaml::{Giver, References, Unset};

/// The variables that interpolation sees: those of the process, then those of `.env`.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// What the process was started with.
    pub process: BTreeMap<String, String>,
    /// What `.env` says and where, or the files that take its place.
    pub dotenv: BTreeMap<String, Spanned<String>>,
    /// The variables of the process that are meant to have a say.
    pub expected: BTreeSet<String>,
    /// What a variable is that an env file asks for, and that is not set and has no default.
    pub unset: Unset,
    /// The variables that these files refer to.
    pub references: References,
}

impl Lookup for Environment {
    fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        let value = self.process.get(name).or_else(|| Some(&self.dotenv.get(name)?.value));
        value.map(|value| Cow::Borrowed(value.as_str()))
    }

    /// Where the process says the same as a file, it makes no difference.
    fn giver(&self, name: &str) -> Giver {
        match (self.process.get(name), self.dotenv.get(name)) {
            (Some(value), Some(set)) if *value == set.value => Giver::File(set.span),
            (Some(_), _) => Giver::Process { meant: self.expected.contains(name) },
            (None, Some(set)) => Giver::File(set.span),
            (None, None) => Giver::Nobody,
        }
    }
}

impl Environment {
    /// The variables of the process, with what `.env` says in some directories below them, the earlier over the later.
    pub fn load(
        d: &mut Diagnostics,
        sources: &mut Sources,
        process: BTreeMap<String, String>,
        directories: &[PathBuf],
    ) -> Result<Self, Reported> {
        let mut environment = Environment { process, ..Environment::default() };
        for directory in directories {
            environment.add_default(d, sources, directory)?;
        }
        Ok(environment)
    }

    /// Adds what `.env` in a directory says, where there is one, and what was known before does not. A directory of
    /// that name is passed over, as Compose does it.
    pub fn add_default(
        &mut self,
        d: &mut Diagnostics,
        sources: &mut Sources,
        directory: &Path,
    ) -> Result<(), Reported> {
        let path = in_project(".env", directory);
        let entries = match sources.read(&path) {
            Ok(file) => self.of_file(d, sources, file)?,
            Err(ReadError::NotFound | ReadError::NotAFile("a directory")) => return Ok(()),
            Err(error) => return Err(unreadable(d, &path, &error, None)),
        };
        self.add_below(entries);
        Ok(())
    }

    /// Adds what env files say, the later over the earlier, and what was known before does not. All that cannot be read
    /// are reported.
    pub fn add_files(
        &mut self,
        d: &mut Diagnostics,
        sources: &mut Sources,
        paths: &[PathBuf],
    ) -> Result<(), Reported> {
        let mut failed = None;
        let mut added = Environment::default();
        let mut references = References::default();
        for path in paths {
            let entries = match sources.read(path) {
                Ok(file) => {
                    let outer = Below(self, &added);
                    parse(d, sources, &mut references, file, &outer, EnvFormat::Compose, self.unset)
                }
                Err(error) => Err(unreadable(d, path, &error, None)),
            };
            match entries {
                Ok(entries) => added.dotenv.extend(set(entries)),
                Err(reported) => failed = Some(reported),
            }
        }
        self.references.extend(references);
        self.add_below(added.dotenv);
        failed.map_or(Ok(()), Err)
    }

    /// Adds what an env file of an included project says and the one that includes it does not.
    pub(super) fn add_file(
        &mut self,
        d: &mut Diagnostics,
        sources: &mut Sources,
        path: &Path,
        asked: Span,
    ) -> Result<(), Reported> {
        let file = sources.read(path).map_err(|error| unreadable(d, path, &error, Some(asked)))?;
        let entries = self.of_file(d, sources, file)?;
        self.add_below(entries);
        Ok(())
    }

    /// The same variables, for what is to have its own below them.
    pub(super) fn outer(&self) -> Self {
        Environment {
            process: self.process.clone(),
            dotenv: self.dotenv.clone(),
            expected: self.expected.clone(),
            unset: self.unset,
            references: References::default(),
        }
    }

    fn add_below(&mut self, entries: BTreeMap<String, Spanned<String>>) {
        for (name, value) in entries {
            self.dotenv.entry(name).or_insert(value);
        }
    }

    fn of_file(
        &mut self,
        d: &mut Diagnostics,
        sources: &Sources,
        file: FileId,
    ) -> Result<BTreeMap<String, Spanned<String>>, Reported> {
        let mut references = References::default();
        let parsed = parse(d, sources, &mut references, file, self, EnvFormat::Compose, self.unset);
        self.references.extend(references);
        Ok(set(parsed?).collect())
    }
}

/// Variables, and others where neither these nor the file itself say anything.
struct Below<'a>(&'a Environment, &'a Environment);

impl Lookup for Below<'_> {
    fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        self.0.get(name)
    }

    fn before(&self, name: &str) -> Option<Cow<'_, str>> {
        self.1.get(name)
    }

    fn giver(&self, name: &str) -> Giver {
        match self.0.giver(name) {
            Giver::Nobody => self.1.giver(name),
            giver => giver,
        }
    }
}

/// The variables that have a value.
fn set(entries: Entries) -> impl Iterator<Item = (String, Spanned<String>)> {
    entries.into_iter().filter_map(|(name, (value, span))| Some((name, Spanned { value: value?, span })))
}

/// The variables of an env file by name, each with its value and where it is set.
pub(crate) type Entries = BTreeMap<String, (Option<String>, Span)>;

/// Reads an env file, and notes what it refers to.
pub(crate) fn parse(
    d: &mut Diagnostics,
    sources: &Sources,
    references: &mut References,
    file: FileId,
    outer: &dyn Lookup,
    format: EnvFormat,
    how: Unset,
) -> Result<Entries, Reported> {
    let text = sources.text(file);
    let place = |range: std::ops::Range<usize>| Span::new(file, range.start, range.end);
    let parsed = match format {
        EnvFormat::Compose => dotenv::parse(&text, outer),
        EnvFormat::Raw => dotenv::parse_raw(&text, outer),
    };
    let parsed = parsed.map_err(|problems| {
        let report = |invalid| d.invalid(Code::EnvFile, invalid, place);
        problems.into_iter().map(report).last()
    });
    let parsed = match parsed {
        Ok(parsed) => parsed,
        Err(Some(reported)) => return Err(reported),
        Err(None) => return Ok(Entries::new()),
    };
    note(references, file, &parsed, outer);
    let mut failed = None;
    for unset in &parsed.unset {
        let span = place(unset.range.clone());
        let help = format!("for an empty text write `${{{}:-}}`", unset.name);
        let message = format!("the variable `{}` is not set", unset.name);
        match how {
            Unset::Refused => {
                let draft = d.error(Code::UnsetVariable, message).label(span, "");
                failed = Some(draft.help(help).emit());
            }
            Unset::Empty => {
                let message = format!("{message}, and is taken for an empty text");
                d.warning(Code::UnsetVariable, message).label(span, "").help(help).emit();
            }
        }
    }
    let entry = |entry: dotenv::Entry| (entry.name, (entry.value, place(entry.value_range)));
    failed.map_or_else(|| Ok(parsed.entries.into_iter().map(entry).collect()), Err)
}

/// Notes what a file refers to. What is outside it counts first, then the nearest statement above.
fn note(references: &mut References, file: FileId, parsed: &dotenv::Parsed, outer: &dyn Lookup) {
    references.add_env_file(file);
    let place = |range: &std::ops::Range<usize>| Span::new(file, range.start, range.end);
    let mut above = BTreeMap::new();
    let mut entries = parsed.entries.iter().peekable();
    for used in &parsed.used {
        while let Some(entry) = entries.next_if(|entry| entry.value_range.end <= used.range.start) {
            above.insert(&*entry.name, entry);
        }
        match above.get(&*used.name).filter(|_| outer.get(&used.name).is_none()) {
            Some(entry) => {
                let giver = Giver::File(place(&entry.value_range));
                references.add(place(&used.range), &used.name, giver, entry.value.as_deref());
            }
            None => references.look_up(place(&used.range), &used.name, outer),
        }
    }
}

/// A file that was asked for and cannot be had.
pub(crate) fn unreadable(
    d: &mut Diagnostics,
    path: &Path,
    error: &ReadError,
    asked: Option<Span>,
) -> Reported {
    unreadable_draft(d, path, error, asked).emit()
}

/// The same, to be completed.
pub(crate) fn unreadable_draft<'d>(
    d: &'d mut Diagnostics,
    path: &Path,
    error: &ReadError,
    asked: Option<Span>,
) -> Draft<'d, Reported> {
    let message = format!("{} cannot be read: {error}", path.display());
    let mut draft = d.error(Code::Unreadable, message);
    if let Some(span) = asked {
        draft = draft.label(span, "asked for here");
    }
    match error {
        ReadError::NotUtf8(span) => draft.label(*span, "the first byte that is not UTF-8"),
        ReadError::NotUtf16(span) => draft.label(*span, "the first character that is not UTF-16"),
        _ => draft,
    }
}
