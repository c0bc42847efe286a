use std::collections::BTreeSet;

use serde_json::Value;

use super::*;

fn capabilities(names: &str) -> BTreeSet<Capability> {
    names.split_whitespace().map(|name| name.parse().unwrap()).collect()
}

/// The profile as JSON; no value of it may be null.
fn default_json(names: &str, architecture: Architecture) -> Value {
    let json = serde_json::to_value(default_profile(&capabilities(names), architecture)).unwrap();
    assert!(!json.to_string().contains("null"));
    json
}

fn allows(profile: &Value, call: &str) -> bool {
    let rules = profile["syscalls"].as_array().unwrap();
    let unconditional = |rule: &&Value| rule["action"] == "SCMP_ACT_ALLOW" && rule.get("args").is_none();
    rules.iter().filter(unconditional).any(|rule| rule["names"].as_array().unwrap().iter().any(|n| n == call))
}

#[test]
fn tables_are_sorted() {
    assert!(ALWAYS.is_sorted());
    assert!(BY_CAPABILITY.is_sorted_by_key(|(capability, _)| capability));
    let by_architecture = BY_ARCHITECTURE.iter().map(|(_, calls)| *calls);
    for calls in by_architecture.chain(BY_CAPABILITY.iter().map(|(_, calls)| *calls)) {
        assert!(calls.is_sorted(), "{calls:?}");
        assert!(calls.iter().all(|call| !ALWAYS.contains(call)), "{calls:?}");
    }
}

#[test]
fn capabilities_open_calls() {
    let plain = default_json("CHOWN SYS_CHROOT", Architecture::Amd64);
    let admin = default_json("SYS_ADMIN", Architecture::Amd64);
    for call in ["mount", "unshare", "setns", "clone", "clone3", "bpf"] {
        assert!(!allows(&plain, call) && allows(&admin, call), "{call}");
    }
    assert!(allows(&plain, "chroot") && !allows(&admin, "chroot"));
    assert!(allows(&plain, "arch_prctl"));
    assert!(!allows(&default_json("", Architecture::Arm64), "arch_prctl"));
}

#[test]
fn clone_without_namespaces() {
    let last =
        |architecture| default_json("", architecture)["syscalls"].as_array().unwrap().clone().split_off(9);
    let expected = |index| {
        serde_json::json!([
            {
                "names": ["clone"], "action": "SCMP_ACT_ALLOW",
                "args": [{"index": index, "op": "SCMP_CMP_MASKED_EQ", "value": 2_114_060_288_u32}],
            },
            {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38},
        ])
    };
    assert_eq!(Value::from(last(Architecture::Ppc64)), expected(0));
    assert_eq!(Value::from(last(Architecture::S390x)[1..].to_vec()), expected(1));
}

/// A rule per call, so that lists that are cut differently compare equal.
type Rules = BTreeSet<(String, String, String, String)>;

fn flattened(rules: &[Value]) -> Rules {
    let names = |rule: &Value| rule["names"].as_array().cloned().unwrap_or_default();
    let text = |rule: &Value, key: &str| {
        rule.get(key).filter(|v| **v != serde_json::json!([])).map(Value::to_string)
    };
    let row = |rule: &Value, name: Value| {
        let [action, errno, args] =
            ["action", "errnoRet", "args"].map(|key| text(rule, key).unwrap_or_default());
        (name.to_string(), action, errno, args)
    };
    rules.iter().flat_map(|rule| names(rule).into_iter().map(move |name| row(rule, name))).collect()
}

