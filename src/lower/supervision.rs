//! What runtimes do not do, in annotations for whoever supervises the containers: the attribute `pull_policy` is
//! `io.bundlegen.pull-policy`, and its value one line of JSON, spelt as `bundlegen config --format json` prints it.

use std::rc::Rc;

use super::Context;
use super::annotations::{Annotations, OWN_PREFIX};
use super::networks::host_gateways;
use super::origin::Origin;
use crate::compose::namespace::NetworkMode;
use crate::compose::ports;
use crate::compose::value::extra_host::Address;
use crate::config;
use crate::diag::{Code, Diagnostics};
use crate::source::Span;
use crate::yaml::{Entry, Node};

/// Hands on all that is written of it.
pub(super) fn supervision(d: &mut Diagnostics, context: &Context, all: &mut Annotations) {
    let written = context.written();
    let mac_address = written.mac_address.map(|mac| Node::text(mac.span, mac.value.to_string()));
    let attributes = [
        ("attach", &written.attach),
        ("external_links", &written.external_links),
        ("links", &written.links),
        ("logging", &written.logging),
        ("mac_address", &mac_address),
        ("ports", &ports::written(&written.ports)),
        ("post_start", &written.post_start),
        ("pre_stop", &written.pre_stop),
        ("pull_policy", &written.pull_policy),
        ("pull_refresh_after", &written.pull_refresh_after),
        ("restart", &written.restart),
        ("runtime", &written.runtime),
        ("stdin_open", &written.stdin_open),
        ("stop_grace_period", &written.stop_grace_period),
    ];
    for (key, value) in attributes {
        if let Some(value) = value {
            hand_on(all, key, config::of_service(key, value), Origin::Written(value.span));
        }
    }
    if let Some(policy) = &written.deploy.restart_policy {
        let value = config::restart_policy(policy);
        hand_on(all, "restart_policy", value, Origin::Written(policy.span));
    }
    dependencies(context, all);
    healthcheck(context, all);
    networks(context, all);
    host_gateway(d, context, all);
}

fn hand_on(all: &mut Annotations, key: &str, value: String, origin: Origin) {
    all.insert(format!("{OWN_PREFIX}{}", key.replace('_', "-")), (value, origin));
}

fn dependencies(context: &Context, all: &mut Annotations) {
    let dependencies = &context.service.starts_after;
    let Some(first) = dependencies.first() else { return };
    let entry =
        |(name, span, value): (&Rc<str>, Span, &Node)| Entry::new(Rc::clone(name), span, value.clone());
    let entries = dependencies.iter().map(|one| entry((&one.name.value, one.name.span, &one.written)));
    let node = Node::map(first.name.span, entries.collect());
    hand_on(all, "depends_on", config::of_service("depends_on", &node), Origin::Written(node.span));
}

fn healthcheck(context: &Context, all: &mut Annotations) {
    let Some(check) = &context.service.healthcheck else { return };
    let origin = match (check.written, context.service.image()) {
        (None, Some(image)) => Origin::Image { reference: image.reference.clone(), part: "Healthcheck" },
        (written, _) => Origin::Written(written.unwrap_or(check.value.span)),
    };
    hand_on(all, "healthcheck", config::of_service("healthcheck", &check.value), origin);
}

fn networks(context: &Context, all: &mut Annotations) {
    let mode = context.written().network_mode.as_ref();
    if let Some(mode) = mode.filter(|mode| mode.value == NetworkMode::Bridge) {
        hand_on(all, "network_mode", r#""bridge""#.to_owned(), Origin::Written(mode.span));
    }
    let mut networks: Vec<_> = context.service.networks.iter().collect();
    networks.retain(|network| !network.network.default_bridge);
    networks.sort_by(|a, b| a.name.value.cmp(&b.name.value));
    let Some(first) = networks.iter().find(|network| !network.is_implied()) else { return };
    let parts =
        networks.iter().map(|one| (Rc::clone(&one.name.value), &one.service, one.network.written.as_ref()));
    hand_on(all, "networks", config::networks(parts), Origin::Written(first.name.span));
}

/// What leads to the host stays known as that. Where the container has no way to it, that is said.
fn host_gateway(d: &mut Diagnostics, context: &Context, all: &mut Annotations) {
    let hosts = &context.written().extra_hosts;
    let gateways: Vec<_> = hosts.iter().filter(|host| host.value.address == Address::HostGateway).collect();
    let known = !host_gateways(context.service, context.settings).is_empty();
    for host in gateways.iter().filter(|_| !known) {
        let message =
            format!("`{}` leads to no host: no bridge leads out of this container", host.value.name);
        let draft = d.warning(Code::NoNetwork, message).label(host.span, "not in the bundle's `etc/hosts`");
        draft.help("it is handed on in `io.bundlegen.extra-hosts`; or write an address").emit();
    }
    if let Some(first) = gateways.first() {
        let mut lines: Vec<String> = gateways.iter().map(|host| host.value.to_string()).collect();
        lines.sort();
        let value = serde_json::Value::from(lines).to_string();
        hand_on(all, "extra_hosts", value, Origin::Written(first.span));
    }
}
