//! Bundles that proot wraps: what they would be in a network of their own.
//!
//! What is published is said by an annotation. The words of proot follow from it and from the other bundles, so they are
//! not read, but for being those that a build writes.

use serde_json::{Value, json};

use super::{Bundle, Draft, texts};
use crate::hook::argv::RUN;
use crate::lower::defaults::NETWORK_SYSCTLS;
use crate::lower::mounts::{HOSTS, INIT, RESOLV_CONF};
use crate::lower::process::GROUP;
use crate::lower::proot::{KILL_ON_EXIT, PLACE, PORT, PROGRAM, VARIABLES};

/// What the key of the extension is said with where no bundle names the program, as it has nothing to map.
pub(super) const ANYWHERE: &str = "/usr/bin/proot";

/// Gives a bundle the network that it is without for the sake of proot, and takes proot away. Says where proot is.
pub(super) fn unwrap(draft: &mut Draft, bundle: &mut Bundle) {
    if super::namespaces::has_own(bundle, "network") {
        return;
    }
    let Some(network) = network(bundle) else { return };
    let program = program(bundle);
    draft.on_host(bundle);
    resolver(draft, bundle);
    if let Some(path) = program {
        draft.extend(bundle, "/mounts", "proot", path);
        process(&mut bundle.config);
        mounts(&mut bundle.config);
    }
    own_network(&mut bundle.config, &network);
}

/// The network that a bundle would be in.
enum Network {
    Own,
    /// That of another bundle.
    Of(String),
}

/// Whether its file of names is one of a network, and whose that is if it is not its own.
fn network(bundle: &Bundle) -> Option<Network> {
    let own = HOSTS.trim_start_matches('/');
    let source = source(bundle, HOSTS)?;
    let text = bundle.files.get(own).map(|file| file.text.as_str());
    if source == own && text.is_some_and(|text| text.lines().any(|line| line.starts_with("# network "))) {
        return Some(Network::Own);
    }
    let owner = source.strip_prefix("../")?.strip_suffix(HOSTS)?;
    (!owner.contains('/')).then(|| Network::Of(owner.to_owned()))
}

fn source<'a>(bundle: &'a Bundle, destination: &str) -> Option<&'a str> {
    let is = |mount: &&Value| mount.get("destination").and_then(Value::as_str) == Some(destination);
    bundle.list("/mounts").iter().find(is)?.get("source")?.as_str()
}

/// Where the program is on the host, if all that goes with it is there.
fn program(bundle: &Bundle) -> Option<String> {
    let args: Vec<&str> = texts(bundle.list("/process/args")).collect();
    let own = after_init(&args);
    let is_wrapped =
        matches!(own, [PROGRAM, KILL_ON_EXIT, PORT, ..]) && source(bundle, PLACE) == Some("tmpfs");
    is_wrapped.then(|| source(bundle, PROGRAM).map(str::to_owned)).flatten()
}

/// The words behind those of the init.
fn after_init<'a, 'b>(args: &'a [&'b str]) -> &'a [&'b str] {
    match args {
        [INIT, GROUP, "--", rest @ ..] => rest,
        all => all,
    }
}

/// The words of the process itself, its variables and its capabilities.
fn process(config: &mut Value) {
    let args: Vec<String> = strings(config, "/process/args");
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let wrapped = after_init(&words);
    let mut own = wrapped.get(2..).unwrap_or_default();
    while let [PORT, _, rest @ ..] = own {
        own = rest;
    }
    let init: &[&str] = if wrapped.len() < words.len() { &[INIT, "--"] } else { &[] };
    let unwrapped = json!([init, own].concat());
    let variables = VARIABLES.map(|(name, value)| format!("{name}={value}"));
    let env: Vec<String> = strings(config, "/process/env");
    let env: Vec<&String> = env.iter().filter(|variable| !variables.contains(variable)).collect();
    let env = json!(env);
    for (at, value) in [("/process/args", unwrapped), ("/process/env", env)] {
        if let Some(place) = config.pointer_mut(at) {
            *place = value;
        }
    }
}

fn strings(config: &Value, at: &str) -> Vec<String> {
    let list = config.pointer(at).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    texts(list).map(str::to_owned).collect()
}

/// The host's file, which the sections know from containers that hooks attach.
fn resolver(draft: &mut Draft, bundle: &mut Bundle) {
    let Some(path) = source(bundle, RESOLV_CONF).filter(|path| path.starts_with('/')) else { return };
    draft.extend(bundle, "/mounts", "resolv_conf", path);
    if let Some(Value::Array(mounts)) = bundle.config.pointer_mut("/mounts") {
        mounts.retain(|mount| mount.get("destination").and_then(Value::as_str) != Some(RESOLV_CONF));
    }
}

fn mounts(config: &mut Value) {
    if let Some(Value::Array(mounts)) = config.pointer_mut("/mounts") {
        mounts.retain(|mount| {
            let destination = mount.get("destination").and_then(Value::as_str);
            destination != Some(PLACE) && destination != Some(PROGRAM)
        });
    }
}

/// A network of its own with Docker's parameters; or that of another one, whose project no bundle names.
fn own_network(config: &mut Value, network: &Network) {
    let namespace = match network {
        Network::Of(owner) => json!({ "type": "network", "path": format!("{RUN}//{owner}/net") }),
        Network::Own => json!({ "type": "network" }),
    };
    let Some(Value::Object(linux)) = config.get_mut("linux") else { return };
    if let Some(Value::Array(namespaces)) = linux.get_mut("namespaces") {
        namespaces.push(namespace);
    }
    if matches!(network, Network::Own)
        && let Value::Object(sysctl) = linux.entry("sysctl").or_insert_with(|| json!({}))
    {
        sysctl.extend(NETWORK_SYSCTLS.iter().map(|(name, value)| ((*name).to_owned(), json!(value))));
    }
}
