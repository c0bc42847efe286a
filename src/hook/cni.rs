//! Attaching to a network and detaching from it, as the
//! [CNI specification 1.0.0](https://www.cni.dev/docs/spec/#section-3-execution-of-network-configurations) tells runtimes.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::net::IpAddr;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::Error;
use super::argv::{Network, PATH, Ports};
use super::plugin::{self, Deadline};
use super::ports;

/// The package of Debian that has the plugins.
const PACKAGE: &str = "containernetworking-plugins";

/// A network, and what plugins are told of a container in it.
pub struct Attachment<'a> {
    pub cni_id: &'a str,
    pub cni_path: &'a str,
    pub network: &'a Network,
    /// The ports that are published through this network.
    pub ports: &'a [Ports],
    /// Until when plugins may run.
    pub until: Deadline,
}

/// One plugin of a list.
struct Plugin {
    name: String,
    program: PathBuf,
    /// What it reads, but for the result of the one before it.
    configuration: Map<String, Value>,
}

impl Attachment<'_> {
    /// Whether all that attaching needs is there.
    pub fn check(&self) -> Result<(), Error> {
        self.everything_has_its_plugin(&self.plugins()?)
    }

    /// Attaches; `keep` is given what each plugin said.
    pub fn add(&self, netns: &str, keep: &mut dyn FnMut(&Value) -> Result<(), Error>) -> Result<(), Error> {
        let plugins = self.plugins()?;
        let mut last: Option<Value> = None;
        for plugin in plugins {
            let output = self.run(&plugin, "ADD", netns, last.as_ref())?;
            let result: Value = serde_json::from_slice(&output)
                .map_err(|error| self.failed(&plugin.name, format!("its answer is not JSON: {error}")))?;
            keep(&result)?;
            last = Some(result);
        }
        Ok(())
    }

    /// Detaches. What is not there any more is no failure; that of one plugin keeps no other one from its work.
    pub fn delete(&self, netns: &str, result: Option<&Value>) -> Result<(), Error> {
        let mut failures = super::error::Failures::default();
        for configuration in self.network.plugins().into_iter().flatten().rev() {
            let run = |plugin| self.run(&plugin, "DEL", netns, result).map(drop);
            failures.note(self.plugin(configuration).and_then(run));
        }
        failures.result()
    }

    fn plugins(&self) -> Result<Vec<Plugin>, Error> {
        let plugins = self.network.plugins().filter(|plugins| !plugins.is_empty());
        let plugins = plugins.ok_or_else(|| self.wrong("its list has no plugins"))?;
        plugins.iter().map(|configuration| self.plugin(configuration)).collect()
    }

    fn plugin(&self, configuration: &Value) -> Result<Plugin, Error> {
        let mut configuration = match configuration {
            Value::Object(configuration) => configuration.clone(),
            _ => return Err(self.wrong("a plugin of its list is not an object")),
        };
        let name = match configuration.get("type") {
            Some(Value::String(name)) if is_name(name) => name.clone(),
            _ => return Err(self.wrong("a plugin of its list has no `type` that is a name")),
        };
        let program = plugin::find(self.cni_path, &name).ok_or_else(|| {
            let reason = format!("not found in {}; Debian has it in the package {PACKAGE}", self.cni_path);
            self.failed(&name, reason)
        })?;
        let version = self.network.list.get("cniVersion").cloned().unwrap_or_else(|| json!("1.0.0"));
        configuration.insert("cniVersion".to_owned(), version);
        configuration.insert("name".to_owned(), json!(self.network.name()));
        self.set_addresses(&mut configuration);
        self.set_capabilities(&mut configuration)?;
        Ok(Plugin { name, program, configuration })
    }

    fn set_addresses(&self, configuration: &mut Map<String, Value>) {
        let Some(Value::Object(ipam)) = configuration.get_mut("ipam") else { return };
        if is_static(ipam) && !self.network.addresses.is_empty() {
            let addresses = self.network.addresses.iter().map(|given| match given.gateway {
                Some(gateway) => json!({"address": given.address, "gateway": gateway}),
                None => json!({"address": given.address}),
            });
            ipam.insert("addresses".to_owned(), addresses.collect());
        }
        if !self.network.default_route {
            ipam.remove("routes");
        }
        if is_host_local(ipam) && !self.network.addresses.is_empty() {
            let ips = self.network.addresses.iter().map(|given| json!(given.address));
            let ips: Value = ips.collect();
            let args = configuration.entry("args").or_insert_with(|| json!({}));
            if let Some(args) = args.as_object_mut() {
                // The convention for what a plugin may be told without asking for it (cni.dev/docs/conventions, `args`).
                args.insert("cni".to_owned(), json!({ "ips": ips }));
            }
        }
    }

    /// The address of the network card: that of the arguments, else one that follows from the first address, as Docker
    /// has it (moby `libnetwork/netutils`, `GenerateMACFromIP`). With one by chance, neighbours would send to the card of
    /// the last container that had the address, until they forget it.
    fn mac(&self) -> Option<String> {
        let derived = || {
            let (first, octets): (_, &[u8]) = match self.network.addresses.first()?.address.addr() {
                IpAddr::V4(ip) => ("02:42", &ip.octets()),
                IpAddr::V6(ip) => ("02", &ip.octets()[11..]),
            };
            Some(octets.iter().fold(first.to_owned(), |mac, octet| format!("{mac}:{octet:02x}")))
        };
        self.network.mac.clone().or_else(derived)
    }

    /// What differs from container to container, for the plugins that ask for it.
    fn set_capabilities(&self, configuration: &mut Map<String, Value>) -> Result<(), Error> {
        let asked = capabilities(configuration);
        let mut given = Map::new();
        if asked.contains("portMappings") && !self.ports.is_empty() {
            let ipv6 = self.network.addresses.iter().any(|given| given.address.addr().is_ipv6());
            given.insert("portMappings".to_owned(), ports::mappings(self.ports, ipv6)?);
        }
        if let Some(mac) = self.mac().filter(|_| asked.contains("mac")) {
            given.insert("mac".to_owned(), json!(mac));
        }
        if asked.contains("ips") && !self.network.addresses.is_empty() {
            let ips = self.network.addresses.iter().map(|given| json!(given.address));
            given.insert("ips".to_owned(), ips.collect());
        }
        configuration.remove("capabilities");
        if !given.is_empty() {
            configuration.insert("runtimeConfig".to_owned(), Value::Object(given));
        }
        Ok(())
    }

    /// Plugins pass over what they do not know, and a container would be wired otherwise than was asked for.
    fn everything_has_its_plugin(&self, plugins: &[Plugin]) -> Result<(), Error> {
        let given = |key: &str| {
            plugins.iter().any(|plugin| {
                plugin.configuration.get("runtimeConfig").is_some_and(|has| has.get(key).is_some())
            })
        };
        let has_ipam = |is: fn(&Map<String, Value>) -> bool| {
            let mut ipams = plugins.iter().filter_map(|plugin| plugin.configuration.get("ipam")?.as_object());
            ipams.any(is)
        };
        let (has_static, has_local) = (has_ipam(is_static), has_ipam(is_host_local));
        let written = |key| plugins.iter().any(|plugin| plugin.configuration.contains_key(key));
        let wrong = if !self.ports.is_empty() && !given("portMappings") {
            "no plugin of its list publishes ports"
        } else if self.network.mac.is_some() && !given("mac") && !written("mac") {
            "no plugin of its list sets the address of the network card"
        } else if !self.network.addresses.is_empty() && !has_static && !has_local && !given("ips") {
            "no plugin of its list takes addresses"
        } else if self.network.addresses.is_empty() && has_static && !has_written_addresses(plugins) {
            "it gives out no addresses, and none is written for this container"
        } else {
            return Ok(());
        };
        Err(self.wrong(wrong))
    }

    fn run(
        &self,
        plugin: &Plugin,
        command: &str,
        netns: &str,
        result: Option<&Value>,
    ) -> Result<Vec<u8>, Error> {
        let mut configuration = plugin.configuration.clone();
        if let Some(result) = result {
            configuration.insert("prevResult".to_owned(), result.clone());
        }
        let environment = [
            ("CNI_COMMAND", command),
            ("CNI_CONTAINERID", self.cni_id),
            ("CNI_NETNS", netns),
            ("CNI_IFNAME", &self.network.interface),
            ("CNI_PATH", self.cni_path),
            ("PATH", PATH),
        ];
        let environment = environment.map(|(name, value)| (name, OsStr::new(value)));
        let input = Value::Object(configuration).to_string();
        let answer = plugin::run(&plugin.program, &[], environment, input.as_bytes(), self.until)
            .map_err(|reason| self.failed(&plugin.name, reason))?;
        if answer.status.success() {
            return Ok(answer.output);
        }
        Err(self.failed(&plugin.name, said(&answer.output).unwrap_or_else(|| answer.complaint())))
    }

    fn failed(&self, plugin: &str, reason: String) -> Error {
        let network = self.network.name().to_owned();
        Error::Plugin { network, plugin: plugin.to_owned(), reason }
    }

    fn wrong(&self, reason: &str) -> Error {
        Error::Network { network: self.network.name().to_owned(), reason: reason.to_owned() }
    }
}

