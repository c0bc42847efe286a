use std::collections::BTreeMap;
use std::path::Path;

use super::*;
use crate::source::FileId;
use crate::yaml::Plain;

/// A tree on one line, keys in the order of the alphabet.
fn line(node: &Node) -> String {
    match &node.value {
        Value::Map(_) => {
            let mut entries: Vec<String> =
                node.entries().iter().map(|entry| format!("{}: {}", entry.key, line(&entry.value))).collect();
            entries.sort();
            format!("{{{}}}", entries.join(", "))
        }
        Value::Seq(items) => format!("[{}]", items.iter().map(line).collect::<Vec<_>>().join(", ")),
        Value::Scalar(scalar) if scalar.text.is_empty() && scalar.resolve() == Plain::Str => "''".to_owned(),
        Value::Scalar(scalar) => scalar.text.to_string(),
        Value::Null => "~".to_owned(),
        _ => "broken".to_owned(),
    }
}

/// A project with one file, and what came of it.
struct Project {
    sources: Sources,
    d: Diagnostics,
    loaded: Loaded,
    selection: Selection,
}

impl Project {
    fn new(text: &str) -> Self {
        let mut sources = Sources::default();
        let main = sources.add("compose.yaml".into(), text.into());
        Project::of(sources, main)
    }

    /// A project in a directory.
    #[expect(clippy::disallowed_methods, reason = "the test makes its input")]
    fn at(text: &str, directory: &Path) -> Self {
        let path = directory.join("compose.yaml");
        std::fs::write(&path, text).unwrap();
        let mut sources = Sources::default();
        let main = sources.read_from(&path, directory).unwrap();
        Project::of(sources, main)
    }

    fn of(sources: Sources, main: FileId) -> Self {
        let mut d = Diagnostics::default();
        let root = crate::yaml::documents(&mut d, main, &sources.text(main)).unwrap().remove(0);
        let process = [("SET", "yes"), ("HOME", "/home/me")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        let environment = Environment { process: BTreeMap::from(process), ..Environment::default() };
        let loaded = Loaded {
            name: "p".into(),
            root,
            main,
            environment,
            references: References::default(),
            outer_references: References::default(),
        };
        Project { sources, d, loaded, selection: Selection::default() }
    }

    fn profile(mut self, name: &str) -> Self {
        self.selection.profiles.push(name.into());
        self
    }

    fn service(mut self, name: &str) -> Self {
        self.selection.services.push(name.into());
        self
    }

    fn complete(&mut self) -> Option<Node> {
        complete(&mut self.d, &mut self.sources, &self.loaded, &self.selection).ok().map(|model| model.root)
    }

    /// What is left of the tree at a path.
    fn at_path(mut self, path: &str) -> String {
        let root = self.complete().unwrap();
        assert_eq!(self.found(), [""; 0]);
        edit::all(&root, path).into_iter().map(line).collect::<Vec<_>>().join(" ")
    }

    /// The findings, each with what stands at its places.
    fn found(&self) -> Vec<String> {
        let place = |label: &crate::diag::Label| format!(" @{}", self.sources.slice(label.span));
        let found =
            |d: &crate::diag::Diagnostic| d.message.clone() + &d.labels.iter().map(place).collect::<String>();
        self.d.sorted().into_iter().map(found).collect()
    }

    fn errors(mut self) -> Vec<String> {
        self.complete();
        self.found()
    }
}

fn services(text: &str) -> Project {
    Project::new(&format!("services: {{{text}}}"))
}

#[test]
fn defaults_are_filled_in() {
    let table = [
        ("a: {build: {}}", "a.build", "{context: ., dockerfile: Dockerfile}"),
        ("a: {build: {dockerfile_inline: FROM x}}", "a.build", "{context: ., dockerfile_inline: FROM x}"),
        ("a: {image: x, ports: [{target: 80}]}", "a.ports", "[{mode: ingress, protocol: tcp, target: 80}]"),
        ("a: {image: x, gpus: [{}, {device_ids: [b]}]}", "a.gpus", "[{count: -1}, {device_ids: [b]}]"),
        ("a: {image: x, pull_policy: if_not_present}", "a.pull_policy", "missing"),
        (
            "a: {image: x, labels: {b: }, environment: {c: }}",
            "a",
            "{environment: {c: ~}, image: x, labels: {b: ''}, networks: {default: ~}}",
        ),
        (
            "a: {image: x, volumes: [{type: tmpfs, target: /x/../y/}]}",
            "a.volumes",
            "[{target: /y, type: tmpfs}]",
        ),
        ("a: {image: x, networks: {}}", "a.networks", "{default: ~}"),
        ("a: {image: x, network_mode: none}", "a", "{image: x, network_mode: none}"),
        ("a: {provider: {type: x}}", "a", "{provider: {type: x}}"),
        ("a: {image: x, scale: 2, deploy: {}}", "a.deploy", "{replicas: 2}"),
    ];
    for (text, path, want) in table {
        assert_eq!(services(text).at_path(&format!("services.{path}")), want, "{text}");
    }
}

#[test]
fn definitions_have_names() {
    let text = "services: {a: {image: x, networks: {n: , default: }, volumes: [{type: volume, source: v, target: /v}],
        secrets: [{source: s}], configs: [{source: c}]}}
