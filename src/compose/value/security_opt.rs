//! An item of `security_opt`, as Docker's command line writes it: `KEY=VALUE`, `KEY:VALUE` or a bare key.

use std::str::FromStr;

use super::moved;
use crate::diag::{Code, Invalid};
use crate::nearest::nearest;

/// One choice about confinement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecurityOpt {
    /// Which system calls are allowed.
    Seccomp(SeccompChoice),
    /// Whether the process may gain privileges, by a set-id program for one.
    NoNewPrivileges(bool),
    /// The AppArmor profile, which the host must have loaded. `unconfined` is what a bundle has without one.
    Apparmor(String),
    /// What SELinux takes the container for.
    Label(Label),
    /// `systempaths=unconfined`: no masked and no read-only paths.
    SystemPaths,
    /// Whether the container may make control groups below its own.
    WritableCgroups(bool),
}

/// A choice about SELinux.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Label {
    /// No label: what a bundle has that is not asked for one.
    Disable,
    /// A part of a label.
    Part(LabelPart, String),
}

/// The parts of labels that can be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LabelPart {
    /// The user of SELinux, of processes and files.
    User,
    /// The role of processes.
    Role,
    /// The type of processes.
    Type,
    /// The level, with its categories, of processes and files.
    Level,
    /// The type of files.
    FileType,
}

impl LabelPart {
    /// Every part.
    pub const ALL: [LabelPart; 5] =
        [LabelPart::User, LabelPart::Role, LabelPart::Type, LabelPart::Level, LabelPart::FileType];

    /// The word for it in `security_opt`.
    pub fn name(self) -> &'static str {
        match self {
            LabelPart::User => "user",
            LabelPart::Role => "role",
            LabelPart::Type => "type",
            LabelPart::Level => "level",
            LabelPart::FileType => "filetype",
        }
    }
}

/// Where the seccomp profile comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SeccompChoice {
    /// Every system call is allowed.
    Unconfined,
    /// Docker's default profile.
    Builtin,
    /// A file, relative to the project directory.
    File(String),
    /// The profile itself, as Docker's API has it.
    Inline(String),
}

const KEYS: &[&str] =
    &["seccomp", "no-new-privileges", "apparmor", "label", "systempaths", "writable-cgroups"];

impl FromStr for SecurityOpt {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let at = text.find(['=', ':']);
        let (key, value) = at.map_or((text, None), |at| (text.get(..at).unwrap_or(""), text.get(at + 1..)));
        match (key, value) {
            ("seccomp", Some(value)) if !value.is_empty() => Ok(SecurityOpt::Seccomp(match value {
                "unconfined" => SeccompChoice::Unconfined,
                "builtin" => SeccompChoice::Builtin,
                profile if profile.starts_with('{') => SeccompChoice::Inline(profile.to_owned()),
                file => SeccompChoice::File(file.to_owned()),
            })),
            ("apparmor", Some(value)) if !value.is_empty() => Ok(SecurityOpt::Apparmor(value.to_owned())),
            ("no-new-privileges", value) => switch(key, value).map(SecurityOpt::NoNewPrivileges),
            ("writable-cgroups", value) => switch(key, value).map(SecurityOpt::WritableCgroups),
            ("label", Some(value)) => {
                label(value).map(SecurityOpt::Label).map_err(|invalid| moved(invalid, key.len() + 1))
            }
            ("systempaths", Some("unconfined")) => Ok(SecurityOpt::SystemPaths),
            ("systempaths", Some(value)) => {
                let range = key.len() + 1..text.len();
                let invalid =
                    Invalid::new(range, format!("`systempaths` is `unconfined`, and not `{value}`"));
                Err(invalid.help("leave it away to have them confined"))
            }
            ("seccomp" | "apparmor" | "systempaths", _) => {
                let message = format!("`{key}` needs a value");
                Err(Invalid::whole(text, message).help(needed(key)))
            }
            ("label", None) => Err(Invalid::whole(text, "`label` needs a value").help(LABELS)),
            ("", _) => Err(Invalid::whole(text, "the name of a security option is missing")),
            _ => {
                let invalid = Invalid::new(0..key.len(), format!("no security option is called `{key}`"));
                Err(invalid.did_you_mean(nearest(key, KEYS.iter().copied())))
            }
        }
    }
}

fn needed(key: &str) -> String {
    match key {
        "systempaths" => "write `systempaths=unconfined`".to_owned(),
        _ => format!("write `{key}=…`, or `{key}=unconfined`"),
    }
}

