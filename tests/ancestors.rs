//! What earlier compilers of bundles got wrong stays right here.
//!
//! The faults are those of ctnr 0.7.1, which turned Compose files into bundles with hooks until 2019; some are in nerdctl and
//! in the Nomad driver of containerd too. Each test says what went wrong there.
#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "tests make their inputs"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use bundlegen::bundle::tree::{Entry, Tree};
use serde_json::{Value, json};
use tempfile::TempDir;

#[path = "support/cases.rs"]
mod cases;

/// A project with an image that the lock knows.
struct Project(TempDir);

const LOCK: &str = "\
version: 1
platform: linux/amd64
images:
  docker.io/library/app:1:
    manifest: {digest: 'sha256:0000000000000000000000000000000000000000000000000000000000000001', size: 1}
    config: {digest: 'sha256:0000000000000000000000000000000000000000000000000000000000000002', size: 1}
    layers: []
    configuration:
      architecture: amd64
      os: linux
      author: somebody
      entrypoint: [/entry]
      cmd: [serve]
      env: ['B=2', 'A=1']
      exposed_ports: ['443/tcp', '80/tcp']
      labels:
        io.bundlegen.image: forged
        io.bundlegen.hook-args: '--dns=6.6.6.6'
        org.opencontainers.image.author: the label
      stop_signal: SIGQUIT
    users:
      '': {uid: 0, gid: 0, additional_gids: [0]}
      '1000': {uid: 1000, gid: 0, additional_gids: [0]}
      www-data: {uid: 33, gid: 33, additional_gids: [33]}
";

impl Project {
    fn new(services: &str) -> Self {
        let project = Project(tempfile::tempdir().unwrap());
        let dir = project.dir();
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("compose.yaml"), services).unwrap();
        fs::write(dir.join(bundlegen::lock::FILE_NAME), LOCK).unwrap();
        project
    }

    /// One service, of the image, with no network.
    fn service(attributes: &str) -> Self {
        let attributes = attributes.replace('\n', "\n    ");
        Project::new(&format!(
            "services:\n  s:\n    image: app:1\n    network_mode: none\n    {attributes}\n"
        ))
    }

    fn dir(&self) -> std::path::PathBuf {
        self.0.path().join("project")
    }

    fn tree(&self) -> Tree {
        let outcome = cases::compiled(&self.dir());
        outcome.compiled.unwrap_or_else(|_| panic!("{}", outcome.rendered)).tree
    }

    fn configs(&self) -> BTreeMap<String, Value> {
        cases::configs_of(&self.tree())
    }

    fn config(&self) -> Value {
        self.configs().remove("s").unwrap()
    }

    fn refused(&self) -> String {
        let outcome = cases::compiled(&self.dir());
        assert!(outcome.compiled.is_err());
        outcome.rendered
    }

    fn file(&self, path: &str) -> String {
        let tree = self.tree();
        let file = tree.iter().find(|(name, _)| name.as_str() == path);
        match file {
            Some((_, Entry::File { bytes, .. })) => String::from_utf8(bytes.to_vec()).unwrap(),
            other => panic!("{path}: {other:?}"),
        }
    }
}

fn annotation(config: &Value, key: &str) -> Value {
    let text = config["annotations"][key].as_str().unwrap_or_else(|| panic!("no {key}"));
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{key}: {error}"))
}

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|item| item.as_str().unwrap()).collect()
}

fn mount<'c>(config: &'c Value, destination: &str) -> &'c Value {
    let mounts = config["mounts"].as_array().unwrap();
    let mut found = mounts.iter().filter(|mount| mount["destination"] == *destination);
    let first = found.next().unwrap_or_else(|| panic!("no mount on {destination}"));
    assert!(found.next().is_none(), "two mounts on {destination}");
    first
}

/// What becomes of a service with a network and a port.
fn publishing(port: &str) -> Value {
    Project::new(&format!("services:\n  s: {{image: 'app:1', ports: ['{port}']}}\n")).config()
}

