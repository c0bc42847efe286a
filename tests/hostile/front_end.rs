//! What many files say together: `extends`, `include`, and what is merged.

use super::*;

/// Lines of a text that knows their number.
fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(|n| line(n) + "\n").collect()
}

#[test]
fn chains_of_services_end() {
    let chain = |count: usize| {
        let next = lines(count, |n| format!("  s{n}: {{extends: s{}}}", n + 1));
        format!("services:\n{next}  s{count}: {{image: a}}\n")
    };
    Project::with(chain(20_000)).refused().says("a service extends another one in a chain of more than 100");
    let circle = lines(20_000, |n| format!("  s{n}: {{extends: s{}}}", (n + 1) % 20_000));
    Project::with(format!("services:\n{circle}")).refused();
    let small_circle = lines(90, |n| format!("  s{n}: {{extends: s{}}}", (n + 1) % 90));
    Project::with(format!("services:\n{small_circle}")).refused().says("a service extends itself");
}

#[test]
fn chains_of_files_end() {
    let project = Project::new();
    for n in 0..200 {
        let next = format!("{{file: f{}.yaml, service: web}}", n + 1);
        project.write(&format!("f{n}.yaml"), format!("services: {{web: {{extends: {next}}}}}\n"));
    }
    project.write("compose.yaml", "services: {web: {extends: {file: f0.yaml, service: web}}}\n");
    project.refused().says("in a chain of more than 100");
}

#[test]
fn services_that_grow_by_extending_are_counted() {
    let labels = |service: usize| lines(20_000, |n| format!("      l{service}-{n}: a"));
    let service = |n: usize| format!("  s{n}:\n    extends: s{}\n    labels:\n{}", n + 1, labels(n));
    let services = lines(25, service);
    Project::with(format!("services:\n{services}  s25: {{image: a}}\n"))
        .refused()
        .says("the services that `extends` makes have more than 2000000 values");
}

#[test]
fn a_large_service_is_extended_by_many() {
    let labels = lines(20_000, |n| format!("      l{n}: a"));
    let services = lines(50_000, |n| format!("  s{n}: {{extends: base}}"));
    Project::with(format!("services:\n  base:\n    image: a\n    labels:\n{labels}{services}"))
        .refused()
        .says("the services that `extends` makes have more than");
    let services = lines(50_000, |n| format!("  s{n}: {{extends: base}}"));
    Project::with(format!("services:\n  base: {{image: 5}}\n{services}")).refused();
}

#[test]
fn a_file_that_is_not_there_is_asked_for_by_many() {
    let services = lines(100_000, |n| format!("  s{n}: {{extends: {{file: gone.yaml, service: a}}}}"));
    Project::with(format!("services:\n{services}")).refused().says("gone.yaml cannot be read");
}

#[test]
fn includes_end() {
    let project = Project::new();
    let both = |n: usize| format!("include: [f{n}.yaml, f{n}.yaml]\n");
    for n in 0..40 {
        project.write(&format!("f{n}.yaml"), both(n + 1));
    }
    project.write("f40.yaml", "services: {}\n");
    project.write("compose.yaml", both(0));
    project.refused().says("the project has more than 500 includes");

    let wide = lines(100_000, |n| format!("  - gone{n}.yaml"));
    Project::with(format!("include:\n{wide}")).refused().says("cannot be read");

    let project = Project::new();
    for n in 0..300 {
        project.write(&format!("f{n}.yaml"), format!("include: [f{}.yaml]\n", n + 1));
    }
    project.write("f300.yaml", "include: [compose.yaml]\n");
    project.write("compose.yaml", "include: [f0.yaml]\n");
    project.refused().says("a file includes itself");
}

#[test]
fn included_services_are_compared_in_linear_time() {
    let services = lines(20_000, |n| format!("  s{n}: {{image: a}}"));
    let project = Project::with(format!("include: [a.yaml]\nservices:\n{services}"));
    project.write("a.yaml", format!("services:\n{}", services.replace("image: a", "image: b")));
    project.refused().says("is defined here and in an include");
}