networks: {n: {external: true}, unused: }
volumes: {v: , w: }
secrets: {s: {file: x}}
configs: {c: {environment: SET, name: given}}";
    for (section, want) in [
        ("networks", "{default: {name: p_default}, n: {external: true, name: n}}"),
        ("volumes", "{v: {name: p_v}}"),
        ("secrets", "{s: {file: x, name: p_s}}"),
        ("configs", "{c: {content: yes, environment: SET, name: given}}"),
        ("services.a.secrets", "[{source: s, target: /run/secrets/s}]"),
        ("services.a.configs", "[{source: c}]"),
    ] {
        assert_eq!(Project::new(text).at_path(section), want);
    }
}

#[test]
fn names_without_values_take_those_of_the_environment() {
    let text =
        "a: {image: x, environment: {SET: , UNSET: , OWN: 1}, build: {context: ., args: {SET: , UNSET: }}}";
    assert_eq!(services(text).at_path("services.a.environment"), "{OWN: 1, SET: yes, UNSET: ~}");
    assert_eq!(services(text).at_path("services.a.build.args"), "{SET: yes}");
}

#[test]
fn profiles_turn_services_on() {
    let text = "a: {image: x}, b: {image: x, profiles: [p]}, c: {image: x, profiles: ['']}";
    let on = |project: Project| {
        let names = |root: Node| {
            root.get("services").unwrap().entries().iter().map(|e| e.key.to_string()).collect::<Vec<_>>()
        };
        let mut project = project;
        names(project.complete().unwrap()).join(" ")
    };
    assert_eq!(on(services(text)), "a c");
    assert_eq!(on(services(text).profile("p")), "a b");
    assert_eq!(on(services(text).profile("*")), "a b c");
    assert_eq!(on(services(text).profile("q")), "a");
    assert_eq!(on(services(text).service("b")), "b");
    assert_eq!(on(services(text).service("[a-b]")), "a");
    let mut by_variable = services(text);
    by_variable.loaded.environment.process.insert("COMPOSE_PROFILES".into(), "x, p".into());
    assert_eq!(on(by_variable), "a b");
}

#[test]
fn selected_services_bring_what_they_need() {
    let text = "a: {image: x, depends_on: {b: {condition: service_started}, off: {condition: service_started, required: false}}},
        b: {image: x, links: ['c:alias']}, c: {image: x}, d: {image: x}, off: {image: x, profiles: [p]}";
    assert_eq!(
        services(text).service("a").at_path("services.*.depends_on"),
        "{b: {condition: service_started, required: true}} {c: {condition: service_started, required: true, restart: true}}"
    );
    assert_eq!(services(text).service("e").errors(), ["no service is called `e`"]);
}

