//! What a runtime must be able to do to run a bundle: held against the versions the bundles are for, and against what
//! `runc features` or `crun features` printed.

use std::collections::BTreeSet;
use std::rc::Rc;

use serde_json::Value;

use super::origin::{Origin, Origins, escaped};
use crate::compose::value::runtime::{Runtime, RuntimeVersion};
use crate::diag::{Code, Diagnostics, Reported};
use crate::project::{Features, Settings};
use crate::source::{Span, Spanned};

/// Something that not every runtime can do, and the value that asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    what: What,
    /// The word in question: the option, the capability, the namespace.
    word: String,
    /// The JSON pointer to the value.
    at: String,
}

/// A kind of ability.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Apparmor,
    Capability,
    Domainname,
    Hook,
    MountOption,
    Namespace,
    OciVersion,
    Seccomp,
    SeccompAction,
    SeccompArchitecture,
    SeccompFlag,
    SeccompOperator,
    Selinux,
    SystemdCgroup,
}

/// The major and the minor version of a runtime.
type Version = (u32, u32);

/// When the runtimes learnt what not all of them can do, from their change logs. What is not here, all can do.
const LEARNT: &[(What, &str, Version, Version)] = &[
    (What::Domainname, "", (1, 2), (1, 7)),
    (What::MountOption, "idmap", (1, 2), (1, 4)),
    (What::MountOption, "ridmap", (1, 2), (1, 9)),
    (What::Namespace, "time", (1, 2), (1, 8)),
    (What::SeccompArchitecture, "SCMP_ARCH_LOONGARCH64", (1, 4), (1, 8)),
    (What::SeccompFlag, "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", (1, 5), (1, 8)),
];

/// Options of mounts that the kernel's file systems know nothing of: a runtime that does not know them either fails.
const RUNTIME_OPTIONS: &[&str] =
    &["idmap", "nosymfollow", "ridmap", "rnodev", "rnoexec", "rnosuid", "rro", "rrw", "tmpcopyup"];

/// Holds a `config.json` against the runtimes it is for. Every value that one of them cannot handle is an error.
pub fn check(
    d: &mut Diagnostics,
    service: &Spanned<Rc<str>>,
    config: &Value,
    filter: &[Need],
    origins: &Origins,
    settings: &Settings,
) -> Result<(), Reported> {
    let mut failed = Ok(());
    for need in needs(config, settings).iter().chain(filter) {
        let late = settings.runtimes.iter().filter_map(|runtime| missing(need, *runtime));
        let absent = settings.features.iter().filter(|features| !has(features, need)).map(|features| {
            let help = format!(
                "use a runtime that can, or write it another way; `{}` says what this one can",
                features.name
            );
            (format!("the runtime that printed `{}`", features.name), help)
        });
        if let Some((who, help)) = late.chain(absent).next() {
            failed = Err(refuse(d, need, service.span, origins, &who, &help));
        }
    }
    failed
}

fn refuse(
    d: &mut Diagnostics,
    need: &Need,
    service: Span,
    origins: &Origins,
    who: &str,
    help: &str,
) -> Reported {
    let draft = d.error(Code::Features, format!("{who} knows nothing of {}", described(need)));
    let label = format!("asks for it in `{}`", need.at);
    let draft = match origins.of(&need.at) {
        Some(Origin::Written(span)) => draft.label(*span, label),
        _ => draft.label(service, label),
    };
    draft.help(help).emit()
}

/// Who cannot do it, and who can.
fn missing(need: &Need, runtime: RuntimeVersion) -> Option<(String, String)> {
    let learnt =
        LEARNT.iter().find(|(what, word, ..)| *what == need.what && (word.is_empty() || *word == need.word));
    let (.., runc, crun) = learnt?;
    let version = match runtime.runtime {
        Runtime::Runc => *runc,
        Runtime::Crun => *crun,
    };
    (runtime.version < version).then(|| {
        let able = RuntimeVersion { version, ..runtime };
        let help = format!("{able} can: name what the bundles are for, such as `--target {}`", able.option());
        (runtime.to_string(), help)
    })
}

