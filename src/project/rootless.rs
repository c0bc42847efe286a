//! Bundles that a user without rights runs, and who the users of their containers are on the host.

pub(super) mod network;
pub(super) mod proot;

use super::Choices;
use crate::compose::Extension;
use crate::compose::value::idmap::{HostUser, IdMap, IdRange, Whose};
use crate::diag::{Code, Diagnostics, Draft, Reported};
use crate::source::Span;

/// Who runs bundles without root.
#[derive(Clone, Debug)]
pub struct Rootless {
    /// Who it is on the host: given, and never guessed.
    pub user: HostUser,
    /// The users and groups of the containers, where they are given.
    pub mapping: Option<Mapping>,
    /// Where the Compose file says so; `None` where the command line does.
    pub written: Option<Span>,
}

/// The users and groups that a container has, sorted by their numbers in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// The users.
    pub users: Vec<IdRange>,
    /// The groups.
    pub groups: Vec<IdRange>,
}

/// A range with its place, if it has one.
type Given = (IdMap, Option<Span>);

/// What was chosen, else what is written.
pub(super) fn rootless(
    d: &mut Diagnostics,
    extension: &Extension,
    choices: &Choices,
) -> Result<Option<Rootless>, Reported> {
    let written = extension.rootless.map(|user| (user.value, Some(user.span)));
    let user = choices.rootless.map(|user| (user, None)).or(written);
    let mut maps: Vec<Given> = choices.userns_map.iter().map(|map| (*map, None)).collect();
    if maps.is_empty() {
        maps = extension.userns_map.iter().map(|map| (map.value, Some(map.span))).collect();
    }
    let Some((user, written)) = user else {
        let Some((_, span)) = maps.first() else { return Ok(None) };
        let draft = d.error(Code::MissingKey, "users are mapped, but nobody runs the bundles without root");
        return Err(placed(draft, *span, "").help("say who does, with `rootless: UID`").emit());
    };
    let mapping = if maps.is_empty() { None } else { Some(mapping(d, &maps)?) };
    Ok(Some(Rootless { user, mapping, written }))
}

fn placed<'d, T>(draft: Draft<'d, T>, span: Option<Span>, text: &str) -> Draft<'d, T> {
    match span {
        Some(span) => draft.label(span, text),
        None => draft,
    }
}

fn mapping(d: &mut Diagnostics, maps: &[Given]) -> Result<Mapping, Reported> {
    let users = ranges(d, maps, Whose::Users, "users");
    let groups = ranges(d, maps, Whose::Groups, "groups");
    Ok(Mapping { users: users?, groups: groups? })
}

fn ranges(d: &mut Diagnostics, maps: &[Given], whose: Whose, word: &str) -> Result<Vec<IdRange>, Reported> {
    let mut own: Vec<Given> =
        maps.iter().filter(|(map, _)| map.whose == whose || map.whose == Whose::Both).copied().collect();
    if own.is_empty() {
        let draft = d.error(Code::MissingKey, format!("no {word} are mapped"));
        let span = maps.first().and_then(|(_, span)| *span);
        return Err(placed(draft, span, "").help("map them too: a container has both").emit());
    }
    let before = d.errors();
    own.sort_by_key(|(map, _)| map.range.host);
    apart(d, &own, whose, "on the host", |range| range.host);
    own.sort_by_key(|(map, _)| map.range.container);
    apart(d, &own, whose, "in the container", |range| range.container);
    if d.errors() > before {
        d.failed()?;
    }
    Ok(own.into_iter().map(|(map, _)| map.range).collect())
}

/// Of two ranges that lie on each other, some neighbours do, once they are sorted. The kernel takes no such map.
fn apart(d: &mut Diagnostics, sorted: &[Given], whose: Whose, place: &str, start: fn(&IdRange) -> u32) {
    for pair in sorted.windows(2) {
        let [(one, first), (other, second)] = pair else { continue };
        // What is wrong with both users and groups was said of the users.
        let said = whose == Whose::Groups && one.whose == Whose::Both && other.whose == Whose::Both;
        let end = u64::from(start(&one.range)) + u64::from(one.range.size);
        if !said && u64::from(start(&other.range)) < end {
            let message = format!("the ranges `{one}` and `{other}` have the same numbers {place}");
            let draft = placed(d.error(Code::Conflict, message), *second, "");
            placed(draft, *first, "the other one").emit();
        }
    }
}