#[test]
fn services_wait_for_those_they_use() {
    let text = "a: {image: x, pid: 'service:b', volumes_from: ['c:ro', 'container:z'], depends_on: {c: {condition: service_healthy}}}, b: {image: x}, c: {image: x}";
    assert_eq!(
        services(text).at_path("services.a.depends_on"),
        "{b: {condition: service_started, required: true, restart: true}, c: {condition: service_healthy, required: true}}"
    );
}

#[test]
fn files_of_variables_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        #[expect(clippy::disallowed_methods, reason = "the test makes its input")]
        std::fs::write(dir.path().join(name), text).unwrap();
    };
    write("a.env", "A=1\nB=$OWN $SET\nHIDDEN=x\n");
    write("b.env", "A=2\nC=$A\n");
    write("raw.env", "R=\"$A\"\n");
    write("l.label", "x=1\ny=2\n");
    let text = "services: {a: {image: x, env_file: [{path: a.env}, {path: b.env}, {path: none.env, required: false}, {path: raw.env, format: raw}],
        environment: {OWN: o, HIDDEN: }, label_file: [l.label], labels: {y: 3}},
        off: {image: x, profiles: [p], env_file: [{path: none.env}]}}";
    let mut project = Project::at(text, dir.path());
    let root = project.complete().unwrap();
    let a = edit::all(&root, "services.a");
    assert_eq!(
        line(a[0]),
        "{environment: {A: 2, B: o yes, C: 2, HIDDEN: ~, OWN: o, R: \"$A\"}, image: x, labels: {x: 1, y: 3}, networks: {default: ~}}"
    );
    assert_eq!(project.found(), ["`HIDDEN` is not set here, and hides what the env file says @HIDDEN @x"]);
    let missing = Project::at(text, dir.path()).profile("p").errors();
    assert!(
        missing.iter().any(|found| found.contains("none.env cannot be read: no such file @none.env")),
        "{missing:?}"
    );
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let table: &[(&str, &[&str])] = &[
        ("a: {}", &["service `a` has no image @a"]),
        ("a: {image: ''}", &["service `a` has no image @a"]),
        ("a: {x-bundlegen: {rootfs: .}}", &[]),
        (
            "a: {build: {dockerfile: x, dockerfile_inline: y}}",
            &["`dockerfile` and `dockerfile_inline` exclude each other @dockerfile_inline @dockerfile"],
        ),
        ("a: {image: x, networks: {nt: }}", &["no network is called `nt` @nt"]),
        (
            "a: {image: x, networks: {b: }, network_mode: none}",
            &[
                "`network_mode` and `networks` exclude each other @networks @network_mode",
                "no network is called `b` @b",
            ],
        ),
        ("a: {image: x, volumes: [{type: volume, source: v, target: /v}]}", &["no volume is called `v` @v"]),
        (
            "a: {image: x, volumes: [{type: bind}]}",
            &["a mount needs `target` @{type: bind}", "a bind mount needs a `source` @{type: bind}"],
        ),
        (
            "a: {image: x, secrets: [{source: s}, {}], build: {secrets: [{source: t}]}}",
            &[
                "no secret is called `s` @s",
                "a secret of a service needs `source` @{}",
                "no secret is called `t` @t",
            ],
        ),
        (
            "a: {image: x, configs: [{source: s}], models: {m: }}",
            &["no config is called `s` @s", "no model is called `m` @m"],
        ),
        (
            "a: {image: x, healthcheck: {test: [cmd, x]}}",
            &["the test of a healthcheck begins with `CMD`, `CMD-SHELL` or `NONE`, and this with `cmd` @cmd"],
        ),
        (
            "a: {image: x, scale: 2, deploy: {replicas: 3}}",
            &["`scale` is 2, and `deploy.replicas` is 3 @3 @2"],
        ),
        ("a: {image: x, scale: -1}", &["`scale` may not be negative, and is -1 @-1"]),
        ("a: {image: x, cpus: 0.5, deploy: {resources: {limits: {cpus: '0.50'}}}}", &[]),
        (
            "a: {image: x, cpus: 0.5, deploy: {resources: {limits: {}}}}",
            &["`cpus` is 0.5, and `deploy.resources.limits` has no `cpus` @limits @0.5"],
        ),
        (
            "a: {image: x, mem_limit: 1, deploy: {resources: {limits: {memory: 2}}}}",
            &["`mem_limit` is 1, and `deploy.resources.limits.memory` is 2 @2 @1"],
        ),
        ("a: {image: x, pids_limit: 0, deploy: {resources: {limits: {pids: 2}}}}", &[]),
        (
            "a: {image: x, container_name: c, deploy: {replicas: 3}}",
            &["3 containers cannot have one `container_name` @container_name @3"],
        ),
        (
            "a: {image: x, container_name: c}, b: {image: x, container_name: c}",
            &["two containers are called `c` @c @c"],
        ),
        (
            "a: {image: x, tmpfs: ['/t:size=1'], volumes: [{type: tmpfs, target: /t/}]}",
            &["two mounts on `/t` @/t:size=1 @{type: tmpfs, target: /t/}"],
        ),
        (
            "a: {image: x, develop: {watch: [{path: ., action: sync}, {path: '', action: rebuild}]}}",
            &[
                "a watch with `action: sync` needs `target` @{path: ., action: sync}",
                "the path of a watch may not be empty @''",
            ],
        ),
        (
            "a: {image: x, ports: [{target: 1, host_ip: 1.2.3}, {target: 1, host_ip: '::1'}]}",
            &["`1.2.3` is no IP address @1.2.3"],
        ),
        (
            "a: {image: x, gpus: [{count: 1, device_ids: [a]}]}",
            &["`count` and `device_ids` exclude each other @device_ids @count"],
        ),
        (
            "a: {image: x, build: {platforms: [b]}, platform: c}",
            &["the image is not built for the platform `c` @c @[b]"],
        ),
        (
            "a: {build: {additional_contexts: {x: 'service:b', y: 'service:c'}}}, b: {image: x}",
            &["the service `b` is not built, and cannot be a context @b @b", "no service is called `c` @c"],
        ),
    ];
    for (text, want) in table {
        assert_eq!(services(text).errors(), *want, "{text}");
    }
}