fn described(need: &Need) -> String {
    let word = &need.word;
    match need.what {
        What::Apparmor => format!("the AppArmor profile `{word}`"),
        What::Capability => format!("the capability `{word}`"),
        What::Domainname => format!("the `domainname` {word}"),
        What::Hook => format!("hooks of the kind `{word}`"),
        What::MountOption => format!("the mount option `{word}`"),
        What::Namespace => format!("a namespace of the kind `{word}`"),
        What::OciVersion => format!("version {word} of the runtime spec"),
        What::Seccomp => "filters of system calls".to_owned(),
        What::SeccompAction => format!("the seccomp action `{word}`"),
        What::SeccompArchitecture => format!("the seccomp architecture `{word}`"),
        What::SeccompFlag => format!("the seccomp flag `{word}`"),
        What::SeccompOperator => format!("the seccomp operator `{word}`"),
        What::Selinux => format!("the SELinux label `{word}`"),
        What::SystemdCgroup => "control groups through systemd".to_owned(),
    }
}

/// Whether a runtime that described itself can do something. What it does not speak of, it is taken to be able to do.
fn has(features: &Features, need: &Need) -> bool {
    let listed = |list: &Option<BTreeSet<String>>| list.as_ref().is_none_or(|list| list.contains(&need.word));
    let (linux, seccomp) = (&features.linux, &features.linux.seccomp);
    match need.what {
        What::Apparmor => linux.apparmor.enabled != Some(false),
        What::Capability => listed(&linux.capabilities),
        // No list speaks of it: it came with version 1.1 of the spec.
        What::Domainname => takes(features, "1.1.0"),
        What::Hook => listed(&features.hooks),
        What::MountOption => listed(&features.mount_options),
        What::Namespace => listed(&linux.namespaces),
        What::OciVersion => takes(features, &need.word),
        What::Seccomp => seccomp.enabled != Some(false),
        What::SeccompAction => listed(&seccomp.actions),
        What::SeccompArchitecture => listed(&seccomp.archs),
        What::SeccompFlag => listed(&seccomp.supported_flags),
        What::SeccompOperator => listed(&seccomp.operators),
        What::Selinux => linux.selinux.enabled != Some(false),
        What::SystemdCgroup => linux.cgroup.systemd != Some(false),
    }
}

/// Whether a version of the spec is one a runtime takes. All take a later patch, and runc 1.1 says `1.0.2-dev` and
/// takes 1.1 all the same, as it looks at the major version alone.
fn takes(features: &Features, version: &str) -> bool {
    let minor = |text: &str| {
        let mut numbers = text.split(['.', '-', '+']).map_while(|number| number.parse::<u32>().ok());
        Some((numbers.next()?, numbers.next()?))
    };
    let old = features.oci_version_max.as_deref() == Some("1.0.2-dev");
    let max = features.oci_version_max.as_deref().and_then(minor);
    old || max.zip(minor(version)).is_none_or(|(max, wanted)| wanted <= max)
}

/// Everything in a `config.json` that not every runtime can do.
fn needs(config: &Value, settings: &Settings) -> Vec<Need> {
    let mut needs = Vec::new();
    let words: [(What, &str); 5] = [
        (What::OciVersion, "/ociVersion"),
        (What::Domainname, "/domainname"),
        (What::Apparmor, "/process/apparmorProfile"),
        (What::Selinux, "/process/selinuxLabel"),
        (What::Selinux, "/linux/mountLabel"),
    ];
    needs.extend(words.into_iter().filter_map(|(what, at)| word(config, what, at)));
    // No other set has one that this has not.
    needs.extend(list(config, What::Capability, "/process/capabilities/bounding"));
    let hooks = config.pointer("/hooks").and_then(Value::as_object).into_iter().flatten();
    needs.extend(hooks.map(|(kind, _)| need(What::Hook, kind, format!("/hooks/{}", escaped(kind)))));
    for (at, namespace) in items(config.pointer("/linux/namespaces"), "/linux/namespaces") {
        needs.extend(member(namespace, What::Namespace, &at, "type"));
    }
    for (at, mount) in items(config.get("mounts"), "/mounts") {
        for (at, option) in items(mount.get("options"), &format!("{at}/options")) {
            let known = option.as_str().filter(|option| RUNTIME_OPTIONS.contains(option));
            needs.extend(known.map(|option| need(What::MountOption, option, at)));
        }
    }
    if settings.systemd() && config.pointer("/linux/cgroupsPath").is_some() {
        needs.push(need(What::SystemdCgroup, "", "/linux/cgroupsPath".into()));
    }
    needs
}

