//! `lock --build`, by a fake `buildah` that says what it was told, and by the real one.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::Command;

use crate::project::{Project, digest, layout};

const COMPOSE: &str = r#"name: shop
services:
  web:
    build:
      context: ./it's here
      dockerfile: sub/Dockerfile
      target: final
      args: {A: 'b c', B: "*"}
      additional_contexts: {base: 'service:base'}
      tags: [other]
    network_mode: none
  base:
    image: base:1
    build: {dockerfile_inline: "FROM scratch\nCOPY a /\n"}
    network_mode: none
"#;

/// A program that writes down what it was given, a line for each argument, and the standard input.
const FAKE: &str = r#"#!/bin/sh
{ printf '%s\n' "${0##*/}" "$@"; printf '< '; cat; printf '\n--\n'; } >> calls
case $1 in push) cp -r made images; esac
echo "output of $1"
exit "${FAIL:-0}"
"#;

fn install(project: &Project, name: &str) -> String {
    project.write(&format!("bin/{name}"), FAKE);
    let mode = fs::Permissions::from_mode(0o755);
    fs::set_permissions(project.path(&format!("bin/{name}")), mode).unwrap();
    format!("{}:/usr/bin:/bin", project.path("bin").display())
}

#[test]
fn the_program_is_told_all_that_the_file_says() {
    let project = Project::new(COMPOSE);
    let made = layout("made", &["shop-web", "base:1"]);
    symlink(made.path(), project.path("made")).unwrap();
    let path = install(&project, "buildah");
    let built = project.run_with(&["lock", "--build"], &[("PATH", &path)]);
    let (web, base) = (digest(made.path(), "shop-web"), digest(made.path(), "base:1"));
    assert_eq!(built.succeeds().printed(), format!("base:1: {base} (new)\nshop-web:latest: {web} (new)\n"));
    let errors = built.errors();
    for line in [
        "base: printf %s $'FROM scratch\\nCOPY a /\\n' | buildah build --platform=linux/amd64 --file=- --tag=base:1 .\n",
        "web: buildah push shop-web oci:images:shop-web\n",
        "output of build\n",
        "warning: web: `build.tags` is not handed to buildah\n",
    ] {
        assert!(errors.contains(line), "{errors}");
    }
    let want = "\
buildah\nbuild\n--platform=linux/amd64\n--file=-\n--tag=base:1\n.\n< FROM scratch\nCOPY a /\n\n--
buildah\npush\nbase:1\noci:images:base:1\n< \n--
buildah\nbuild\n--platform=linux/amd64\n--file=it's here/sub/Dockerfile\n--build-context=base=container-image://base:1
--build-arg=A=b c\n--build-arg=B=*\n--target=final\n--tag=shop-web\nit's here\n< \n--
buildah\npush\nshop-web\noci:images:shop-web\n< \n--
";
    let calls = project.read("calls");
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&calls), sorted(want), "{calls}");
    assert!(calls.find("--tag=base:1") < calls.find("--tag=shop-web"), "what is needed is built first");

    // The lock is right, and nothing more is built.
    fs::remove_file(project.path("calls")).unwrap();
    project.run_with(&["lock"], &[("PATH", &path)]).succeeds();
    assert!(!project.path("calls").exists());
    // One service, and what became of its image.
    let newer = layout("newer", &["shop-web", "base:1"]);
    fs::remove_file(project.path("made")).unwrap();
    symlink(newer.path(), project.path("made")).unwrap();
    fs::remove_dir_all(project.path("images")).unwrap();
    let again = project.run_with(&["lock", "--build=base"], &[("PATH", &path)]);
    let line = format!("base:1: {} was {base}\n", digest(newer.path(), "base:1"));
    assert_eq!(again.succeeds().printed(), format!("{line}shop-web:latest: {web} unchanged\n"));
    assert!(!project.read("calls").contains("shop-web"));
    project
        .run(&["lock", "--build=bas"])
        .fails("no service `bas` has a `build`")
        .says("did you mean `base`?");
}