/// Docker's profile decided a second time, by a few lines that share nothing with the code under test.
fn docker_rules(profile: &Value, held: &BTreeSet<Capability>, arch: &str) -> Rules {
    let strings = |list: &Value| -> Vec<String> {
        list.as_array().into_iter().flatten().map(|v| v.as_str().unwrap().to_owned()).collect()
    };
    let has = |name: &String| held.iter().any(|c| c.name() == name);
    let holds = |rule: &&Value| {
        let (inc, exc) = (&rule["includes"], &rule["excludes"]);
        let arches = strings(&inc["arches"]);
        strings(&inc["caps"]).iter().all(has)
            && (arches.is_empty() || arches.iter().any(|a| a == arch))
            && !strings(&exc["caps"]).iter().any(has)
            && !strings(&exc["arches"]).iter().any(|a| a == arch)
    };
    let rules: Vec<Value> = profile["syscalls"].as_array().unwrap().iter().filter(holds).cloned().collect();
    flattened(&rules)
}

fn docker_architectures(profile: &Value, own: &str) -> Vec<String> {
    let entry = profile["archMap"].as_array().unwrap().iter().find(|entry| entry["architecture"] == own);
    let below = entry.and_then(|entry| entry["subArchitectures"].as_array()).cloned().unwrap_or_default();
    std::iter::once(own.to_owned()).chain(below.iter().map(|v| v.as_str().unwrap().to_owned())).collect()
}

const DOCKER_NAMES: &[(Architecture, &str, &str)] = &[
    (Architecture::X86, "x86", "SCMP_ARCH_X86"),
    (Architecture::Amd64, "amd64", "SCMP_ARCH_X86_64"),
    (Architecture::Arm, "arm", "SCMP_ARCH_ARM"),
    (Architecture::Arm64, "arm64", "SCMP_ARCH_AARCH64"),
    (Architecture::Loong64, "loongarch64", "SCMP_ARCH_LOONGARCH64"),
    (Architecture::Mips64, "mips64", "SCMP_ARCH_MIPS64"),
    (Architecture::Mips64le, "mipsel64", "SCMP_ARCH_MIPSEL64"),
    (Architecture::Ppc64le, "ppc64le", "SCMP_ARCH_PPC64LE"),
    (Architecture::Riscv64, "riscv64", "SCMP_ARCH_RISCV64"),
    (Architecture::S390x, "s390x", "SCMP_ARCH_S390X"),
];

/// `BUNDLEGEN_MOBY_PROFILE` names a copy of moby's `default.json`.
#[test]
#[expect(clippy::disallowed_methods, reason = "the file is not part of the source tree")]
#[expect(clippy::print_stderr, reason = "a test that was skipped says so")]
fn as_docker_s_own_profile() {
    let Ok(path) = std::env::var("BUNDLEGEN_MOBY_PROFILE") else {
        eprintln!("skipped: BUNDLEGEN_MOBY_PROFILE does not name Docker's profile");
        return;
    };
    let text = std::fs::read_to_string(path).unwrap();
    let docker: Value = serde_json::from_str(&text).unwrap();
    let every: BTreeSet<_> = Capability::ALL.iter().copied().collect();
    let one_each = Capability::ALL.iter().map(|c| BTreeSet::from([*c]));
    let but_one = Capability::ALL.iter().map(|c| &every - &BTreeSet::from([*c]));
    let none_and_all = [BTreeSet::new(), every.clone()];
    for held in none_and_all.into_iter().chain(one_each).chain(but_one) {
        for (architecture, name, own) in DOCKER_NAMES {
            let ours = serde_json::to_value(default_profile(&held, *architecture)).unwrap();
            let parsed = parse_profile(&text, &held, *architecture, KernelVersion::OLDEST).unwrap();
            let parsed = serde_json::to_value(parsed).unwrap();
            let want = docker_rules(&docker, &held, name);
            for got in [&ours, &parsed] {
                assert_eq!(flattened(got["syscalls"].as_array().unwrap()), want, "{name} {held:?}");
                assert_eq!(got["architectures"], serde_json::json!(docker_architectures(&docker, own)));
                assert_eq!(got["defaultAction"], docker["defaultAction"]);
                assert_eq!(got["defaultErrnoRet"], docker["defaultErrnoRet"]);
                assert!(!got.to_string().contains("null"));
            }
        }
    }
}
