//! Signal names, as in `stop_signal`. See signal(7).

use std::fmt;
use std::str::FromStr;

use crate::diag::Invalid;
use crate::nearest::nearest;

/// The signals that have one number on every architecture but MIPS, and their other names.
const NAMES: &[&str] = &[
    "SIGABRT",
    "SIGALRM",
    "SIGBUS",
    "SIGCHLD",
    "SIGCLD",
    "SIGCONT",
    "SIGFPE",
    "SIGHUP",
    "SIGILL",
    "SIGINT",
    "SIGIO",
    "SIGIOT",
    "SIGKILL",
    "SIGPIPE",
    "SIGPOLL",
    "SIGPROF",
    "SIGPWR",
    "SIGQUIT",
    "SIGSEGV",
    "SIGSTKFLT",
    "SIGSTOP",
    "SIGSYS",
    "SIGTERM",
    "SIGTRAP",
    "SIGTSTP",
    "SIGTTIN",
    "SIGTTOU",
    "SIGURG",
    "SIGUSR1",
    "SIGUSR2",
    "SIGVTALRM",
    "SIGWINCH",
    "SIGXCPU",
    "SIGXFSZ",
    "SIGRTMIN",
    "SIGRTMAX",
];

/// The highest signal number of Linux: SIGRTMAX.
const LAST: u8 = 64;

/// The farthest a real-time signal may be from the two ends of their range; between 34 and 64 every number has
/// exactly one name, as in `kill -l`.
const ABOVE_RTMIN: u8 = 15;
const BELOW_RTMAX: u8 = 14;

/// A signal in one spelling per name: `SIGTERM`, `SIGRTMIN+3`, or the number where a number was written. A number is
/// not turned into a name, because some mean different signals on different architectures.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signal(String);

impl Signal {
    /// The name or the decimal number.
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl FromStr for Signal {
    type Err = Invalid;

    /// As Docker does (moby/sys `signal.ParseSignal`): any case, with or without `SIG`, or a number. Docker takes
    /// any number; what is not a signal is refused here instead of when the container is stopped.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return number(text);
        }
        let upper = text.to_ascii_uppercase();
        let name = format!("SIG{}", upper.strip_prefix("SIG").unwrap_or(&upper));
        if NAMES.contains(&name.as_str()) || is_real_time(&name) {
            return Ok(Signal(name));
        }
        Err(unknown(text, &name))
    }
}

fn number(text: &str) -> Result<Signal, Invalid> {
    match text.parse::<u8>() {
        Ok(number @ 1..=LAST) => Ok(Signal(number.to_string())),
        _ => Err(Invalid::whole(text, format!("{text} is not a signal number"))
            .help(format!("signals are numbered from 1 to {LAST}"))),
    }
}

/// `SIGRTMIN+n` or `SIGRTMAX-n`, the number without leading zeros.
fn is_real_time(name: &str) -> bool {
    let within = |number: &str, last: u8| {
        !number.starts_with(['0', '+']) && number.parse::<u8>().is_ok_and(|number| number <= last)
    };
    name.strip_prefix("SIGRTMIN+").is_some_and(|number| within(number, ABOVE_RTMIN))
        || name.strip_prefix("SIGRTMAX-").is_some_and(|number| within(number, BELOW_RTMAX))
}

fn unknown(text: &str, name: &str) -> Invalid {
    let invalid = Invalid::whole(text, format!("unknown signal `{text}`"));
    if name.starts_with("SIGRT") {
        return invalid.help(format!(
            "real-time signals are SIGRTMIN to SIGRTMIN+{ABOVE_RTMIN} and SIGRTMAX-{BELOW_RTMAX} to SIGRTMAX"
        ));
    }
    // Without the prefix, which is half of a short name, so that `FOO` is not near to `SIGIO`.
    let bare = |name: &'static str| name.strip_prefix("SIG").unwrap_or(name);
    match nearest(name.strip_prefix("SIG").unwrap_or(name), NAMES.iter().map(|name| bare(name))) {
        Some(near) => invalid.help(format!("did you mean `SIG{near}`?")),
        None => invalid,
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepted() {
        for (text, want) in [
            ("SIGTERM", "SIGTERM"),
            ("TERM", "SIGTERM"),
            ("sigterm", "SIGTERM"),
            ("Term", "SIGTERM"),
            ("15", "15"),
            ("015", "15"),
            ("64", "64"),
            ("SIGRTMIN", "SIGRTMIN"),
            ("SIGRTMIN+3", "SIGRTMIN+3"),
            ("rtmin+15", "SIGRTMIN+15"),
            ("RTMAX-14", "SIGRTMAX-14"),
            ("SIGRTMAX", "SIGRTMAX"),
            ("SIGCLD", "SIGCLD"),
        ] {
            assert_eq!(
                text.parse::<Signal>().map(|signal| signal.to_string()),
                Ok(want.to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn refused() {
        let rt = "real-time signals are SIGRTMIN to SIGRTMIN+15 and SIGRTMAX-14 to SIGRTMAX";
        let numbers = "signals are numbered from 1 to 64";
        for (text, help) in [
            ("SIGTREM", Some("did you mean `SIGTERM`?")),
            ("TEMR", Some("did you mean `SIGTERM`?")),
            ("SIGINTR", Some("did you mean `SIGINT`?")),
            ("SIGSIGTERM", None),
            ("FOO", None),
            ("", None),
            ("SIG", None),
            ("-15", None),
            ("SIGTERM ", Some("did you mean `SIGTERM`?")),
            ("0", Some(numbers)),
            ("65", Some(numbers)),
            ("4294967311", Some(numbers)),
            ("SIGRTMIN+16", Some(rt)),
            ("SIGRTMIN+03", Some(rt)),
            ("SIGRTMIN+0", Some(rt)),
            ("SIGRTMIN++3", Some(rt)),
            ("SIGRTMAX-15", Some(rt)),
        ] {
            let invalid = text.parse::<Signal>().expect_err(text);
            assert_eq!(invalid.help.as_deref(), help, "{text}");
        }
    }
}