#[test]
fn services_that_are_off_may_be_wrong() {
    assert_eq!(services("a: {profiles: [p], networks: {n: }, depends_on: {z: {}}}").errors(), [""; 0]);
}

#[test]
fn definitions_are_checked_used_or_not() {
    let table: &[(&str, &[&str])] = &[
        (
            "volumes: {v: {external: true, driver: x, x-a: 1}}",
            &["`driver` has no meaning for a volume with `external: true` @driver @external"],
        ),
        (
            "secrets: {s: {file: a, environment: B}}",
            &["`file` and `environment` of a secret exclude each other @environment @file"],
        ),
        ("secrets: {s: {}}", &["the secret `s` has no content @s"]),
        ("secrets: {s: {driver: x}}", &["the secret `s` has no content @s"]),
        ("secrets: {s: {external: false}}", &["the secret `s` has no content @s"]),
        ("secrets: {s: {file: ''}, t: {external: true}}", &[]),
        ("configs: {c: {}, e: {external: false}}", &["the config `c` has no content @c"]),
        (
            "configs: {c: {content: x, file: y}}",
            &["`file` and `content` of a config exclude each other @content @file"],
        ),
    ];
    for (text, want) in table {
        assert_eq!(Project::new(text).errors(), *want, "{text}");
    }
}