/// What a plugin says that failed: [the error object](https://www.cni.dev/docs/spec/#error), in one line.
fn said(output: &[u8]) -> Option<String> {
    let error: Value = serde_json::from_slice(output).ok()?;
    let text = |key: &str| error.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let message = text("msg")?;
    let details = text("details").map(|details| format!(": {details}")).unwrap_or_default();
    let code = error.get("code").map(|code| format!(" (code {code})")).unwrap_or_default();
    let line = format!("{message}{details}{code}");
    Some(crate::printable::printable_line(&line).into_owned())
}

fn capabilities(configuration: &Map<String, Value>) -> BTreeSet<String> {
    let asked = configuration.get("capabilities").and_then(Value::as_object);
    let asked = asked.into_iter().flatten().filter(|(_, asked)| **asked == Value::Bool(true));
    asked.map(|(name, _)| name.clone()).collect()
}

fn is_static(ipam: &Map<String, Value>) -> bool {
    ipam.get("type").is_some_and(|kind| kind == "static")
}

fn is_host_local(ipam: &Map<String, Value>) -> bool {
    ipam.get("type").is_some_and(|kind| kind == "host-local")
}

fn has_written_addresses(plugins: &[Plugin]) -> bool {
    let addresses = |plugin: &Plugin| plugin.configuration.get("ipam")?.get("addresses").cloned();
    plugins
        .iter()
        .filter_map(addresses)
        .any(|addresses| addresses.as_array().is_some_and(|all| !all.is_empty()))
}

/// Whether it can be the name of a file in a directory of plugins.
fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\0'])
}
