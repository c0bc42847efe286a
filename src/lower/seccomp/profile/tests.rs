use super::*;

fn parse(text: &str, held: &str, architecture: Architecture) -> Result<String, Invalid> {
    let held = held.split_whitespace().map(|name| name.parse().unwrap()).collect();
    let profile = parse_profile(text, &held, architecture, KernelVersion { major: 5, minor: 10 })?;
    Ok(serde_json::to_string(&profile).unwrap())
}

fn parsed(text: &str) -> String {
    parse(text, "", Architecture::Amd64).unwrap()
}

#[test]
fn the_spec_s_format_stays_as_it_is() {
    for text in [
        r#"{"defaultAction":"SCMP_ACT_ALLOW"}"#,
        r#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["chmod","fchmod"],"action":"SCMP_ACT_ERRNO"}]}"#,
        r#"{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":38,"architectures":["SCMP_ARCH_X86_64"],"flags":["SECCOMP_FILTER_FLAG_LOG"],"syscalls":[{"names":["socket"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":2,"valueTwo":1,"op":"SCMP_CMP_MASKED_EQ"}]}]}"#,
        r#"{"defaultAction":"SCMP_ACT_NOTIFY","listenerPath":"/run/s","listenerMetadata":"m"}"#,
    ] {
        let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(json(&parsed(text)), json(text));
    }
}

