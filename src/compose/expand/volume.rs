//! Volumes of a service: `[SOURCE:]TARGET[:OPTION,…]`.

use std::ops::Range;

use super::{Expansion, entries, text};
use crate::compose::value::target::clean_path;
use crate::diag::{Code, Invalid, Reported};
use crate::nearest::nearest;
use crate::yaml::{Entry, Node};

const FORM: &str = "write `SOURCE:TARGET:OPTIONS`, `SOURCE:TARGET` or `TARGET`";

/// An item of `volumes`. The target comes out clean, in the long form too.
pub fn volume(x: &mut Expansion<'_>, node: &Node) -> Result<Node, Reported> {
    let Some(text) = text(node) else {
        refuse_blank(x, node)?;
        return Ok(with_clean_target(node));
    };
    let parts = match Parts::of(text) {
        Ok(parts) => parts,
        Err(_) if x.keeps(text) => return Ok(node.clone()),
        Err(invalid) => return Err(x.invalid(node, invalid)),
    };
    warn_of_drive(x, node, text, &parts);
    let mut mount = Mount::default();
    if let Some(range) = &parts.options {
        mount.read(x, node, text, range.clone());
    }
    Ok(mount.write(node, text, &parts))
}

/// A blank behind the colon makes a mapping of two paths.
fn refuse_blank(x: &mut Expansion<'_>, node: &Node) -> Result<(), Reported> {
    let [entry] = node.entries() else { return Ok(()) };
    let Some(target) = text(&entry.value).filter(|_| entry.key.starts_with(['.', '/', '~'])) else {
        return Ok(());
    };
    let draft = x.d.error(Code::WrongType, "the blank behind the `:` makes this a mapping");
    Err(draft.label(node.span, "a mapping").help(format!("write `{}:{target}`", entry.key)).emit())
}

fn with_clean_target(node: &Node) -> Node {
    entries(node, |entry| match text(&entry.value) {
        Some(target) if &*entry.key == "target" => cleaned(&entry.value, target),
        _ => entry.value.clone(),
    })
}

/// A target as Compose prints it. What has a tag is left for later.
fn cleaned(node: &Node, target: &str) -> Node {
    let clean = clean_path(target);
    if target.is_empty() || clean == target { node.clone() } else { Node::text(node.span, clean) }
}

/// Where the parts of a short form stand.
struct Parts {
    source: Option<Range<usize>>,
    target: Range<usize>,
    options: Option<Range<usize>>,
}

impl Parts {
    fn of(text: &str) -> Result<Parts, Invalid> {
        if let Some(at) = text.find('\0') {
            return Err(Invalid::new(at..at + 1, "a path cannot contain a NUL character"));
        }
        match *sections(text)?.as_slice() {
            [] => Err(Invalid::new(0..0, "the volume is empty").help(FORM)),
            [ref target] => Ok(Parts { source: None, target: target.clone(), options: None }),
            [ref source, ref target, ref rest @ ..] => {
                let (source, target) = (Some(source.clone()), target.clone());
                Ok(Parts { source, target, options: rest.first().cloned() })
            }
        }
    }
}

/// What stands between the colons that are neither part of a variable nor of a Windows drive.
fn sections(text: &str) -> Result<Vec<Range<usize>>, Invalid> {
    // Compose does not look at what is too short for two parts.
    let mut found = Vec::new();
    if text.len() <= 2 {
        found.extend(Some(0..text.len()).filter(|range| !range.is_empty()));
        return Ok(found);
    }
    let (mut start, mut open, mut opened) = (0, 0usize, 0);
    for (at, c) in text.char_indices() {
        match c {
            '$' if text.get(at + 1..).is_some_and(|rest| rest.starts_with('{')) => {
                open += 1;
                opened = at;
            }
            '}' if open > 0 => open -= 1,
            ':' if open == 0 && !is_letter(text.get(start..at).unwrap_or("")) => {
                found.push(section(text, start..at, found.len())?);
                start = at + 1;
            }
            _ => {}
        }
    }
    if open > 0 {
        return Err(Invalid::new(opened..opened + 2, "`${` is not closed in a volume"));
    }
    found.push(section(text, start..text.len(), found.len())?);
    Ok(found)
}

fn is_letter(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next().is_some_and(char::is_alphabetic) && letters.next().is_none()
}

fn section(text: &str, range: Range<usize>, before: usize) -> Result<Range<usize>, Invalid> {
    let last = range.end == text.len();
    if range.is_empty() {
        let colon = if last { range.end - 1..range.end } else { range.end..range.end + 1 };
        return Err(Invalid::new(colon, format!("nothing stands beside a colon in `{text}`")).help(FORM));
    }
    if before >= 2 && !last {
        let message = format!("too many colons in `{text}`");
        return Err(Invalid::new(range.end..text.len(), message).help(FORM));
    }
    Ok(range)
}

/// Compose takes one letter and a colon for a Windows drive, so that `v:/data` is a target with no source.
fn warn_of_drive(x: &mut Expansion<'_>, node: &Node, text: &str, parts: &Parts) {
    let mut start = text.char_indices();
    let (Some((_, letter)), Some((colon, ':'))) = (start.next(), start.next()) else { return };
    let absolute = parts.source.is_some() && slice(text, &parts.target).starts_with('/');
    if !letter.is_alphabetic() || absolute || !text.get(colon + 1..).is_some_and(|rest| rest.starts_with('/'))
    {
        return;
    }
    let message = format!("`{letter}:` is taken for a Windows drive, and not for the volume `{letter}`");
    let draft = x.d.doubt(Code::InvalidValue, message).label(node.at(0..colon + 1), "");
    let help = "give the volume a name of two letters or more, or use the long form with `type: volume`";
    draft.help(help).emit();
}