/// `8080:80` was published the wrong way round.
#[test]
fn w01_ports_are_not_swapped() {
    let ports = annotation(&publishing("8080:80"), "io.bundlegen.ports");
    assert_eq!(ports[0]["published"], "8080");
    assert_eq!(ports[0]["target"], 80);
}

/// A service with only `build` became an image without a name, and failed late.
#[test]
fn w02_a_service_that_is_built_has_the_name_that_compose_gives_its_image() {
    let said = Project::new("name: p\nservices:\n  s:\n    build: .\n    network_mode: none\n").refused();
    assert!(said.contains("p-s"), "{said}");
    assert!(said.contains("compose.yaml:4"), "{said}");
}

/// A port with an address never parsed.
#[test]
fn w03_a_port_has_an_address() {
    let ports = annotation(&publishing("127.0.0.1:8080:80"), "io.bundlegen.ports");
    assert_eq!(ports[0]["host_ip"], "127.0.0.1");
}

/// A `domain` line after the `search` line took its place.
#[test]
fn w04_resolv_conf_has_one_search_line() {
    let project = Project::service(
        "dns: [1.1.1.1]\ndns_search: [a.test, b.test]\ndns_opt: ['ndots:1']\ndomainname: c.test",
    );
    let text = project.file("s/etc/resolv.conf");
    assert!(!text.contains("domain "), "{text}");
    let search: Vec<&str> = text.lines().filter(|line| line.starts_with("search")).collect();
    assert_eq!(search, ["search a.test b.test"]);
}

/// Twenty builds of one file gave nineteen results.
#[test]
fn w05_the_same_input_gives_the_same_bytes() {
    let project = Project::service(
        "environment: {Z: 1, Y: 2, X: 3}\nlabels: {c: d, a: b}\ncap_add: [SYS_ADMIN, NET_ADMIN]\nextra_hosts: ['b=10.0.0.2', 'a=10.0.0.1']\nsysctls: {net.ipv4.ip_forward: 1, net.core.somaxconn: 2}",
    );
    let first = project.tree();
    for _ in 0..20 {
        assert!(project.tree().iter().eq(first.iter()));
    }
}

/// The path of the program, its `PATH`, its user and its directory stood in the output.
#[test]
fn w06_nothing_of_the_machine_is_in_the_output() {
    let project = Project::service("volumes: ['./data:/data']\nenv_file: [e.env]");
    fs::write(project.dir().join("e.env"), "A=1\n").unwrap();
    let here = project.dir();
    for (path, entry) in project.tree().iter() {
        let Entry::File { bytes, .. } = entry else { continue };
        let text = String::from_utf8_lossy(bytes);
        let machine = [here.to_str().unwrap(), env!("CARGO_MANIFEST_DIR"), "/proc/self"];
        assert!(machine.iter().all(|word| !text.contains(word)), "{path}");
    }
    assert_eq!(mount(&project.config(), "/data")["source"], "../../data");
}

/// `mode=` stood on bind mounts, which runc refuses from 1.2 on.
#[test]
fn w07_bind_mounts_have_no_options_of_file_systems() {
    let project = Project::new(
        "services:\n  s:\n    image: app:1\n    network_mode: none\n    volumes: ['./a:/a', './b:/b:ro,rslave', 'vol:/v']\nvolumes: {vol: {}}\n",
    );
    let config = project.config();
    for mount in config["mounts"].as_array().unwrap().iter().filter(|mount| mount["type"] == "bind") {
        let options = strings(&mount["options"]);
        assert!(options.iter().all(|option| !option.contains('=')), "{mount}");
        assert!(options.contains(&"rbind") || options.contains(&"bind"), "{mount}");
    }
}

/// A file system in memory was a directory on the disk.
#[test]
fn w08_tmpfs_is_in_memory() {
    let config = Project::service("tmpfs: ['/run:size=64m']").config();
    let run = mount(&config, "/run");
    assert_eq!(run["type"], "tmpfs");
    let options = strings(&run["options"]);
    assert!(!options.contains(&"bind") && !options.contains(&"rbind"), "{options:?}");
    assert!(options.iter().any(|option| option.starts_with("size=")), "{options:?}");
}

