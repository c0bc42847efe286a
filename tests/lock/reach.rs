//! How far `build`, `check`, `explain` and `lock` go, by the command line.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use crate::project::{Project, digest, layout};

const TWO: &str = "services:\n  web: {image: app, network_mode: none}\n  db: {image: 'data:2', user: www, network_mode: none}\n";

#[test]
fn lock_writes_the_lock_and_nothing_else() {
    let project = Project::new(TWO);
    let first = layout("first", &["app", "data:2"]);
    project.link("images", &first);
    let (app, data) = (digest(first.path(), "app"), digest(first.path(), "data:2"));
    let lock = project.run(&["lock"]);
    assert_eq!(lock.is_quiet().printed(), format!("app:latest: {app} (new)\ndata:2: {data} (new)\n"));
    let head =
        "# What the build takes from the images, and the addresses it gave out, written by `bundlegen lock`.";
    assert!(project.lock().starts_with(head));
    assert!(!project.path("bundles").exists() && !project.path("state").exists());
    let inode = || fs::metadata(project.path("bundlegen.lock")).unwrap().ino();
    let before = inode();
    let again = project.run(&["lock"]);
    assert_eq!(
        again.is_quiet().printed(),
        format!("app:latest: {app} unchanged\ndata:2: {data} unchanged\n")
    );
    assert_eq!(inode(), before, "a lock that is right is not touched");
}

#[test]
fn what_is_locked_needs_no_image() {
    let project = Project::new(TWO);
    let images = layout("first", &["app", "data:2"]);
    project.link("images", &images);
    project.run(&["lock"]).is_quiet();
    project.unlink("images");
    // Whatever is there now is not looked at.
    project.write("images/oci-layout", "no layout");
    project.run(&["build", "--locked"]).is_quiet();
    project.run(&["check"]).is_quiet();
    project
        .run(&["explain", "web", "/process/args"])
        .is_quiet()
        .says("image docker.io/library/app:latest: Cmd");
    project.run(&["build"]).fails("images/oci-layout");
    fs::remove_dir_all(project.path("images")).unwrap();
    project.run(&["build"]).is_quiet().says("up to date");
    project.run(&["lock"]).is_quiet().says("unchanged");
}

/// A web application has its pictures there.
#[test]
fn a_usual_place_without_images_is_passed_over() {
    let project = Project::new(TWO);
    let images = layout("first", &["app", "data:2"]);
    project.write("images/logo.png", "a picture");
    project.run(&["build"]).fails("there is no OCI layout `images`");
    project
        .run(&["build", "--images", "images"])
        .fails("images: no OCI layout, as there is no `oci-layout` in it");
    let images = images.path().to_str().unwrap();
    project.run(&["lock", "--images", images]).is_quiet();
    project.run(&["build"]).is_quiet();
    // One that was begun is damaged.
    project.write("images/index.json", "{}");
    project.run(&["build"]).fails("images: no OCI layout, as there is no `oci-layout` in it");
}

#[test]
fn commands_that_only_read_the_lock_ask_for_one() {
    let project = Project::new(TWO);
    let images = layout("first", &["app", "data:2"]);
    project.link("images", &images);
    for command in [&["build", "--locked"][..], &["check"], &["explain", "web"]] {
        project.run(command).fails("the lock does not have the image `app:latest`");
    }
    assert!(!project.path("bundlegen.lock").exists());
    project.run(&["build"]).is_quiet();
    project.run(&["check"]).is_quiet().says("up to date");
}

#[test]
fn build_adds_what_is_local_and_keeps_what_is_locked() {
    let project = Project::new("services:\n  web: {image: app, network_mode: none}\n");
    let (first, second) = (layout("first", &["app"]), layout("second", &["app", "data:2"]));
    project.link("images", &first);
    project.run(&["build"]).is_quiet();
    let before = project.lock();
    project.link("images", &second);
    let other =
        format!("has another image under `app:latest` than the lock: {}", digest(second.path(), "app"));
    project.run(&["build"]).succeeds().says(&other).says("`bundlegen lock --upgrade=web` takes it");
    assert_eq!(project.lock(), before);
    project.run(&["build", "--deny-warnings"]).fails("warnings count as errors");
    project.write("compose.yaml", TWO);
    project.run(&["build"]).succeeds();
    assert!(project.lock().starts_with(&before), "one entry is added after the other");
    assert!(project.lock().contains(&digest(second.path(), "data:2")));
}

#[test]
fn an_upgrade_takes_what_is_there() {
    let project = Project::new(TWO);
    let (first, second) = (layout("first", &["app", "data:2"]), layout("second", &["app", "data:2"]));
    project.link("images", &first);
    project.run(&["lock"]).is_quiet();
    project.link("images", &second);
    let [app, data] =
        ["app", "data:2"].map(|name| [&first, &second].map(|layout| digest(layout.path(), name)));
    project.run(&["lock", "--upgrade=nobody"]).fails("no service is called `nobody`");
    let one = project.run(&["lock", "--upgrade=web"]);
    let [old, new] = &app;
    assert_eq!(
        one.is_quiet().printed(),
        format!("app:latest: {new} was {old}\ndata:2: {} unchanged\n", data[0])
    );
    let all = project.run(&["lock", "--upgrade"]);
    assert_eq!(
        all.is_quiet().printed(),
        format!("app:latest: {new} unchanged\ndata:2: {} was {}\n", data[1], data[0])
    );
    assert!(project.lock().contains("uid: 33"), "users are looked up in the new image");
    project.run(&["build"]).is_quiet();
}

