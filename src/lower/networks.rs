//! What is not done of networks: they are handed on, and nothing attaches a container to them.

use super::Context;
use crate::compose::namespace::NetworkMode;
use crate::compose::ports::Port;
use crate::diag::{Code, Diagnostics};
use crate::source::Span;
use crate::yaml::Node;

/// Says what a service would have with Docker and has not here.
pub(super) fn warn(d: &mut Diagnostics, context: &Context) {
    check_resolver(d, context);
    match &context.written().network_mode {
        None => warn_empty(d, context),
        Some(mode) if mode.value == NetworkMode::Bridge => warn_empty(d, context),
        Some(_) => {}
    }
}

fn warn_empty(d: &mut Diagnostics, context: &Context) {
    let name = &context.service.name;
    let mut message = format!("service `{}` gets a network of its own with nothing in it", name.value);
    let missing = missing(context);
    let mut places = Vec::new();
    for (n, (what, place)) in missing.iter().enumerate() {
        message += match n {
            0 => ": nothing ",
            _ if n + 1 == missing.len() => " or ",
            _ => ", ",
        };
        message += what;
        places.push(*place);
    }
    let mut draft = d.warning(Code::NoNetwork, message).label(name.span, "networks are not supported yet");
    for place in places {
        draft = draft.label(place, "handed on in an annotation");
    }
    draft.help("say so with `network_mode: none`, or take the host's with `network_mode: host`").emit();
}

/// What nobody does yet, in words, and where it is written.
fn missing(context: &Context) -> Vec<(String, Span)> {
    let written = context.written();
    let mut missing = Vec::new();
    if let Some(mode) = written.network_mode.as_ref().filter(|mode| mode.value == NetworkMode::Bridge) {
        missing.push(("attaches it to `bridge`".to_owned(), mode.span));
    }
    let attached: Vec<_> = context.service.networks.iter().filter(|network| !network.is_implied()).collect();
    if let Some(first) = attached.first() {
        let names: Vec<&str> = attached.iter().map(|network| &*network.name.value).collect();
        missing.push((format!("attaches it to {}", quoted(&names)), first.name.span));
    }
    if let Some(first) = written.ports.first() {
        let ports: Vec<String> = written.ports.iter().map(port).collect();
        let ports: Vec<&str> = ports.iter().map(String::as_str).collect();
        missing.push((format!("publishes {}", quoted(&ports)), first.written.span));
    }
    if let Some((links, place)) = words(written.links.as_ref(), |link| link.as_str().map(str::to_owned)) {
        missing.push((format!("links it to {links}"), place));
    }
    if let Some(mac) = &written.mac_address {
        missing.push((format!("gives it the address `{}`", mac.value), mac.span));
    }
    missing
}

fn words(list: Option<&Node>, word: impl Fn(&Node) -> Option<String>) -> Option<(String, Span)> {
    let items = list?.items();
    let words: Vec<String> = items.iter().filter_map(word).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    Some((quoted(&words), items.first()?.span))
}

/// The port of the host; of one that Docker chooses, that of the container.
fn port(port: &Port) -> String {
    let published = port.written.get("published").and_then(Node::as_str).filter(|text| !text.is_empty());
    published.map_or_else(|| port.target.value.to_string(), str::to_owned)
}

/// How many names a message has room for.
const NAMED: usize = 5;

fn quoted(words: &[&str]) -> String {
    let mut quoted: Vec<String> = words.iter().take(NAMED).map(|word| format!("`{word}`")).collect();
    if words.len() > NAMED {
        quoted.push("…".to_owned());
    }
    quoted.join(", ")
}

/// Docker fills in what is not written from the host's `/etc/resolv.conf`.
fn check_resolver(d: &mut Diagnostics, context: &Context) {
    let written = context.written();
    let Some(rest) = written.dns_search.first().or(written.dns_opt.first()) else { return };
    if !written.dns.is_empty() {
        return;
    }
    let message = "the name servers of the host are known only where the container runs";
    match context.host_network() {
        Some(host) => {
            let draft = d.error(Code::HostDependent, message).label(rest.span, "nobody to ask");
            draft.label(host, "they are those of this network").help(NAME_THEM).emit();
        }
        None => {
            d.warning(Code::HostDependent, message).label(rest.span, "nobody to ask").help(NAME_THEM).emit();
        }
    }
}

const NAME_THEM: &str = "write them under `dns`";