#[test]
fn an_image_that_comes_from_elsewhere_is_not_built() {
    let digest = format!("sha256:{}", "a".repeat(64));
    let project = Project::new(&format!(
        "services:\n  web: {{build: ., image: app, network_mode: none}}\n  \
         by: {{build: ., image: 'app@{digest}', network_mode: none}}\n\
         x-bundlegen: {{images: {{docker.io/library/app: ./made}}}}\n"
    ));
    let path = install(&project, "buildah");
    let all = project.run_with(&["lock", "--build"], &[("PATH", &path)]);
    all.says("warning: web: not built: it comes from `./made`");
    all.says("warning: by: not built: it is named by its digest");
    let named = project.run_with(&["lock", "--build=web,by"], &[("PATH", &path)]);
    named.fails("the image of `web` is not built").says("the image of `by` is not built");
    assert!(!project.path("calls").exists());
}

#[test]
fn the_first_program_that_is_there_is_run() {
    let project = Project::new("services: {web: {build: ., network_mode: none}}\n");
    let bin = |name: &str| install(&project, name).split(':').next().unwrap().to_owned();
    let only = bin("docker");
    // Nothing but the fakes: the real ones may be installed.
    for tool in ["cat", "cp", "sh"] {
        symlink(format!("/bin/{tool}"), project.path("bin").join(tool)).unwrap();
    }
    let calls = |path: &str| {
        let _absent = fs::remove_file(project.path("calls"));
        project
            .run_with(&["lock", "--build"], &[("PATH", path)])
            .fails("is not in the lock, and there is no");
        project.read("calls").lines().next().unwrap().to_owned()
    };
    assert_eq!(calls(&only), "docker");
    assert!(project.read("calls").contains("--output=type=oci,tar=false,dest=images"));
    bin("podman");
    assert_eq!(calls(&format!("relative:{only}")), "podman");
    bin("buildah");
    fs::set_permissions(project.path("bin/buildah"), fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(calls(&only), "podman", "what cannot be run is passed over");
    let failed = project.run_with(&["lock", "--build"], &[("PATH", &only), ("FAIL", "7")]);
    assert!(failed.errors().contains("error: web: podman failed: exit status: 7"), "{}", failed.errors());
    let none = project.run_with(&["lock", "--build"], &[("PATH", "/nonexistent")]);
    assert!(none.errors().contains("none of buildah, podman, docker is installed"), "{}", none.errors());
    assert!(!project.path("bundlegen.lock").exists());
}

/// A build with nothing to run, which needs no rights beyond those of a user namespace.
#[test]
fn buildah_makes_what_the_lock_has() {
    let skip =
        |why: &str| std::io::stderr().write_all(format!("skipped: buildah {why}\n").as_bytes()).unwrap();
    if Command::new("buildah").arg("--version").output().is_err() {
        return skip("is not installed");
    }
    let project = Project::new(
        "name: shop\nservices:\n  web:\n    build: {context: ., args: {FILE: hello}, dockerfile_inline: \"FROM scratch\\nARG FILE\\n\
         COPY $$FILE /\\nCMD [\\\"/hello\\\"]\\n\"}\n    user: '1:1'\n    network_mode: none\n",
    );
    project.write("hello", "hello\n");
    let scratch = |name: &str| project.path(name).display().to_string();
    let environment = [
        ("STORAGE_DRIVER", "vfs"),
        ("BUILDAH_ISOLATION", "chroot"),
        ("HOME", &scratch("home")),
        ("XDG_RUNTIME_DIR", &scratch("run")),
        ("TMPDIR", &scratch("")),
        ("CONTAINERS_STORAGE_CONF", &scratch("storage.conf")),
    ];
    let storage = format!(
        "[storage]\ndriver = 'vfs'\nrunroot = '{}'\ngraphroot = '{}'\n",
        scratch("run"),
        scratch("graph")
    );
    project.write("storage.conf", &storage);
    for directory in ["home", "run", "graph"] {
        fs::create_dir(project.path(directory)).unwrap();
    }
    let built = project.run_with(&["lock", "--build"], &environment);
    if built.errors().contains("error: web: buildah failed") {
        return skip(&format!("does not work here: {}", built.errors()));
    }
    built.succeeds().says("shop-web:latest: sha256:").says("(new)");
    assert!(project.lock().contains("- /hello"));
    project.run(&["build", "--locked"]).succeeds();
    project.run_with(&["lock", "--build"], &environment).succeeds();
}