/// As Docker reads it (`strconv.ParseBool` of Go); a key alone is `true`.
fn switch(key: &str, value: Option<&str>) -> Result<bool, Invalid> {
    match value {
        None | Some("1" | "t" | "T" | "true" | "TRUE" | "True") => Ok(true),
        Some("0" | "f" | "F" | "false" | "FALSE" | "False") => Ok(false),
        Some(value) => {
            let range = key.len() + 1..key.len() + 1 + value.len();
            Err(Invalid::new(range, format!("`{key}` is `true` or `false`, and not `{value}`")))
        }
    }
}

const LABELS: &str =
    "write `label=disable`, or `label=PART:VALUE` with a part such as `type`: `label=type:container_t`";

/// As Docker does (`label.InitLabels` of opencontainers/selinux): `disable`, or a part and its value.
fn label(text: &str) -> Result<Label, Invalid> {
    if text == "disable" {
        return Ok(Label::Disable);
    }
    if text == "nested" {
        let invalid =
            Invalid::whole(text, "`label=nested` is an option of Podman, which a bundle has no place for");
        return Err(invalid.code(Code::NotSupported).help("leave it away: SELinux stays as the host has it"));
    }
    let (name, value) = text.split_once(':').unwrap_or((text, ""));
    let Some(part) = LabelPart::ALL.into_iter().find(|part| part.name() == name) else {
        let invalid =
            Invalid::new(0..name.len(), format!("no part of a label is called `{name}`")).help(LABELS);
        let known = LabelPart::ALL.iter().map(|part| part.name()).chain(["disable"]);
        return Err(invalid.did_you_mean(nearest(name, known)));
    };
    let foreign = |c: char| !c.is_ascii_graphic() || (c == ':' && part != LabelPart::Level);
    let start = text.len() - value.len();
    if let Some((at, c)) = value.char_indices().find(|(_, c)| foreign(*c)) {
        let range = start + at..start + at + c.len_utf8();
        return Err(Invalid::new(
            range,
            format!("`{}` cannot stand in the {name} of a label", c.escape_debug()),
        ));
    }
    if value.is_empty() {
        return Err(Invalid::whole(text, format!("the {name} of the label is missing")).help(LABELS));
    }
    Ok(Label::Part(part, value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_with_either_separator() {
        let file = |name: &str| SecurityOpt::Seccomp(SeccompChoice::File(name.into()));
        let table = [
            ("seccomp=unconfined", SecurityOpt::Seccomp(SeccompChoice::Unconfined)),
            ("seccomp:builtin", SecurityOpt::Seccomp(SeccompChoice::Builtin)),
            ("seccomp:./a=b.json", file("./a=b.json")),
            ("seccomp=C:x", file("C:x")),
            ("seccomp={\"a\": 1}", SecurityOpt::Seccomp(SeccompChoice::Inline("{\"a\": 1}".into()))),
            ("no-new-privileges", SecurityOpt::NoNewPrivileges(true)),
            ("no-new-privileges:false", SecurityOpt::NoNewPrivileges(false)),
            ("apparmor=unconfined", SecurityOpt::Apparmor("unconfined".into())),
            ("label=disable", SecurityOpt::Label(Label::Disable)),
            ("label:type:a_t", SecurityOpt::Label(Label::Part(LabelPart::Type, "a_t".into()))),
            ("label=level:s0:c1,c2", SecurityOpt::Label(Label::Part(LabelPart::Level, "s0:c1,c2".into()))),
            ("systempaths:unconfined", SecurityOpt::SystemPaths),
            ("writable-cgroups", SecurityOpt::WritableCgroups(true)),
            ("writable-cgroups=0", SecurityOpt::WritableCgroups(false)),
        ];
        for (text, want) in table {
            assert_eq!(text.parse(), Ok(want), "{text}");
        }
    }

    #[test]
    fn mistakes_are_shown_at_their_place() {
        let table = [
            ("seccomp=", 0..8, "`seccomp` needs a value"),
            ("no-new-privileges=maybe", 18..23, "`no-new-privileges` is `true` or `false`, and not `maybe`"),
            ("label=tpye:x", 6..10, "no part of a label is called `tpye`"),
            ("label:type:", 6..11, "the type of the label is missing"),
            ("label=type:a:b", 12..13, "`:` cannot stand in the type of a label"),
            ("label=user:a b", 12..13, "` ` cannot stand in the user of a label"),
            ("systempaths=confined", 12..20, "`systempaths` is `unconfined`, and not `confined`"),
            ("secomp=x", 0..6, "no security option is called `secomp`"),
        ];
        for (text, range, message) in table {
            let invalid = text.parse::<SecurityOpt>().unwrap_err();
            assert_eq!((invalid.range, invalid.message.as_str()), (range, message), "{text}");
        }
    }
}
