//! `extra_hosts`: what comes out is a list of `HOST=ADDRESS`, in the order of the text.

use std::collections::BTreeSet;
use std::ops::Range;
use std::rc::Rc;

use super::keys::Seen;
use super::{Expansion, text};
use crate::compose::decode::{Expected, wrong_type};
use crate::diag::{Code, Invalid, Reported};
use crate::source::Span;
use crate::yaml::{Entry, Node, Value};

/// A list of `HOST=ADDRESS,…` or `HOST:ADDRESS,…`, or a mapping of hosts to one address or several.
pub fn extra_hosts(x: &mut Expansion<'_>, node: &Node) -> Result<Node, Reported> {
    let mut hosts = Hosts::default();
    match &node.value {
        Value::Seq(items) => {
            let mut seen = Seen::default();
            for item in items.iter() {
                x.wanted()?;
                let read = hosts.item(x, item, &mut seen);
                hosts.note(read);
            }
        }
        Value::Map(entries) => {
            for entry in entries.iter() {
                x.wanted()?;
                let read = hosts.entry(x, entry);
                hosts.note(read);
            }
        }
        _ => return Ok(node.clone()),
    }
    hosts.failed.map_or(Ok(Node::seq(node.span, hosts.found)), Err)
}

/// What was found, each only once.
#[derive(Default)]
struct Hosts {
    found: Vec<Node>,
    known: BTreeSet<Rc<str>>,
    failed: Option<Reported>,
}

impl Hosts {
    fn note(&mut self, read: Result<(), Reported>) {
        self.failed = read.err().or(self.failed);
    }

    fn item(&mut self, x: &mut Expansion<'_>, item: &Node, seen: &mut Seen) -> Result<(), Reported> {
        let item = item.untagged();
        if let Value::Reset = item.value {
            return Ok(());
        }
        seen.add(x, item)?;
        let text = text(item).unwrap_or("");
        let Some(at) = text.find('=').or_else(|| text.find(':')) else {
            if x.keeps(text) {
                self.found.push(item.clone());
                return Ok(());
            }
            let message = format!("the host `{text}` has no address");
            return Err(x.invalid(item, Invalid::whole(text, message).help("write `HOST=ADDRESS`")));
        };
        let host = text.get(..at).unwrap_or("");
        if x.keeps(host) {
            self.found.push(item.clone());
            return Ok(());
        }
        check_host(x, host, item.at(0..at.max(1)))?;
        self.add(host, text.get(at + 1..).unwrap_or(""), |range| item.at(0..at + 1 + range.end));
        Ok(())
    }

    fn entry(&mut self, x: &mut Expansion<'_>, entry: &Entry) -> Result<(), Reported> {
        let value = entry.value.untagged();
        if let Value::Reset = value.value {
            return Ok(());
        }
        check_host(x, &entry.key, entry.key_span)?;
        let addresses = match &value.value {
            Value::Seq(items) => items,
            _ => std::slice::from_ref(value),
        };
        for address in addresses.iter().map(Node::untagged) {
            let expected = if address.kind() == "a mapping" { Expected::TextOrList } else { Expected::Text };
            match text(address) {
                Some(text) => self.add(&entry.key, text, |range| address.at(range)),
                None => return Err(wrong_type(x.d, address, expected)),
            }
        }
        Ok(())
    }

    /// Takes the addresses between the commas.
    fn add(&mut self, host: &str, addresses: &str, place: impl Fn(Range<usize>) -> Span) {
        let mut start = 0;
        for address in addresses.split(',') {
            let range = start..start + address.len();
            start = range.end + 1;
            let text: Rc<str> = format!("{host}={}", without_brackets(address)).into();
            if self.known.insert(Rc::clone(&text)) {
                self.found.push(Node::text(place(range), text));
            }
        }
    }
}

fn without_brackets(address: &str) -> &str {
    let mut bare = address;
    while let Some(inner) = bare.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        if inner.is_empty() {
            break;
        }
        bare = inner;
    }
    bare
}

fn check_host(x: &mut Expansion<'_>, host: &str, span: Span) -> Result<(), Reported> {
    let message = match host {
        "" => "the name of the host is missing".to_owned(),
        host if host.contains([':', '=']) => format!("`{host}` cannot be the name of a host"),
        _ => return Ok(()),
    };
    let draft = x.d.error(Code::InvalidValue, message).label(span, "");
    Err(draft.help("write `HOST=ADDRESS`; the name ends at the first `=`").emit())
}