fn slice<'t>(text: &'t str, range: &Range<usize>) -> &'t str {
    text.get(range.clone()).unwrap_or("")
}

/// What the options of a short form say.
#[derive(Default)]
struct Mount {
    access: Option<Range<usize>>,
    read_only: Option<Range<usize>>,
    nocopy: Option<Range<usize>>,
    propagation: Option<Range<usize>>,
    selinux: Option<Range<usize>>,
}

const OPTIONS: [&str; 11] =
    ["ro", "rw", "nocopy", "z", "Z", "private", "rprivate", "shared", "rshared", "slave", "rslave"];

/// Hints for Docker Desktop.
const HINTS: [&str; 4] = ["cached", "consistent", "default", "delegated"];

impl Mount {
    /// Of options that contradict each other, the last one counts.
    fn read(&mut self, x: &mut Expansion<'_>, node: &Node, text: &str, range: Range<usize>) {
        let mut start = range.start;
        for option in slice(text, &range).split(',') {
            let place = start..start + option.len();
            start = place.end + 1;
            match option {
                "ro" | "rw" => {
                    self.read_only = (option == "ro").then(|| place.clone());
                    replace(x, node, &mut self.access, place);
                }
                "nocopy" => self.nocopy = Some(place),
                "z" | "Z" => replace(x, node, &mut self.selinux, place),
                _ if OPTIONS.contains(&option) => replace(x, node, &mut self.propagation, place),
                _ if option.is_empty() || x.keeps(option) => {}
                _ if HINTS.contains(&option) => hint(x, node, option, place),
                _ => ignored(x, node, option, place),
            }
        }
    }

    fn write(&self, node: &Node, text: &str, parts: &Parts) -> Node {
        let entry = |key, value: Node| Entry::new(key, value.span, value);
        let on = |key, range: &Range<usize>| {
            let span = node.at(range.clone());
            Entry::new(key, span, Node::plain(span, "true"))
        };
        let source = parts.source.as_ref().map(|range| node.part(range.clone()));
        let host = source.as_ref().is_some_and(|source| source.as_str().is_some_and(is_host_path));
        let start = source.as_ref().map_or(node.span, |source| source.span);
        let mut of_bind = Vec::new();
        of_bind.extend(self.propagation.as_ref().map(|range| entry("propagation", node.part(range.clone()))));
        of_bind.extend(host.then(|| Entry::new("create_host_path", start, Node::plain(start, "true"))));
        of_bind.extend(self.selinux.as_ref().map(|range| entry("selinux", node.part(range.clone()))));
        let of_volume: Vec<Entry> = self.nocopy.iter().map(|range| on("nocopy", range)).collect();
        let options = node.at(parts.options.clone().unwrap_or(0..text.len()));
        let target = cleaned(&node.part(parts.target.clone()), slice(text, &parts.target));

        let mut mount = vec![entry("type", Node::text(start, if host { "bind" } else { "volume" }))];
        mount.extend(source.map(|source| entry("source", source)));
        mount.push(entry("target", target));
        mount.extend(self.read_only.as_ref().map(|range| on("read_only", range)));
        if !of_bind.is_empty() {
            mount.push(entry("bind", Node::map(options, of_bind)));
        }
        if !of_volume.is_empty() || (!host && text.len() > 2) {
            mount.push(entry("volume", Node::map(options, of_volume)));
        }
        Node::map(node.span, mount)
    }
}

/// Of two options that contradict each other Compose takes the last one; Docker refuses both.
fn replace(x: &mut Expansion<'_>, node: &Node, option: &mut Option<Range<usize>>, place: Range<usize>) {
    let text = node.as_str().unwrap_or_default();
    let before = option.replace(place.clone());
    let Some(before) = before.filter(|before| slice(text, before) != slice(text, &place)) else { return };
    let message = format!("`{}` and `{}` contradict each other", slice(text, &before), slice(text, &place));
    let draft = x.d.doubt(Code::Conflict, message).label(node.at(place), "Compose takes this");
    draft.label(node.at(before), "and drops this").help("remove one of them").emit();
}

fn hint(x: &mut Expansion<'_>, node: &Node, option: &str, place: Range<usize>) {
    let draft = x.d.warning(Code::NoPlace, format!("`{option}` means nothing on Linux"));
    draft.label(node.at(place), "for Docker Desktop alone").help("remove it").emit();
}

fn ignored(x: &mut Expansion<'_>, node: &Node, option: &str, place: Range<usize>) {
    let message = format!("Compose does not know the option `{option}` of a volume, and ignores it");
    let known = if x.d.warnings() < 100 { nearest(option, OPTIONS) } else { None };
    let draft = x.d.doubt(Code::InvalidValue, message).label(node.at(place), "");
    let help = "the options are ro, rw, nocopy, z, Z, and [r]private, [r]shared or [r]slave";
    draft.help(help).did_you_mean(known).emit();
}

/// Whether a source is a path of the host, and not the name of a volume.
fn is_host_path(source: &str) -> bool {
    let drive = || source.split_once(':').is_some_and(|(drive, _)| is_letter(drive));
    source.starts_with(['.', '/', '~']) || source.starts_with(r"\\") || drive()
}
