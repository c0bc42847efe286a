//! Kernel parameters and limits of a process.

use std::rc::Rc;

use super::decode::{Expected, Table, all, integer, pairs, wrong_type};
use super::value::rlimit::RlimitKind;
use super::value::sysctl::Sysctl as Parameter;
use crate::diag::{Code, Diagnostics, Reported};
use crate::source::Spanned;
use crate::yaml::{Entry, Node, Value};

/// A kernel parameter.
#[derive(Clone, Debug)]
pub struct Sysctl {
    /// Its name with dots.
    pub key: Spanned<Parameter>,
    /// Its value as the kernel reads it.
    pub value: Spanned<Rc<str>>,
}

pub(super) fn sysctls(d: &mut Diagnostics, node: &Node) -> Result<Vec<Sysctl>, Reported> {
    let pairs = pairs(d, node)?;
    all(pairs.into_iter().map(|pair| {
        let span = pair.key.span;
        let key = pair.key.value.parse::<Parameter>();
        let key =
            key.map_err(|invalid| d.invalid(Code::InvalidValue, invalid, |range| pair.key.at(range)))?;
        let Some(value) = pair.value.filter(|value| !value.value.is_empty()) else {
            let message = format!("the kernel parameter `{}` has no value", pair.key.value);
            let draft = d.error(Code::InvalidValue, message).label(span, "");
            return Err(draft.help(format!("write `{}: VALUE`", pair.key.value)).emit());
        };
        Ok(Sysctl { key: Spanned { value: key, span }, value })
    }))
}

/// A limit of the process.
#[derive(Clone, Copy, Debug)]
pub struct Ulimit {
    /// What is limited.
    pub kind: Spanned<RlimitKind>,
    /// The limit in force; -1 is none.
    pub soft: Spanned<i64>,
    /// How far the process may raise it; -1 is no limit.
    pub hard: Spanned<i64>,
}

pub(super) fn ulimits(d: &mut Diagnostics, node: &Node) -> Result<Vec<Ulimit>, Reported> {
    let Value::Map(entries) = &node.value else {
        return Err(wrong_type(d, node, Expected::Mapping("`ulimits`")));
    };
    all(entries.iter().map(|entry| ulimit(d, entry)))
}

fn ulimit(d: &mut Diagnostics, entry: &Entry) -> Result<Ulimit, Reported> {
    let span = entry.key_span;
    let kind = entry.key.parse::<RlimitKind>();
    let kind = kind.map_err(|invalid| d.invalid(Code::InvalidValue, invalid, |_| span))?;
    let kind = Spanned { value: kind, span };
    let (soft, hard) = if let Value::Map(_) = &entry.value.value {
        let mut t = Table::new(d, &entry.value, "a limit")?;
        let (soft, hard) = (t.required(d, "soft", limit), t.required(d, "hard", limit));
        t.finish(d)?;
        (soft?, hard?)
    } else {
        let both = limit(d, &entry.value)?;
        (both, both)
    };
    if hard.value != -1 && (soft.value == -1 || soft.value > hard.value) {
        let message = format!("the soft limit {} is above the hard limit {}", soft.value, hard.value);
        let draft = d.error(Code::Conflict, message).label(soft.span, "soft");
        return Err(draft.label(hard.span, "hard").emit());
    }
    Ok(Ulimit { kind, soft, hard })
}

fn limit(d: &mut Diagnostics, node: &Node) -> Result<Spanned<i64>, Reported> {
    let limit = integer(d, node)?;
    if limit.value < -1 {
        let draft = d.error(Code::InvalidValue, format!("a limit may not be {}", limit.value));
        return Err(draft.label(limit.span, "").help("-1 is no limit").emit());
    }
    Ok(limit)
}
