//! Published ports: `[[ADDRESS:]HOST[-HOST]:]CONTAINER[-CONTAINER][/PROTOCOL]`.
//!
//! They are read as Docker's `nat.ParsePortSpec` does. One text can stand for many ports, which come out sorted as
//! texts: 10, 11, 9.

use std::net::IpAddr;
use std::ops::Range;

use super::{Expansion, text};
use crate::compose::value::moved;
use crate::compose::value::port::Protocol;
use crate::diag::{Code, Invalid, Reported};
use crate::source::Span;
use crate::yaml::{Entry, Node, Plain, Value};

/// How many ports the ranges of one file may stand for: a short line stands for 65535 of them.
const MAX_PORTS: usize = 4 * 65536;

const FORM: &str = "write `8080:80`, `127.0.0.1:8080:80` or `8000-8010:8000-8010/udp`";

/// `ports`: texts and numbers in the list become mappings.
pub fn ports(x: &mut Expansion<'_>, node: &Node) -> Result<Node, Reported> {
    let Value::Seq(items) = &node.value else { return Ok(node.clone()) };
    // Compose leaves the whole list as it is.
    if items.iter().any(|item| text(item).is_some_and(|text| x.keeps(text))) {
        return Ok(node.clone());
    }
    let mut found = Vec::with_capacity(items.len());
    for item in items.iter() {
        x.wanted()?;
        match &item.value {
            Value::Override(inner) => {
                let tagged = |node: Node| Node { span: item.span, value: Value::Override(node.into()) };
                found.extend(write_out(x, inner).into_iter().map(tagged));
            }
            _ => found.extend(write_out(x, item)),
        }
    }
    Ok(Node::seq(node.span, found))
}

fn write_out(x: &mut Expansion<'_>, item: &Node) -> Vec<Node> {
    let broken = |reported| vec![Node { span: item.span, value: Value::Broken(reported) }];
    let Value::Scalar(scalar) = &item.value else { return vec![item.clone()] };
    if !matches!(scalar.resolve(), Plain::Str | Plain::Int(_)) {
        return vec![item.clone()];
    }
    let text = scalar.go_text();
    // A number may be read in another spelling than it is written in.
    let verbatim = *text == *scalar.text;
    let place = |range| if verbatim { super::visible(item, range) } else { item.span };
    let spec = match Spec::read(&text) {
        Ok(spec) => spec,
        Err(invalid) => return broken(x.d.invalid(Code::InvalidValue, invalid, place)),
    };
    if let Some(cut) = &spec.cut {
        let message = format!("Compose reads `{text}` only in part");
        let draft = x.d.warning(Code::InvalidValue, message).label(place(cut.clone()), "never looked at");
        draft.help(FORM).emit();
    }
    x.ports += spec.count();
    if x.ports > MAX_PORTS {
        let message = format!("the ports of this file are more than {MAX_PORTS}");
        let draft = x.d.error(Code::InvalidValue, message).label(item.span, "too many with this range");
        return broken(draft.help("write smaller ranges, or `network_mode: host`").emit());
    }
    spec.ports(&text, item.span, place)
}

/// A text that stands for ports.
struct Spec {
    /// Without brackets.
    address: Option<Range<usize>>,
    host: Option<Ports>,
    container: Ports,
    protocol: Protocol,
    /// What Compose does not look at.
    cut: Option<Range<usize>>,
}

/// One port or several, and where they stand.
#[derive(Clone)]
struct Ports {
    first: u16,
    last: u16,
    place: Range<usize>,
    cut: Option<Range<usize>>,
}

impl Spec {
    fn read(text: &str) -> Result<Spec, Invalid> {
        let mut colons = text.rmatch_indices(':').map(|(at, _)| at);
        let (last, second) = (colons.next(), colons.next());
        let end = last.map_or(0, |at| at + 1);
        let host = last.map(|last| second.map_or(0, |at| at + 1)..last).filter(|range| !range.is_empty());
        let address = second.map_or(Ok(None), |end| address(text, 0..end))?;
        let Ending { port, protocol, cut } = Ending::read(text, end)?;
        if port.is_empty() {
            let place = if text.is_empty() { 0..0 } else { end.saturating_sub(1)..text.len() };
            return Err(Invalid::new(place, format!("`{text}` names no port of the container")).help(FORM));
        }
        let container = Ports::read(text, port)?;
        let host = host.map(|range| host_ports(text, range)).transpose()?;
        container.check(text, host.as_ref())?;
        let cut = cut.or_else(|| container.cut.clone()).or_else(|| host.as_ref()?.cut.clone());
        Ok(Spec { address, host, container, protocol, cut })
    }

    fn count(&self) -> usize {
        self.container.count()
    }

    fn ports(&self, text: &str, span: Span, place: impl Fn(Range<usize>) -> Span) -> Vec<Node> {
        let text_at = |range: &Range<usize>| Node::text(place(range.clone()), slice(text, range));
        let mode = Entry::new("mode", span, Node::text(span, "ingress"));
        let address = self.address.as_ref().map(text_at);
        let address = address.map(|address| Entry::new("host_ip", address.span, address));
        let protocol = Entry::new("protocol", span, Node::text(span, self.protocol.to_string()));
        let target = place(self.container.place.clone());
        let target = Entry::new("target", target, Node::null(target));
        let published = self.host.as_ref().map(|host| place(host.place.clone()));
        let published = published.map(|span| Entry::new("published", span, Node::null(span)));
        let one = |offset: u16| {
            let number = Node::plain(target.key_span, (self.container.first + offset).to_string());
            let target = Entry { value: number, ..target.clone() };
            let host = published.as_ref().zip(self.host.as_ref()).map(|(entry, host)| {
                let value = Node::text(entry.key_span, host.published(&self.container, offset));
                Entry { value, ..entry.clone() }
            });
            let entries = [Some(mode.clone()), address.clone(), Some(target), host, Some(protocol.clone())];
            Node::map(span, entries.into_iter().flatten().collect())
        };
        let mut offsets: Vec<(String, u16)> = (self.container.first..=self.container.last)
            .map(|port| (port.to_string(), port - self.container.first))
            .collect();
        offsets.sort();
        offsets.into_iter().map(|(_, offset)| one(offset)).collect()
    }
}

