//! Who a container runs as: Docker's reading of `user: NAME[:GROUP]`, `/etc/passwd` and `/etc/group`.
//!
//! Follows `GetExecUser` of `moby/sys/user`. It differs in one point: a line whose numbers are not numbers, or are
//! out of range, is no line here, where Docker reads such a number as 0 and makes its user root.

use std::ops::Range;

use crate::diag::Invalid;
use crate::nearest::nearest;

/// The largest id, as in Docker: a larger one is negative, and then root, for some programs (CVE-2024-40635).
const MAX_ID: u32 = 0x7fff_ffff;

/// Who a process runs as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The user id.
    pub uid: u32,
    /// The primary group.
    pub gid: u32,
    /// The primary group, then the groups that list the user, in the order of `/etc/group` and each once.
    pub additional_gids: Vec<u32>,
    /// The home directory, for a user that `/etc/passwd` knows.
    pub home: Option<String>,
}

struct Account<'t> {
    name: &'t str,
    uid: u32,
    gid: u32,
    home: Option<&'t str>,
}

struct Group<'t> {
    name: &'t str,
    gid: u32,
    members: &'t str,
}

/// One half of `user:group`.
#[derive(Clone, Copy)]
enum Wanted<'t> {
    Id(u32),
    Name(&'t str),
}

impl Wanted<'_> {
    fn is(self, name: &str, id: u32) -> bool {
        match self {
            Wanted::Id(wanted) => wanted == id,
            Wanted::Name(wanted) => wanted == name,
        }
    }
}

/// Resolves `USER[:GROUP]`, each a name or a number, against the texts of the image's `/etc/passwd` and
/// `/etc/group`. An empty user is root. A group that is written out stands alone: nobody is looked up in
/// `/etc/group` then.
pub fn resolve_user(spec: &str, passwd: Option<&str>, group: Option<&str>) -> Result<User, Invalid> {
    let (user_text, group_text) = spec.split_once(':').unwrap_or((spec, ""));
    let group_range = spec.len() - group_text.len()..spec.len();
    let wanted = wanted(user_text, 0..user_text.len(), "user")?;
    let wanted_group = self::wanted(group_text, group_range.clone(), "group")?;

    let account = accounts(passwd).find(|a| wanted.unwrap_or(Wanted::Id(0)).is(a.name, a.uid));
    let (uid, primary) = match (&account, wanted) {
        (Some(account), _) => (account.uid, account.gid),
        (None, None) => (0, 0),
        // As Docker does: an id that nobody knows has root's group.
        (None, Some(Wanted::Id(uid))) => (uid, 0),
        (None, Some(Wanted::Name(name))) => {
            return Err(unknown("user", name, 0..name.len(), "/etc/passwd", passwd));
        }
    };
    let gid = wanted_group.map_or(Ok(primary), |wanted| find_group(wanted, group_range, group))?;
    let mut additional_gids = vec![gid];
    if let (None, Some(account)) = (wanted_group, &account) {
        let listed = |g: &Group<'_>| g.members.split(',').any(|member| member == account.name);
        for found in groups(group).filter(listed) {
            if !additional_gids.contains(&found.gid) {
                additional_gids.push(found.gid);
            }
        }
    }
    let home = account.and_then(|account| account.home).map(ToOwned::to_owned);
    Ok(User { uid, gid, additional_gids, home })
}

/// Whether who is meant stands in the text itself: two numbers, for which no table is asked.
pub fn is_numeric(spec: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    spec.split_once(':').is_some_and(|(user, group)| number(user) && number(group))
}

/// Whether a group is given by its number.
pub fn is_number(spec: &str) -> bool {
    let digits = spec.strip_prefix(['+', '-']).unwrap_or(spec);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Resolves a group by name or number, as `group_add` names it, against the text of `/etc/group`.
pub fn resolve_group(spec: &str, group: Option<&str>) -> Result<u32, Invalid> {
    match wanted(spec, 0..spec.len(), "group")? {
        Some(wanted) => find_group(wanted, 0..spec.len(), group),
        None => Err(Invalid::whole(spec, "the group is empty")),
    }
}

fn find_group(wanted: Wanted<'_>, range: Range<usize>, group: Option<&str>) -> Result<u32, Invalid> {
    match (groups(group).find(|g| wanted.is(g.name, g.gid)), wanted) {
        (Some(found), _) => Ok(found.gid),
        (None, Wanted::Id(gid)) => Ok(gid),
        (None, Wanted::Name(name)) => Err(unknown("group", name, range, "/etc/group", group)),
    }
}

/// A number is never a name, even if a user has it as a name, and even if it is out of range.
fn wanted<'t>(text: &'t str, range: Range<usize>, what: &str) -> Result<Option<Wanted<'t>>, Invalid> {
    if text.is_empty() {
        return Ok(None);
    }
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(Some(Wanted::Name(text)));
    }
    // `+7` and `-0` are numbers for Docker.
    let id = match text.strip_prefix('-') {
        Some(digits) => digits.bytes().all(|b| b == b'0').then_some(0),
        None => digits.parse().ok().filter(|id| *id <= MAX_ID),
    };
    match id {
        Some(id) => Ok(Some(Wanted::Id(id))),
        None => Err(Invalid::new(range, format!("{what} id {text} is not in the range 0 to {MAX_ID}"))),
    }
}

