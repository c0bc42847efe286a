//! An item of `security_opt`, as Docker's command line writes it: `KEY=VALUE`, `KEY:VALUE` or a bare key.

use std::str::FromStr;

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
                file => SeccompChoice::File(file.to_owned()),
            })),
            ("apparmor", Some(value)) if !value.is_empty() => Ok(SecurityOpt::Apparmor(value.to_owned())),
            ("no-new-privileges", None | Some("true")) => Ok(SecurityOpt::NoNewPrivileges(true)),
            ("no-new-privileges", Some("false")) => Ok(SecurityOpt::NoNewPrivileges(false)),
            ("no-new-privileges", Some(value)) => {
                let range = key.len() + 1..text.len();
                Err(Invalid::new(
                    range,
                    format!("`no-new-privileges` is `true` or `false`, and not `{value}`"),
                ))
            }
            ("seccomp" | "apparmor", _) => {
                let message = format!("`{key}` needs a value");
                Err(Invalid::whole(text, message).help(format!("write `{key}=…`, or `{key}=unconfined`")))
            }
            ("label" | "systempaths" | "writable-cgroups", _) => {
                let message = format!("the security option `{key}` is not supported yet");
                Err(Invalid::new(0..key.len(), message).code(Code::NotSupported))
            }
            ("", _) => Err(Invalid::whole(text, "the name of a security option is missing")),
            _ => {
                let invalid = Invalid::new(0..key.len(), format!("no security option is called `{key}`"));
                Err(invalid.did_you_mean(nearest(key, KEYS.iter().copied())))
            }
        }
    }
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
            ("no-new-privileges", SecurityOpt::NoNewPrivileges(true)),
            ("no-new-privileges:false", SecurityOpt::NoNewPrivileges(false)),
            ("apparmor=unconfined", SecurityOpt::Apparmor("unconfined".into())),
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
            ("label=disable", 0..5, "the security option `label` is not supported yet"),
            ("secomp=x", 0..6, "no security option is called `secomp`"),
        ];
        for (text, range, message) in table {
            let invalid = text.parse::<SecurityOpt>().unwrap_err();
            assert_eq!((invalid.range, invalid.message.as_str()), (range, message), "{text}");
        }
    }
}
