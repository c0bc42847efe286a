//! The programs of this host that runtimes call when they start the containers.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::bundle::Hook;
use crate::hook::argv::{Arguments, PATH};

/// What is to be done where a hook's own program is missing.
const INSTALL: &str = "install bundlegen there, or build with `--hook PATH`";

/// The Debian package with the plugins, as other distributions call it too.
const PLUGINS: &str = "install the package containernetworking-plugins";

/// Plugins that call it.
const WITH_IPTABLES: [&str; 3] = ["bridge", "firewall", "portmap"];

/// Names every program that is missing, once, and what is to be done.
pub(super) fn check(hooks: &[&Hook], report: &mut dyn FnMut(String, &'static str)) {
    let programs: BTreeSet<&str> = hooks.iter().map(|hook| hook.path.as_str()).collect();
    for program in programs.into_iter().filter(|program| !Path::new(program).is_file()) {
        report(program.to_owned(), INSTALL);
    }
    let told = hooks.iter().filter_map(|hook| Arguments::of_hook(hook.args.iter().map(String::as_str)));
    let mut plugins: BTreeSet<(String, String)> = BTreeSet::new();
    for told in told {
        let lists = told.networks.iter().map(|network| &network.list);
        plugins.extend(lists.flat_map(plugins_of).map(|plugin| (plugin, told.cni_path.clone())));
    }
    for (plugin, paths) in &plugins {
        if !paths.split(':').any(|path| is_in(path, plugin)) {
            report(format!("the CNI plugin {plugin}"), PLUGINS);
        }
    }
    let needed = plugins.iter().any(|(plugin, _)| WITH_IPTABLES.contains(&plugin.as_str()));
    if needed && !PATH.split(':').any(|path| is_in(path, "iptables")) {
        report("iptables".to_owned(), "install the package iptables");
    }
}

/// A plugin is a file of one of the directories, and nowhere else.
fn is_in(directory: &str, program: &str) -> bool {
    !program.contains('/') && Path::new(directory).join(program).is_file()
}

/// The plugins of a list, and those that they call.
fn plugins_of(list: &Value) -> Vec<String> {
    let plugins = list.get("plugins").and_then(Value::as_array).into_iter().flatten();
    let kinds = plugins.flat_map(|plugin| [plugin.get("type"), plugin.pointer("/ipam/type")]);
    kinds.flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is missing for a container in a bridge, with the plugins in a directory.
    fn missing(path: &str, plugins: &Path) -> Vec<String> {
        let plugin = r#"{"type":"bridge","ipam":{"type":"static"}},{"type":"portmap"},{"type":"../x"}"#;
        let network = format!(r#"--network={{"list":{{"plugins":[{plugin}]}},"interface":"eth0"}}"#);
        let words = ["bundlegen", "hook", "network", "attach", "--project=p", "--bundle=b"];
        let mut args: Vec<String> = words.map(str::to_owned).to_vec();
        args.extend([network, format!("--cni-path=/no/such:{}", plugins.display())]);
        let hook = Hook { path: path.to_owned(), args };
        let mut missing = Vec::new();
        check(&[&hook, &hook], &mut |program, _| missing.push(program));
        missing.retain(|program| program != "iptables");
        missing
    }

    #[test]
    fn every_program_is_named_once() {
        let scratch = tempfile::tempdir().unwrap();
        let all = ["../x", "bridge", "portmap", "static"].map(|plugin| format!("the CNI plugin {plugin}"));
        assert_eq!(missing("/no/such/bundlegen", scratch.path())[1..], all);
        assert_eq!(missing("/no/such/bundlegen", scratch.path())[0], "/no/such/bundlegen");
        for plugin in ["bridge", "portmap", "static"] {
            std::os::unix::fs::symlink("/proc/self/exe", scratch.path().join(plugin)).unwrap();
        }
        // What is not the name of a file is no plugin.
        assert_eq!(missing("/proc/self/exe", scratch.path()), all[..1]);
    }
}