#[test]
fn a_lock_that_does_not_fit_is_refused_where_it_must() {
    let project = Project::new(TWO);
    let images = layout("first", &["app", "data:2"]);
    project.link("images", &images);
    project.run(&["build"]).is_quiet();
    project.write("compose.yaml", "services:\n  web: {image: app, network_mode: none}\n");
    for command in [&["build", "--locked"][..], &["check"]] {
        project.run(command).fails("no service has the image `docker.io/library/data:2`");
    }
    project.run(&["explain", "web"]).is_quiet();
    let gone = project.run(&["lock"]);
    assert!(gone.is_quiet().printed().ends_with("data:2: no service has it any more\n"));
    project.run(&["build", "--locked"]).is_quiet();
    // How it is spelt does not matter to a build; `check` compares it like any other file.
    project.write("bundlegen.lock", &project.lock().replace("version: 1", "version:   1"));
    project.run(&["build", "--locked"]).is_quiet();
    assert!(project.lock().contains("version:   1"));
    project.run(&["check"]).fails("bundlegen.lock");
    project.write("compose.yaml", &TWO.replace("app", "app:9"));
    let near = "the lock does not have the image `app:9`";
    project.run(&["check"]).fails(near).says("the lock has `app:latest`; run `bundlegen lock`");
}

#[test]
fn nothing_is_written_where_there_is_an_error() {
    let project = Project::new(&TWO.replace("data:2", "127.0.0.1:9/nowhere"));
    let images = layout("first", &["app"]);
    project.link("images", &images);
    for command in [&["lock"][..], &["build"]] {
        project.run(command).fails("127.0.0.1:9/");
    }
    assert!(!project.path("bundlegen.lock").exists());
    project.write("compose.yaml", &TWO.replace("'data:2', user: www", "app, user: nobody"));
    project.run(&["lock"]).fails("nobody");
    assert!(!project.path("bundlegen.lock").exists());
}

#[test]
fn an_image_has_the_source_that_is_named_for_it() {
    let compose = format!("{TWO}x-bundlegen: {{images: {{docker.io/library/app: ./mapped}}}}\n");
    let project = Project::new(&compose);
    let names = &["app", "data:2"];
    let (common, mapped, given) = (layout("common", names), layout("mapped", names), layout("given", names));
    project.link("images", &common);
    project.link("mapped", &mapped);
    project.link("given", &given);
    project.run(&["build"]).is_quiet();
    assert!(project.lock().contains(&digest(mapped.path(), "app")));
    assert!(project.lock().contains(&digest(common.path(), "data:2")));
    let config = |service: &str| project.read(&format!("bundles/{service}/config.json"));
    assert!(config("web").contains(r#""io.bundlegen.image-source": "../../mapped""#));
    assert!(!config("db").contains("image-source"));

    project
        .run(&["lock", "--upgrade", "--image", "app:latest=./given", "--image", "data:2=oci:given"])
        .is_quiet();
    assert!(project.lock().contains(&digest(given.path(), "app")));
    assert!(project.lock().contains(&digest(given.path(), "data:2")));
    // What is in the lock is taken from there, and the file's own source has another one.
    project.run(&["build"]).succeeds().says("mapped has another image under `app:latest`");
    assert!(config("web").contains(r#""io.bundlegen.image-source": "../../mapped""#));
    assert!(!config("web").contains("given"));

    project.run(&["lock", "--image", "ap=./given"]).fails("no service has that image").says("did you mean");
    project
        .run(&["lock", "--image", "app=./a", "--image", "app:latest=./b"])
        .fails("names `app:latest` twice");
    project.unlink("mapped");
    project.run(&["build", "--locked"]).is_quiet();
    project.run(&["lock", "--upgrade"]).fails("`./mapped` is not there");
}

#[test]
fn an_image_by_its_digest_is_that_one() {
    let images = layout("one", &["app", "data:2"]);
    let (app, data) = (digest(images.path(), "app"), digest(images.path(), "data:2"));
    let project = Project::new(&format!("services:\n  web: {{image: 'app@{app}', network_mode: none}}\n"));
    project.link("images", &images);
    project.run(&["build"]).is_quiet();
    project.run(&["lock", "--upgrade"]).is_quiet().says("unchanged");
    project.write(
        "bundlegen.lock",
        &project.lock().replace(&format!("digest: {app}"), &format!("digest: {data}")),
    );
    for command in [&["build"][..], &["lock", "--upgrade"], &["check"]] {
        project.run(command).fails("the lock has another image under");
    }
}

#[test]
fn a_registry_that_is_down_comes_with_what_to_do() {
    let project = Project::new("services:\n  web:\n    image: '127.0.0.1:1/team/app:1'\n");
    project.run(&["lock"]).fails("no connection").says("check the name of the registry and the network");
    assert!(!project.path("bundlegen.lock").exists());
}