/// Each service had a volume of its own under the same name, and external ones were empty directories.
#[test]
fn w09_named_volumes_are_shared() {
    let service = "{image: 'app:1', network_mode: none, volumes: ['vol:/v']}";
    let configs =
        Project::new(&format!("services:\n  a: {service}\n  b: {service}\nvolumes: {{vol: {{}}}}\n"))
            .configs();
    assert_eq!(mount(&configs["a"], "/v")["source"], mount(&configs["b"], "/v")["source"]);
}

#[test]
fn w09_external_volumes_are_not_made() {
    let config = Project::new(
        "services:\n  s: {image: 'app:1', network_mode: none, volumes: ['vol:/v']}\nvolumes: {vol: {external: true}}\n",
    )
    .config();
    let created = config["annotations"]["io.bundlegen.create-host-path"].as_str().unwrap_or_default();
    assert!(!created.contains(mount(&config, "/v")["source"].as_str().unwrap()), "{created}");
}

/// Nothing was hidden, and the capabilities were inheritable and ambient.
#[test]
fn w10_the_defaults_confine() {
    let config = Project::service("").config();
    assert!(strings(&config["linux"]["maskedPaths"]).contains(&"/proc/kcore"));
    assert!(strings(&config["linux"]["readonlyPaths"]).contains(&"/proc/sys"));
    let sets: Vec<&String> = config["process"]["capabilities"].as_object().unwrap().keys().collect();
    assert_eq!(sets, ["bounding", "effective", "permitted"]);
}

/// `CAP_` was put in front of names that had it, and `ALL` could not be dropped.
#[test]
fn w11_capabilities_are_spelled_in_any_way() {
    let bounding = |attributes: &str| {
        let config = Project::service(attributes).config();
        strings(&config["process"]["capabilities"]["bounding"])
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let wanted = bounding("cap_add: [NET_ADMIN]");
    assert_eq!(wanted.len(), 15);
    assert_eq!(bounding("cap_add: [CAP_NET_ADMIN]"), wanted);
    assert_eq!(bounding("cap_add: [net_admin]"), wanted);
    assert_eq!(bounding("cap_drop: [ALL]\ncap_add: [CHOWN]"), ["CAP_CHOWN"]);
    let all = bounding("cap_add: [ALL]\ncap_drop: [NET_ADMIN, AUDIT_READ]");
    assert_eq!(all.len(), all.iter().collect::<BTreeSet<_>>().len());
    assert!(!all.contains(&"CAP_NET_ADMIN".to_owned()) && !all.contains(&"CAP_AUDIT_READ".to_owned()));
}

/// A label of the image could give a hook its arguments, and what an image implies went over what it says.
#[test]
fn w12_labels_of_images_steer_nothing() {
    let config = Project::service("").config();
    let annotations = &config["annotations"];
    assert!(
        annotations["io.bundlegen.image"].as_str().unwrap().starts_with("docker.io/library/app:1@sha256:")
    );
    assert_eq!(annotations["io.bundlegen.hook-args"], Value::Null);
    assert_eq!(annotations["org.opencontainers.image.author"], "the label");
}

/// A profile in Docker's format lost its conditions, and allowed what it should not.
#[test]
fn w13_docker_profiles_keep_their_conditions() {
    let project = Project::service("security_opt: ['seccomp=p.json']");
    let profile = json!({
        "defaultAction": "SCMP_ACT_ERRNO",
        "archMap": [{ "architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"] }],
        "syscalls": [
            { "names": ["read"], "action": "SCMP_ACT_ALLOW" },
            { "names": ["unshare"], "action": "SCMP_ACT_ALLOW", "includes": { "caps": ["CAP_SYS_ADMIN"] } }
        ]
    });
    fs::write(project.dir().join("p.json"), profile.to_string()).unwrap();
    let rules = project.config()["linux"]["seccomp"]["syscalls"].to_string();
    assert!(rules.contains("read") && !rules.contains("unshare"), "{rules}");
}

