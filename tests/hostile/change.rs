//! Files that change while they are read, and files with changes anywhere.

use super::*;

#[test]
fn a_file_that_changes_meanwhile_gives_one_or_the_other() {
    let project = Project::with(service("tty: true"));
    let path = project.at("compose.yaml");
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let writer = {
        let stop = std::sync::Arc::clone(&stop);
        std::thread::spawn(move || {
            let long = format!("{}# {}\n", service("tty: false"), "x".repeat(2_000_000));
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                fs::write(&path, &long).unwrap();
                fs::write(&path, service("tty: true")).unwrap();
            }
        })
    };
    for _ in 0..20 {
        project.run(&["build"]);
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    writer.join().unwrap();
    project.built();
}

/// What files are made of, some of it right.
const SNIPPETS: &[&str] = &[
    "services:\n  web:\n    x-bundlegen: {rootfs: .}\n    network_mode: none\n    command: [sh, -c, 'echo $$HOME']\n",
    "  db:\n    image: postgres:16\n    environment:\n      A: ${SET:-x}\n      B: 1.10\n",
    "    volumes:\n      - ./a:/b:ro,rshared\n      - data:/data\n      - {type: tmpfs, target: /t, tmpfs: {size: 1m, mode: 0755}}\n",
    "    environment: [A=1, B, \"C=${EMPTY:?no}\"]\n    labels: {a: b}\n",
    "    ulimits: {nofile: {soft: 1, hard: 2}, nproc: 5}\n    sysctls: [net.core.somaxconn=1]\n",
    "    tmpfs: [/run:size=64m, /tmp]\n    cap_add: [ALL]\n    cap_drop: [NET_RAW]\n",
    "    depends_on: {db: {condition: service_started}}\n    expose: [80, 1-5/udp]\n",
    "    command: >\n      sh -c \"echo 'a' && b\"\n      | more\n    entrypoint: ''\n",
    "    mem_limit: 1.5g\n    cpus: 0.5\n    pids_limit: -1\n    shm_size: 64M\n    stop_signal: SIGTERM\n",
    "    security_opt: [no-new-privileges, 'seccomp=unconfined']\n    user: '1000:1000'\n    tty: yes\n",
    "    <<: *base\n    annotations: &base {x: y}\n    read_only: !!bool true\n",
    "volumes: {data: , other: {name: x}}\nx-a: &a {b: *a}\nname: ${SET}\nversion: '3'\n",
    "    working_dir: |-\n      /a\n      b\n    hostname: größe\n    ? [a]\n    : !x &y \"\\u00e9\\n\"\n",
];

const TOKENS: &[&str] = &[
    "services",
    "web",
    "image",
    "command",
    ": ",
    ":\n",
    "\n",
    "\n  ",
    "\n    ",
    "\n      - ",
    "- ",
    "[",
    "]",
    "{",
    "}",
    ", ",
    "&a ",
    "*a",
    "<<: ",
    "!!int ",
    "!x ",
    "\"",
    "'",
    "|\n",
    ">-\n",
    "#",
    "$",
    "${",
    "}",
    ":-",
    "$SET",
    "0x1F",
    "1e3",
    "~",
    "null",
    "true",
    "yes",
    "\t",
    "\r\n",
    "\u{feff}",
    "é",
    "\u{0}",
    "\u{1b}",
    "---\n",
    "...\n",
    "%",
    "@",
    "x-",
    "volumes",
    "environment",
    "./a:/b",
    "depends_on",
    "../..",
    "/",
    "\\",
    "=",
    "2024-01-01",
    "999999999999999999999",
    "-1",
    "?",
];

/// One change of a text.
#[derive(Clone, Debug)]
enum Edit {
    Flip(prop::sample::Index, u8),
    Insert(prop::sample::Index, &'static str),
    Delete(prop::sample::Index, usize),
    Copy(prop::sample::Index, prop::sample::Index, usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        (any::<prop::sample::Index>(), any::<u8>()).prop_map(|(at, bits)| Edit::Flip(at, bits)),
        (any::<prop::sample::Index>(), prop::sample::select(TOKENS))
            .prop_map(|(at, token)| Edit::Insert(at, token)),
        (any::<prop::sample::Index>(), 1..20_usize).prop_map(|(at, length)| Edit::Delete(at, length)),
        (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 1..40_usize)
            .prop_map(|(from, to, length)| Edit::Copy(from, to, length)),
    ]
}

fn apply(text: &mut Vec<u8>, edit: &Edit) {
    let length = text.len() + 1;
    match edit {
        Edit::Flip(at, bits) => {
            if let Some(byte) = text.get_mut(at.index(length)) {
                *byte ^= bits;
            }
        }
        Edit::Insert(at, token) => drop(text.splice(at.index(length)..at.index(length), token.bytes())),
        Edit::Delete(at, count) => {
            let start = at.index(length);
            drop(text.drain(start..(start + count).min(text.len())));
        }
        Edit::Copy(from, to, count) => {
            let start = from.index(length);
            let copied = text[start..(start + count).min(text.len())].to_vec();
            drop(text.splice(to.index(length)..to.index(length), copied));
        }
    }
}

fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let snippets = prop::collection::vec(prop::sample::select(SNIPPETS), 0..6);
    (snippets, prop::collection::vec(edit(), 0..12)).prop_map(|(snippets, edits)| {
        let mut text = [SNIPPETS[..1].concat(), snippets.concat()].concat().into_bytes();
        for edit in &edits {
            apply(&mut text, edit);
        }
        text
    })
}

fn generated() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(TOKENS), 0..60).prop_map(|tokens| tokens.concat().into_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_text_gives_a_tree_or_a_reason(
        compose in prop_oneof![3 => mutated(), 1 => generated()],
        environment in prop::option::of(generated()),
        lock in prop::option::weighted(0.1, generated()),
    ) {
        let project = Project::with(compose);
        if let Some(environment) = environment {
            project.write(".env", environment);
        }
        if let Some(lock) = lock {
            project.write("bundlegen.lock", lock);
        }
        in_process(project.dir.path());
    }
}