/// What a filter of system calls asks for. Every word once: a profile has hundreds of rules.
pub fn of_filter(filter: &Value) -> Vec<Need> {
    let mut needs = vec![need(What::Seccomp, "", String::new())];
    needs.extend(word(filter, What::SeccompAction, "/defaultAction"));
    needs.extend(list(filter, What::SeccompArchitecture, "/architectures"));
    needs.extend(list(filter, What::SeccompFlag, "/flags"));
    for (at, rule) in items(filter.get("syscalls"), "/syscalls") {
        needs.extend(member(rule, What::SeccompAction, &at, "action"));
        for (at, argument) in items(rule.get("args"), &format!("{at}/args")) {
            needs.extend(member(argument, What::SeccompOperator, &at, "op"));
        }
    }
    needs.sort_by(|a, b| a.word.cmp(&b.word));
    needs.dedup_by(|a, b| a.what == b.what && a.word == b.word);
    for need in &mut needs {
        need.at.insert_str(0, "/linux/seccomp");
    }
    needs
}

fn need(what: What, word: &str, at: String) -> Need {
    Need { what, word: word.to_owned(), at }
}

fn word(config: &Value, what: What, at: &str) -> Option<Need> {
    config.pointer(at).and_then(Value::as_str).map(|word| need(what, word, at.to_owned()))
}

/// The text under a key of the mapping at a pointer.
fn member(mapping: &Value, what: What, at: &str, key: &str) -> Option<Need> {
    mapping.get(key).and_then(Value::as_str).map(|word| need(what, word, format!("{at}/{key}")))
}

fn list<'c>(config: &'c Value, what: What, at: &'c str) -> impl Iterator<Item = Need> + use<'c> {
    let texts = items(config.pointer(at), at);
    texts.filter_map(move |(at, item)| item.as_str().map(|word| need(what, word, at)))
}

/// The items of a list at a pointer, each with its own.
fn items<'c>(list: Option<&'c Value>, at: &str) -> impl Iterator<Item = (String, &'c Value)> + use<'c> {
    let at = at.to_owned();
    let items = list.and_then(Value::as_array).into_iter().flatten();
    items.enumerate().map(move |(index, item)| (format!("{at}/{index}"), item))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> RuntimeVersion {
        text.parse().unwrap()
    }

    #[test]
    fn what_a_version_has_not_learnt_names_the_one_that_has() {
        let need = need(What::Domainname, "example.org", "/domainname".into());
        assert_eq!(missing(&need, version("crun-1.8")), None);
        assert_eq!(missing(&need, version("runc-1.2")), None);
        let (who, help) = missing(&need, version("runc-1.1")).unwrap();
        assert_eq!(who, "runc 1.1");
        assert!(help.contains("--target runc-1.2"), "{help}");
    }

    #[test]
    fn versions_of_the_spec_are_compared_by_number() {
        let features = |max: &str| Features { oci_version_max: Some(max.into()), ..Features::default() };
        assert!(takes(&features("1.0.2-dev"), "1.1.0"), "runc 1.1");
        assert!(takes(&features("1.1.0+dev"), "1.1.0"), "crun");
        assert!(takes(&features("1.10.0"), "1.2.0"));
        assert!(!takes(&features("1.1.0"), "1.2.0"));
        assert!(takes(&Features::default(), "1.2.0"));
    }
}
