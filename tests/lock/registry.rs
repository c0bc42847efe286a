//! The whole way through a real registry, and without it again.

use crate::project::{Project, digest, layout};
use crate::real_registry::{Registry, Wants};
use crate::support::Store;

fn push(registry: &Registry, layout: &Store) {
    registry.push(&format!("oci:{}:app", layout.path().display()), "team/app:1", &["--preserve-digests"]);
}

#[test]
fn what_a_registry_has_is_locked_and_built_and_needed_no_more() {
    let Some(registry) = Registry::start(Wants::default()) else { return };
    let (first, second) = (layout("first", &["app"]), layout("second", &["app"]));
    let (old, new) = (digest(first.path(), "app"), digest(second.path(), "app"));
    push(&registry, &first);
    let name = registry.name("team/app:1");
    let compose = |rest: &str| {
        format!(
            "services:\n  web: {{image: '{name}', user: www, network_mode: none}}\n  once: {{image: '{name}', {rest}, network_mode: none}}\n"
        )
    };
    let project = Project::new(&compose("user: '1:1'"));
    project.run(&["build"]).fails("run `bundlegen lock`, which asks the registry");
    let lock = project.run(&["lock"]);
    assert_eq!(lock.succeeds().printed(), format!("{name}: {old} (new)\n"));
    lock.says(&format!("{name}: fetching 1 layer"));
    project.run(&["build", "--locked"]).is_quiet();
    project.run(&["check"]).is_quiet();
    // What was fetched to look somebody up is there for the next one, and stays for this project.
    project.run(&["store", "prune"]).succeeds();
    project.write("compose.yaml", &compose("group_add: [audio]"));
    project.run(&["build"]).is_quiet();
    assert!(project.lock().contains("audio: 29"));

    push(&registry, &second);
    assert_eq!(project.run(&["lock"]).is_quiet().printed(), format!("{name}: {old} unchanged\n"));
    let upgrade = project.run(&["lock", "--upgrade=once"]);
    assert_eq!(upgrade.succeeds().printed(), format!("{name}: {new} was {old}\n"));
    push(&registry, &first);
    project.write("compose.yaml", &compose("pull_policy: daily"));
    assert_eq!(project.run(&["lock"]).succeeds().printed(), format!("{name}: {old} was {new}\n"));

    drop(registry);
    project.run(&["lock"]).fails(&name);
    project.write("compose.yaml", &compose("pull_policy: missing"));
    assert_eq!(project.run(&["lock"]).is_quiet().printed(), format!("{name}: {old} unchanged\n"));
    project.run(&["build", "--locked"]).is_quiet();
    project.run(&["check"]).is_quiet();
    let before = project.lock();
    project.run(&["lock", "--upgrade"]).fails(&name);
    assert_eq!(project.lock(), before);
}

#[test]
fn a_registry_may_be_the_source_of_one_image() {
    let Some(registry) = Registry::start(Wants::default()) else { return };
    let layout = layout("first", &["app"]);
    push(&registry, &layout);
    let source = format!("docker://{}", registry.name("team/app:1"));
    let project = Project::new(&format!(
        "services:\n  web: {{image: app, network_mode: none}}\nx-bundlegen: {{images: {{app: '{source}'}}}}\n"
    ));
    project.run(&["build"]).fails(&format!("it comes from `{source}`")).says("run `bundlegen lock`");
    project.run(&["lock"]).succeeds().says(&digest(layout.path(), "app"));
    project.run(&["build"]).is_quiet();
    let config = project.read("bundles/web/config.json");
    assert!(config.contains(&format!(r#""io.bundlegen.image-source": "{source}""#)), "{config}");
    // A name that the registry does not have is no name of the image.
    let other = Project::new("services:\n  web: {image: app, network_mode: none}\n");
    let source = format!("app=docker://{}", registry.name("team/nothing"));
    other.run(&["lock", "--image", &source]).fails("does not have it");
}