#[test]
fn large_files_are_merged() {
    let labels = |value: &str| lines(200_000, |n| format!("      l{n}: {value}"));
    let service = |value: &str| format!("services:\n  web:\n    labels:\n{}", labels(value));
    let project = Project::with(service("a"));
    project.write("compose.override.yaml", service("b") + "    image: 5\n");
    project.refused().says("compose.override.yaml");

    let ports = |host: usize| lines(30_000, |n| format!("      - \"{}:{}\"", host + n, n + 1));
    let service = |host| format!("services:\n  web:\n    ports:\n{}", ports(host));
    let project = Project::with(service(1));
    project.write("compose.override.yaml", service(2) + "    image: 5\n");
    project.refused().says("compose.override.yaml");
}

#[test]
fn many_documents_are_merged() {
    let documents =
        lines(300, |n| format!("---\nservices: {{s{n}: {{image: a}}, web: {{cap_add: [C{n}]}}}}"));
    Project::with(documents).refused();
}

#[test]
fn ports_are_counted() {
    let ranges = lines(100_000, |n| format!("      - \"{}-{}\"", n % 60_000 + 1, n % 60_000 + 1000));
    Project::with(format!("services:\n  web:\n    image: a\n    ports:\n{ranges}"))
        .refused()
        .says("the ports of this file are more than 262144");
}

#[test]
fn tags_in_tags_are_settled() {
    let nested = |tag: &str, depth: usize| {
        format!("services: {}{}{}\n", format!("{{a: {tag} ").repeat(depth), "b", "}".repeat(depth))
    };
    for tag in ["!override", "!reset"] {
        let project = Project::with(nested(tag, 200));
        project.write("compose.override.yaml", nested(tag, 200));
        project.refused();
    }
    let wide = lines(200_000, |n| format!("      l{n}: !override a"));
    let project = Project::with(format!("services:\n  web:\n    labels:\n{wide}"));
    project.write("compose.override.yaml", format!("services:\n  web:\n    labels:\n{wide}    image: 5\n"));
    project.refused();
}

#[test]
fn aliases_and_merge_keys_share_what_they_stand_for() {
    let common = "x-a: &a {labels: {a: b}, cap_add: [A]}\n";
    let services = lines(20_000, |n| format!("  s{n}: {{<<: *a, extends: base}}"));
    Project::with(format!("{common}services:\n  base: {{<<: *a}}\n{services}")).refused();

    let long: String = (0..20_000).map(|n| format!("K{n}: v, ")).collect();
    let services = lines(100, |n| format!("  s{n}: {{environment: *e, extends: s{}}}", n + 1));
    Project::with(format!("x-e: &e {{{long}}}\nservices:\n{services}")).refused();
}

#[test]
fn values_of_variables_are_counted() {
    let project = Project::with(format!(
        "services:\n  web:\n    labels:\n{}",
        lines(2000, |n| format!("      l{n}: \"$A\""))
    ));
    project.write(".env", format!("A={}\n", "x".repeat(1_000_000)));
    let ended = project.refused();
    ended.says("the values of variables make more than");
    ended.says("bytes of this file");
    ended.says("up to here");

    let project = Project::with(service(&format!("labels: {{a: \"{}\"}}", "$A".repeat(1000))));
    project.write(".env", format!("A={}\n", "x".repeat(1_000_000)));
    let ended = project.refused();
    ended.says("the text grows by more than");
    ended.says("bytes when its variables are replaced");
    ended.says("too large from here on");
}

#[test]
fn megabytes_of_services_end() {
    let services =
        lines(50_000, |n| format!("  service-{n}: {{image: a, extends: base, ports: ['{}']}}", n % 9));
    Project::with(format!("services:\n  base: {{image: 5}}\n{services}")).refused();
}