#[test]
fn absent_empty_and_null_are_one() {
    let want = r#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["a"],"action":"SCMP_ACT_LOG"}]}"#;
    for text in [
        r#"{"defaultAction":"SCMP_ACT_ALLOW","architectures":[],"flags":null,"syscalls":[{"names":["a"],"action":"SCMP_ACT_LOG","args":[]}]}"#,
        r#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"name":"a","action":"SCMP_ACT_LOG","args":null,"comment":"","includes":{},"excludes":{}}]}"#,
        r#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"name":"","names":["a"],"action":"SCMP_ACT_LOG"}]}"#,
        r#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["a"],"action":"SCMP_ACT_LOG","includes":{"caps":[],"arches":[]}}]}"#,
    ] {
        assert_eq!(parsed(text), want);
    }
    assert_eq!(
        parsed(r#"{"defaultAction":"SCMP_ACT_KILL","syscalls":[]}"#),
        r#"{"defaultAction":"SCMP_ACT_KILL"}"#
    );
}

#[test]
fn architectures_from_a_map() {
    let map = |architecture| {
        let text = r#"{"defaultAction":"SCMP_ACT_ALLOW","archMap":[
            {"architecture":"SCMP_ARCH_X86_64","subArchitectures":["SCMP_ARCH_X86"]},
            {"architecture":"SCMP_ARCH_RISCV64","subArchitectures":null}]}"#;
        parse(text, "", architecture).unwrap()
    };
    assert!(map(Architecture::Amd64).contains(r#"["SCMP_ARCH_X86_64","SCMP_ARCH_X86"]"#));
    assert!(map(Architecture::Riscv64).contains(r#"["SCMP_ARCH_RISCV64"]"#));
    assert!(map(Architecture::S390x).contains(r#"["SCMP_ARCH_S390X"]"#));
}

#[test]
fn conditions_are_decided() {
    let kept = |condition: &str, held: &str, architecture| {
        let rule = format!(r#"{{"names":["mount"],"action":"SCMP_ACT_ALLOW",{condition}}}"#);
        let text = format!(r#"{{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{rule}]}}"#);
        parse(&text, held, architecture).unwrap().contains("mount")
    };
    let amd64 = Architecture::Amd64;
    let both = r#""includes":{"caps":["CAP_SYS_ADMIN","CAP_BPF"]}"#;
    assert!(kept(both, "SYS_ADMIN BPF", amd64) && !kept(both, "SYS_ADMIN", amd64));
    let either = r#""excludes":{"caps":["CAP_SYS_ADMIN","CAP_BPF"]}"#;
    assert!(kept(either, "", amd64) && !kept(either, "BPF", amd64));
    let arches = r#""includes":{"arches":["x86","mipsel64"]}"#;
    assert!(kept(arches, "", Architecture::X86) && kept(arches, "", Architecture::Mips64le));
    assert!(!kept(arches, "", amd64) && !kept(arches, "", Architecture::Mips64));
    assert!(!kept(r#""excludes":{"arches":["amd64"]}"#, "", amd64));
    assert!(kept(r#""includes":{"minKernel":"5.10"}"#, "", amd64));
    assert!(!kept(r#""includes":{"minKernel":"5.11"}"#, "", amd64));
    assert!(!kept(r#""excludes":{"minKernel":"4.19"}"#, "", amd64));
    assert!(!kept(r#""includes":{"caps":["CAP_BPF"],"minKernel":"4.8"}"#, "", amd64));
}

#[test]
fn mistakes_are_named_and_found() {
    for (text, place, message, help) in [
        ("", "", "the file ends too early", ""),
        ("{", "{", "the file ends too early", ""),
        ("{\n \"defaultAction\": }", "}", "expected value", ""),
        (r#"{"defaultAction": 1}"#, "1", "expected value", ""),
        ("[]", "[]", "expected a seccomp profile, found a list", ""),
        ("{\"defaultAction\":\"SCMP_ACT_ALLOW\"} é", "é", "trailing characters", ""),
        ("{}", "{}", "missing field `defaultAction`", ""),
        (
            "{\n  \"défaultAction\": 1}",
            "défaultAction",
            "unknown field `défaultAction`",
            "did you mean `defaultAction`?",
        ),
        (
            "{\"defaultAction\":\n  \"SCMP_ACT_ALOW\"}",
            "SCMP_ACT_ALOW",
            "unknown action `SCMP_ACT_ALOW`",
            "did you mean `SCMP_ACT_ALLOW`?",
        ),
        (
            r#"{"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_X86-64"]}"#,
            "SCMP_ARCH_X86-64",
            "unknown architecture `SCMP_ARCH_X86-64`",
            "did you mean `SCMP_ARCH_X86_64`?",
        ),
        (
            r#"{"defaultAction":"SCMP_ACT_ALLOW","flags":["LOG"]}"#,
            "LOG",
            "unknown flag `LOG`",
            "expected one of",
        ),
        (
            r#"{"defaultAction":"SCMP_ACT_ALLOW","archMap":[],"architectures":[]}"#,
            "\"archMap\"",
            "both `architectures` and `archMap` are given",
            "remove one of them",
        ),
    ] {
        check(text, place, message, help);
    }
}

#[test]
fn mistakes_in_rules() {
    let args = |arg: &str| format!(r#""names":["a"],"action":"SCMP_ACT_LOG","args":[{{{arg}}}]"#);
    let when =
        |condition: &str| format!(r#""names":["a"],"action":"SCMP_ACT_LOG","includes":{{{condition}}}"#);
    for (rule, place, message, help) in [
        (r#""names":["a"]"#.to_owned(), r#"{"names":["a"]}"#, "missing field `action`", ""),
        (
            r#""action":"SCMP_ACT_LOG""#.to_owned(),
            r#"{"action":"SCMP_ACT_LOG"}"#,
            "a rule names no system call",
            "",
        ),
        (
            r#""name":"}","names":["a"],"action":"SCMP_ACT_LOG""#.to_owned(),
            r#"{"name":"}","names":["a"],"action":"SCMP_ACT_LOG"}"#,
            "a rule has both `name` and `names`",
            "",
        ),
        (r#""name":"a","nmaes":[]"#.to_owned(), "nmaes", "unknown field `nmaes`", "did you mean `names`?"),
        (r#""name":"a","name":"b""#.to_owned(), "name", "duplicate field `name`", ""),
        (r#""name":"a","errnoRet":4096"#.to_owned(), "4096", "4096 is not an error number", ""),
        (args(r#""index":6,"value":0,"op":"SCMP_CMP_EQ""#), "6", "a system call has arguments 0 to 5", ""),
        (
            args(r#""index":0,"value":0,"op":"SCMP_CMP_MASKEDEQ""#),
            "SCMP_CMP_MASKEDEQ",
            "unknown operator `SCMP_CMP_MASKEDEQ`",
            "did you mean `SCMP_CMP_MASKED_EQ`?",
        ),
        (
            when(r#""caps":["SYS_ADMIN"]"#),
            "SYS_ADMIN",
            "unknown capability `SYS_ADMIN`",
            "did you mean `CAP_SYS_ADMIN`?",
        ),
        (when(r#""arches":["amd46"]"#), "amd46", "unknown architecture `amd46`", "did you mean `amd64`?"),
        (when(r#""minKernel":"4""#), "4", "`4` is not a kernel version", ""),
    ] {
        check(
            &format!(r#"{{"defaultAction":"SCMP_ACT_KILL","syscalls":[{{{rule}}}]}}"#),
            place,
            message,
            help,
        );
    }
}

#[test]
fn a_place_is_part_of_the_text() {
    let text = r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["é\\\"ü"], "action": "☃", "comment": "}"}]}"#;
    for (end, _) in text.char_indices() {
        for cut in [&text[..end], &text[end..], &format!("{}☃{}", &text[..end], &text[end..])] {
            if let Err(invalid) = parse(cut, "", Architecture::Amd64) {
                assert!(cut.get(invalid.range.clone()).is_some(), "{cut} {invalid:?}");
            }
        }
    }
}

fn check(text: &str, place: &str, message: &str, help: &str) {
    let invalid = parse(text, "", Architecture::Amd64).expect_err(text);
    assert_eq!(invalid.message, message, "{text}");
    assert_eq!(text.get(invalid.range.clone()), Some(place), "{text} {invalid:?}");
    assert!(invalid.help.as_deref().unwrap_or_default().starts_with(help), "{text} {invalid:?}");
    assert!(!help.is_empty() || invalid.help.is_none(), "{text} {invalid:?}");
}