/// A number without a user failed, and a user without a group needed a group of that name.
#[test]
fn w14_users_have_the_groups_that_docker_gives_them() {
    let user = |text: &str| Project::service(&format!("user: '{text}'")).config()["process"]["user"].clone();
    assert_eq!((user("1000")["uid"].as_u64(), user("1000")["gid"].as_u64()), (Some(1000), Some(0)));
    assert_eq!((user("www-data")["uid"].as_u64(), user("www-data")["gid"].as_u64()), (Some(33), Some(33)));
}

/// Paths started from where the program was started.
#[test]
fn w15_paths_start_at_the_compose_file() {
    let project = Project::service("env_file: [e.env]\nvolumes: ['./data:/data']");
    fs::write(project.dir().join("e.env"), "A=of the project\n").unwrap();
    let env = project.config()["process"]["env"].to_string();
    assert!(env.contains("A=of the project"), "{env}");
}

/// The signal and the time to stop were ignored, and ten milliseconds were given.
#[test]
fn w16_how_to_stop_is_handed_on() {
    let config = Project::service("stop_signal: SIGUSR1\nstop_grace_period: 3s").config();
    assert_eq!(config["annotations"]["org.opencontainers.image.stopSignal"], "SIGUSR1");
    assert_eq!(annotation(&config, "io.bundlegen.stop-grace-period"), "3s");
    let config = Project::service("").config();
    assert_eq!(config["annotations"]["org.opencontainers.image.stopSignal"], "SIGQUIT");
}

/// A hook wrote into the bundle, which is checked in.
#[test]
fn w17_what_was_reviewed_is_not_written_to() {
    let config = Project::service("").config();
    for path in ["/etc/hosts", "/etc/hostname"] {
        assert!(strings(&mount(&config, path)["options"]).contains(&"ro"), "{path}");
    }
}

/// The hooks were of a deprecated kind.
#[test]
fn w18_there_are_no_prestart_hooks() {
    assert_eq!(Project::service("").config()["hooks"]["prestart"], Value::Null);
}

/// A registry was asked without looking at its certificate. A build asks none.
#[test]
fn w19_an_image_that_is_not_at_hand_is_an_error() {
    let said =
        Project::new("services:\n  s: {image: 'registry.test/unknown:1', network_mode: none}\n").refused();
    assert!(said.contains("registry.test/unknown:1"), "{said}");
}

/// Without root, a published port was an error, and most files publish one.
#[test]
fn w20_ports_are_no_error() {
    let ports = annotation(&publishing("8080:80"), "io.bundlegen.ports");
    assert_eq!(ports[0]["target"], 80);
}

/// Names and servers were dropped where the network was none or the host's.
#[test]
fn w21_names_are_kept_without_a_network() {
    let project = Project::service("extra_hosts: ['db=10.0.0.7']\ndns: [10.0.0.1]");
    assert!(project.file("s/etc/hosts").contains("10.0.0.7"));
    assert!(project.file("s/etc/resolv.conf").contains("nameserver 10.0.0.1"));
}

/// There was a limit of 1024 files that nothing could change, and `TERM` without a terminal.
#[test]
fn w22_no_limit_and_no_terminal_by_default() {
    let config = Project::service("").config();
    assert_eq!(config["process"]["rlimits"], Value::Null);
    assert!(!config["process"]["env"].to_string().contains("TERM="));
    assert!(Project::service("tty: true").config()["process"]["env"].to_string().contains("TERM=xterm"));
}

/// All of it was one line.
#[test]
fn w23_a_line_holds_one_value() {
    let text = Project::service("").file("s/config.json");
    assert!(text.lines().count() > 100);
    assert!(text.lines().all(|line| line.matches("\": ").count() <= 1), "{text}");
    assert!(text.ends_with("}\n"));
}

/// Whether the bundle was for root depended on who built it.
#[test]
fn w24_nothing_depends_on_who_builds() {
    let config = Project::service("").config();
    let kinds: Vec<&Value> = config["linux"]["namespaces"]
        .as_array()
        .unwrap()
        .iter()
        .map(|namespace| &namespace["type"])
        .collect();
    assert!(!kinds.contains(&&json!("user")), "{kinds:?}");
    assert_eq!(config["linux"]["uidMappings"], Value::Null);
}