#[test]
fn dependencies_must_be_there_and_on() {
    let needs = |more: &str| format!("a: {{image: x, {more}}}, b: {{image: x, profiles: [p]}}");
    let off = "the service `b` is needed, and none of its profiles is on";
    let table: &[(&str, &[&str])] = &[
        ("depends_on: {b: {condition: service_started}}", &["@b @[p]"]),
        ("depends_on: {b: {required: false}}", &[]),
        ("links: ['b:c']", &["@b @[p]"]),
        ("depends_on: {b: {required: false}}, network_mode: 'service:b'", &["@b @[p]"]),
    ];
    for (text, want) in table {
        let want: Vec<String> = want.iter().map(|places| format!("{off} {places}")).collect();
        assert_eq!(services(&needs(text)).errors(), want, "{text}");
        assert_eq!(services(&needs(text)).profile("p").errors(), [""; 0], "{text}");
    }
    let unknown = needs("depends_on: {z: {required: false}}, ipc: 'service:y'");
    assert_eq!(services(&unknown).errors(), ["no service is called `z` @z", "no service is called `y` @y"]);
    let cycle = "a: {image: x, links: [b]}, b: {image: x, pid: 'service:a'}";
    assert_eq!(services(cycle).errors(), ["services wait for each other: a → b → a @b @a"]);
}

#[test]
fn paths_are_absolute_for_who_asks() {
    let text = "services: {a: {image: x, build: {context: ., additional_contexts: {u: 'https://x', d: ../d, s: ''}, ssh: {default: , k: ~/k}},
        develop: {watch: [{path: ./w/, action: rebuild}]},
        volumes: [{type: bind, source: '', target: /b}, {type: bind, source: 'C:\\x', target: /c}, {type: volume, source: v, target: /d}]}}
volumes: {v: {driver: local, driver_opts: {o: bind, device: ./x}}}";
    let mut project = Project::new(text);
    let root = project.complete().unwrap();
    let root = paths::absolute(&root, &project.sources, Path::new("/project"), Some("/home/me"));
    let at = |path: &str| edit::all(&root, path).into_iter().map(line).collect::<Vec<_>>().join(" ");
    assert_eq!(at("services.a.build.context"), "/project");
    assert_eq!(at("services.a.build.additional_contexts"), "{d: /d, s: '', u: https://x}");
    assert_eq!(at("services.a.build.ssh"), "{default: ~, k: /home/me/k}");
    assert_eq!(at("services.a.develop.watch.*.path"), "/project/w");
    assert_eq!(at("services.a.volumes.*.source"), "/project C:\\x v");
    assert_eq!(at("volumes.v.driver_opts.device"), "/project/x");
}

#[test]
fn paths_start_where_they_are_written() {
    let dir = tempfile::tempdir().unwrap();
    let base = dir.path().canonicalize().unwrap();
    #[expect(clippy::disallowed_methods, reason = "the test makes its input")]
    std::fs::create_dir_all(base.join("real/below")).unwrap();
    std::os::unix::fs::symlink("real", base.join("link")).unwrap();
    let text = "services: {a: {build: , develop: {watch: [{path: link/below, action: rebuild}]}}}";
    let mut project = Project::at(&text.replace("build: ", "build: {}"), &base);
    let root = project.complete().unwrap();
    let root = paths::absolute(&root, &project.sources, Path::new("/elsewhere"), None);
    let at = |path: &str| edit::all(&root, path)[0].as_str().unwrap().to_owned();
    assert_eq!(Path::new(&at("services.a.build.context")), base);
    assert_eq!(Path::new(&at("services.a.develop.watch.*.path")), base.join("real/below"));
}

#[test]
fn a_broken_part_is_spoken_of_once() {
    let mut project =
        services("a: {links: [b], volumes: [{type: volume, source: v, target: /v}]}, b: {imge: x}");
    let broken = |project: &mut Project, path: &str| {
        let reported = project.d.error(crate::diag::Code::Internal, "broken").emit();
        let root = edit::change(&project.loaded.root, path, &mut |node| Node {
            span: node.span,
            value: Value::Broken(reported),
        });
        project.loaded.root = root;
    };
    broken(&mut project, "services.b.imge");
    broken(&mut project, "services.a.links");
    assert_eq!(project.errors(), ["broken", "no volume is called `v` @v"]);
}