impl Ports {
    fn read(text: &str, place: Range<usize>) -> Result<Ports, Invalid> {
        let ports = slice(text, &place);
        let Some((first, rest)) = ports.split_once('-') else {
            let port = number(text, place.clone())?;
            return Ok(Ports { first: port, last: port, place, cut: None });
        };
        let start = place.start + first.len() + 1;
        let end = rest.find('-').map_or(place.end, |at| start + at);
        let (first, last) = (number(text, place.start..start - 1)?, number(text, start..end)?);
        if last < first {
            return Err(Invalid::new(place, format!("the range `{ports}` ends before it begins")));
        }
        let cut = (end < place.end).then_some(end..place.end);
        Ok(Ports { first, last, place, cut })
    }

    fn count(&self) -> usize {
        usize::from(self.last - self.first) + 1
    }

    /// Checks ports of a container, and whether they can be found at the ports of the host.
    fn check(&self, text: &str, host: Option<&Ports>) -> Result<(), Invalid> {
        let own = slice(text, &self.place);
        if self.first == 0 {
            let message = format!("a port of a container is from 1 to 65535, found `{own}`");
            return Err(Invalid::new(self.place.clone(), message));
        }
        match host {
            Some(host) if self.count() > 1 && self.count() != host.count() => {
                let (place, host) = (host.place.start..self.place.end, slice(text, &host.place));
                let message = format!("the ranges `{host}` and `{own}` are not equally long");
                let help = "a range of the host needs as many ports of the container, or one";
                Err(Invalid::new(place, message).help(help))
            }
            _ => Ok(()),
        }
    }

    /// The port of the host for a port of the container; all of them where the container has one.
    fn published(&self, container: &Ports, offset: u16) -> String {
        if container.count() == 1 && self.count() > 1 {
            return format!("{}-{}", self.first, self.last);
        }
        self.first.saturating_add(offset).to_string()
    }
}

fn slice<'t>(text: &'t str, range: &Range<usize>) -> &'t str {
    text.get(range.clone()).unwrap_or("")
}

/// What stands after the last colon.
struct Ending {
    port: Range<usize>,
    protocol: Protocol,
    /// From a second `/` on.
    cut: Option<Range<usize>>,
}

impl Ending {
    fn read(text: &str, start: usize) -> Result<Ending, Invalid> {
        let slash = |from: usize| text.get(from..)?.find('/').map(|at| from + at);
        let Some(first) = slash(start) else {
            return Ok(Ending { port: start..text.len(), protocol: Protocol::default(), cut: None });
        };
        let second = slash(first + 1);
        let cut = second.map(|at| at..text.len()).filter(|range| range.len() > 1);
        let protocol = match slice(text, &(first + 1..second.unwrap_or(text.len()))) {
            "" => Protocol::default(),
            // That there is no port is reported alone.
            _ if first == start => Protocol::default(),
            name => name.parse().map_err(|invalid| moved(invalid, first + 1))?,
        };
        Ok(Ending { port: start..first, protocol, cut })
    }
}

fn address(text: &str, range: Range<usize>) -> Result<Option<Range<usize>>, Invalid> {
    let written = slice(text, &range);
    let bracketed = written.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let inner = if bracketed.is_some() { range.start + 1..range.end - 1 } else { range.clone() };
    let address = slice(text, &inner);
    if address.is_empty() {
        return Ok(None);
    }
    let parsed = address.parse::<IpAddr>();
    match parsed {
        Ok(IpAddr::V6(_)) if bracketed.is_none() => {
            let message = format!("the IPv6 address `{address}` stands without brackets");
            Err(Invalid::new(range, message).help(format!("write `[{address}]`")))
        }
        Ok(_) => Ok(Some(inner)),
        Err(_) => {
            let message = format!("`{address}` is no IP address");
            let help = if address == "localhost" { "write `127.0.0.1`" } else { FORM };
            Err(Invalid::new(inner, message).help(help))
        }
    }
}

fn host_ports(text: &str, range: Range<usize>) -> Result<Ports, Invalid> {
    let host = slice(text, &range);
    if host.parse::<IpAddr>().is_ok() {
        let message = format!("`{host}` is an address, and a port of the host must stand here");
        let rest = text.get(range.end..).unwrap_or("");
        return Err(Invalid::new(range, message).help(format!("for any port, write `{host}:{rest}`")));
    }
    Ports::read(text, range)
}

fn number(text: &str, range: Range<usize>) -> Result<u16, Invalid> {
    let port = slice(text, &range);
    let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    match port.parse() {
        Ok(number) if digits => Ok(number),
        _ if digits => Err(Invalid::new(range, format!("a port is at most 65535, found `{port}`"))),
        _ if port.is_empty() => {
            Err(Invalid::new(range.start.saturating_sub(1)..range.end.max(1), "a port number is missing")
                .help(FORM))
        }
        _ => Err(Invalid::new(range, format!("expected a port number, found `{port}`")).help(FORM)),
    }
}
