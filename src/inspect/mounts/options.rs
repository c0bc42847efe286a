//! The options of mounts.

/// How mounts below a mount travel.
const PROPAGATIONS: [&str; 6] = ["private", "rprivate", "shared", "rshared", "slave", "rslave"];

/// The options of a bind mount, as a build writes them.
#[derive(PartialEq, Eq)]
pub(super) struct Bind<'o> {
    pub recursive: bool,
    pub access: Access,
    pub propagation: Option<&'o str>,
}

/// Whether the container may write.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Write,
    Read,
    /// Nor what is mounted below.
    ReadAll,
}

impl<'o> Bind<'o> {
    /// Nothing where a build would not write them so.
    pub(super) fn of(options: &[&'o str]) -> Option<Self> {
        let (first, rest) = options.split_first()?;
        let recursive = match *first {
            "bind" => false,
            "rbind" => true,
            _ => return None,
        };
        let (access, rest) = match rest.split_first() {
            Some((&"ro", rest)) => (Access::Read, rest),
            Some((&"rro", rest)) => (Access::ReadAll, rest),
            _ => (Access::Write, rest),
        };
        let propagation = match rest {
            [] => None,
            [one] if PROPAGATIONS.contains(one) => Some(*one),
            _ => return None,
        };
        Some(Bind { recursive, access, propagation })
    }
}
