//! `extra_hosts`: what comes out is a list of `HOST=ADDRESS`, in the order of the text.

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

#[derive(Default)]
struct Hosts {
    found: Vec<Node>,
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
        let mut start = at + 1;
        for address in text.get(start..).unwrap_or("").split(',') {
            self.add(host, address, item.at(0..start + address.len()));
            start += address.len() + 1;
        }
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
                Some(text) => self.add(&entry.key, text, address.span),
                None => return Err(wrong_type(x.d, address, expected)),
            }
        }
        Ok(())
    }

    fn add(&mut self, host: &str, address: &str, span: Span) {
        let bare = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let bare = bare.filter(|bare| !bare.is_empty()).unwrap_or(address);
        self.found.push(Node::text(span, format!("{host}={bare}")));
    }
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
