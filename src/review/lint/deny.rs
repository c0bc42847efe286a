//! Which findings are too much: what `--deny` names.

use std::fmt;
use std::str::FromStr;

use super::{Finding, RuleName, Severity};
use crate::diag::Invalid;
use crate::nearest::nearest;

/// Findings that are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deny {
    /// Those of a rule.
    Rule(RuleName),
    /// Those that matter so much, or more.
    Severity(Severity),
}

impl Deny {
    /// Whether a finding is refused; one that is allowed never is.
    pub fn refuses(self, finding: &Finding) -> bool {
        let named = match self {
            Deny::Rule(rule) => finding.rule == rule,
            Deny::Severity(severity) => finding.severity >= severity,
        };
        named && finding.allowed.is_none()
    }
}

impl FromStr for Deny {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if let Ok(severity) = text.parse() {
            return Ok(Deny::Severity(severity));
        }
        text.parse().map(Deny::Rule).map_err(|_| {
            let severities = Severity::ALL.into_iter().map(Severity::as_str);
            let rules = RuleName::ALL.iter().map(|rule| rule.as_str());
            let invalid = Invalid::whole(text, format!("`{text}` is neither a rule nor a severity"));
            invalid.did_you_mean(nearest(text, severities.chain(rules)))
        })
    }
}

impl fmt::Display for Deny {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Deny::Rule(rule) => rule.fmt(f),
            Deny::Severity(severity) => severity.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_severity_is_that_and_what_is_worse() {
        let finding = |severity, allowed: Option<&str>| Finding {
            rule: RuleName::HostPid,
            severity,
            bundle: "web".to_owned(),
            pointer: String::new(),
            about: String::new(),
            message: String::new(),
            allowed: allowed.map(str::to_owned),
            at: None,
        };
        let high: Deny = "high".parse().unwrap();
        assert!(high.refuses(&finding(Severity::Critical, None)));
        assert!(high.refuses(&finding(Severity::High, None)));
        assert!(!high.refuses(&finding(Severity::Medium, None)));
        assert!(!high.refuses(&finding(Severity::High, Some("meant"))));
        let rule: Deny = "host-pid".parse().unwrap();
        assert!(rule.refuses(&finding(Severity::Low, None)));
        assert!(!"host-ipc".parse::<Deny>().unwrap().refuses(&finding(Severity::Low, None)));
    }

    #[test]
    fn a_slip_is_named() {
        let invalid = "hihg".parse::<Deny>().unwrap_err();
        assert_eq!(invalid.help.as_deref(), Some("did you mean `high`?"));
        let invalid = "host-pidd".parse::<Deny>().unwrap_err();
        assert_eq!(invalid.message, "`host-pidd` is neither a rule nor a severity");
        assert_eq!(invalid.help.as_deref(), Some("did you mean `host-pid`?"));
    }
}