fn unknown(what: &str, name: &str, range: Range<usize>, file: &str, text: Option<&str>) -> Invalid {
    let message = match text {
        Some(_) => format!("{file} in the root file system has no {what} `{name}`"),
        None => format!("there is no {what} `{name}`: the root file system has no {file}"),
    };
    let known = text.into_iter().flat_map(|text| text.lines().filter_map(|line| line.split(':').next()));
    let invalid = Invalid::new(range, message);
    invalid.help(format!("use a name that {file} has, or a number")).did_you_mean(nearest(name, known))
}

fn accounts(passwd: Option<&str>) -> impl Iterator<Item = Account<'_>> {
    lines(passwd).filter_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let uid = fields.nth(1).and_then(id)?;
        let gid = fields.next().and_then(id)?;
        let home = fields.nth(1).filter(|home| !home.is_empty());
        Some(Account { name, uid, gid, home })
    })
}

fn groups(group: Option<&str>) -> impl Iterator<Item = Group<'_>> {
    lines(group).filter_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let gid = fields.nth(1).and_then(id)?;
        Some(Group { name, gid, members: fields.next().unwrap_or_default() })
    })
}

fn lines(text: Option<&str>) -> impl Iterator<Item = &str> {
    text.unwrap_or_default().lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn id(text: &str) -> Option<u32> {
    text.parse().ok().filter(|id| *id <= MAX_ID)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "\
root:x:0:0:root:/root:/bin/sh
# comment
junk
bad:x:abc:0::/:/bin/sh
huge:x:4294967296:0::/:/bin/sh
4294967296:x:0:0::/root:/bin/sh
1001:x:0:0::/root:/bin/sh
app:x:1000:50:App:/home/app:/bin/sh
  nobody:x:65534:65534:nobody:/:/bin/false
nohome:x:1002:1002
";
    const GROUP: &str = "\
root:x:0:root
wheel:x:10:root
staff:x:50:
games:x:60:app,other
data:x:70:other,app
oracle:x:1234:nobody
app:x:50:app
broken:x:xyz:app
";

    fn user(spec: &str) -> (u32, u32, Vec<u32>, Option<String>) {
        let user = resolve_user(spec, Some(PASSWD), Some(GROUP)).unwrap_or_else(|e| panic!("{spec}: {e}"));
        (user.uid, user.gid, user.additional_gids, user.home)
    }

    #[test]
    fn users_are_resolved_as_docker_does() {
        let home = |text: &str| Some(text.to_owned());
        let table = [
            ("", (0, 0, vec![0, 10], home("/root"))),
            ("root", (0, 0, vec![0, 10], home("/root"))),
            ("0", (0, 0, vec![0, 10], home("/root"))),
            ("app", (1000, 50, vec![50, 60, 70], home("/home/app"))),
            ("1000", (1000, 50, vec![50, 60, 70], home("/home/app"))),
            ("+1000", (1000, 50, vec![50, 60, 70], home("/home/app"))),
            ("app:", (1000, 50, vec![50, 60, 70], home("/home/app"))),
            ("app:data", (1000, 70, vec![70], home("/home/app"))),
            ("app:4242", (1000, 4242, vec![4242], home("/home/app"))),
            (":games", (0, 60, vec![60], home("/root"))),
            ("4711", (4711, 0, vec![0], None)),
            ("1000:2000", (1000, 2000, vec![2000], home("/home/app"))),
            ("1001", (1001, 0, vec![0], None)),
            ("nobody", (65534, 65534, vec![65534, 1234], home("/"))),
            ("nohome", (1002, 1002, vec![1002], None)),
            ("2147483647", (2_147_483_647, 0, vec![0], None)),
        ];
        for (spec, want) in table {
            assert_eq!(user(spec), want, "{spec}");
        }
    }

    #[test]
    fn without_files_only_numbers_are_known() {
        assert_eq!(resolve_user("", None, None).unwrap().additional_gids, [0]);
        assert_eq!(resolve_user("7:8", None, None).unwrap().gid, 8);
        let error = resolve_user("app", None, None).unwrap_err();
        assert_eq!(error.message, "there is no user `app`: the root file system has no /etc/passwd");
    }

    #[test]
    fn what_cannot_be_resolved_is_refused_at_its_place() {
        let table = [
            ("nosuch", 0..6),
            ("bad", 0..3),
            ("huge", 0..4),
            ("app:nosuch", 4..10),
            ("app:broken", 4..10),
            ("app:staff:x", 4..11),
            ("2147483648", 0..10),
            ("4294967296", 0..10),
            ("-1", 0..2),
            ("1000:5000000000", 5..15),
            ("99999999999999999999999999", 0..26),
            ("app:-1", 4..6),
        ];
        for (spec, range) in table {
            let error = resolve_user(spec, Some(PASSWD), Some(GROUP)).expect_err(spec);
            assert_eq!(error.range, range, "{spec}: {error}");
        }
    }

    #[test]
    fn groups_are_names_or_numbers() {
        assert_eq!(resolve_group("games", Some(GROUP)), Ok(60));
        assert_eq!(resolve_group("4242", Some(GROUP)), Ok(4242));
        assert_eq!(resolve_group("4242", None), Ok(4242));
        assert!(resolve_group("", Some(GROUP)).is_err());
        assert!(resolve_group("nosuch", Some(GROUP)).is_err());
        assert!(resolve_group("4294967296", Some(GROUP)).is_err());
    }
}
