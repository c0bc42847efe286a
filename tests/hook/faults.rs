//! What goes wrong around the hooks: others of the same name, files that nobody can read, and a terminal's Ctrl-C.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use bundlegen::hook::argv::Verb;
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::json;

use super::containers::{Asleep, Said, container};
use super::ground::{apart, sh};

#[test]
fn a_name_is_of_one_container() {
    apart("hook::faults::a_name_is_of_one_container", || {
        let (web, db) = (container("web", &[]), container("db", &[]));
        let (asleep, other, more) = (web.attached(), db.attached(), Asleep::start());
        let mut same = container("db", &[]);
        (same.id, same.bundle) = (web.id.clone(), web.bundle.clone());
        asleep.answers(80, "web");
        for again in [&web, &same] {
            assert_eq!(
                again.hook(Verb::Attach, more.pid()).fails(),
                format!(
                    "the name of container `web` (bundle `web` of project `shop`) is in use by process {}, which runs",
                    asleep.pid()
                )
            );
            // The runtime of the one that was refused calls this.
            again.detached();
            assert_eq!(other.asks("10.200.3.2:80").as_deref(), Some("web"));
        }
        drop((asleep, other, more));
        web.detached();
        db.detached();
    });
}

#[test]
fn what_cannot_be_read_is_named() {
    apart("hook::faults::what_cannot_be_read_is_named", || {
        let (web, db) = (container("web", &[]), container("db", &[]));
        drop(web.attached());
        let path = "/run/bundlegen/.containers/of:another:version.json";
        std::fs::write(path, "{\"newer\": 1}").unwrap();
        let asleep = Asleep::start();
        let error = db.hook(Verb::Attach, asleep.pid()).fails();
        assert!(error.starts_with(&format!("cannot read {path}: unknown field `newer`")), "{error}");
        assert!(error.ends_with("once what it is named after does not run, remove it"), "{error}");
        assert_eq!(error.matches("newer").count(), 1);
        let swept = Said::of(["hook", "network", "sweep"].map(str::to_owned), "").fails();
        assert!(swept.contains(path), "{swept}");
        assert_eq!(sh("ls /run/bundlegen/.containers"), "of:another:version.json\n");
        std::fs::remove_file(path).unwrap();
        Said::sweep();
    });
}

#[test]
fn what_was_half_written_goes() {
    apart("hook::faults::what_was_half_written_goes", || {
        let web = container("web", &[]);
        drop(web.attached());
        sh("touch /run/bundlegen/.new /run/bundlegen/.containers/.new");
        web.detached();
    });
}

#[test]
fn an_id_that_plugins_cannot_write_is_refused() {
    apart("hook::faults::an_id_that_plugins_cannot_write_is_refused", || {
        let mut web = container("web", &[]);
        web.id = "a".repeat(240);
        let asleep = Asleep::start();
        let error = web.hook(Verb::Attach, asleep.pid()).fails();
        assert!(error.ends_with("is too long, together with the names of its project and bundle"), "{error}");
    });
}

#[test]
fn a_terminal_does_not_end_a_hook() {
    apart("hook::faults::a_terminal_does_not_end_a_hook", || {
        sh("mkdir /run/plugins && cp /usr/lib/cni/* /run/plugins");
        let slow = "#!/bin/sh\n[ $CNI_COMMAND = ADD ] && touch /run/plugins/begun && sleep 2\n\
                    exec /usr/lib/cni/firewall\n";
        std::fs::remove_file("/run/plugins/firewall").unwrap();
        std::fs::write("/run/plugins/firewall", slow).unwrap();
        sh("chmod +x /run/plugins/firewall");
        let mut web = container("web", &[]);
        "/run/plugins".clone_into(&mut web.cni_path);
        let asleep = Asleep::start();
        let words = web.arguments().to_args(Verb::Attach).unwrap();
        let state = std::env::temp_dir().join(format!("bundlegen-hook-{}", std::process::id()));
        std::fs::write(&state, json!({"id": web.id, "pid": asleep.pid()}).to_string()).unwrap();
        let script = "\"$0\" \"$@\" < \"$STATE\" & wait";
        let mut shell = Command::new("sh");
        shell.args(["-c", script, env!("CARGO_BIN_EXE_bundlegen")]).args(&words[1..]);
        let mut shell = shell.env("STATE", &state).process_group(0).spawn().unwrap();
        sh("until [ -e /run/plugins/begun ]; do sleep 0.05; done");
        let group = Pid::from_raw(shell.id().try_into().unwrap()).unwrap();
        kill_process_group(group, Signal::TERM).unwrap();
        shell.wait().unwrap();
        sh(
            "for i in $(seq 100); do grep -q '\"complete\":true' /run/bundlegen/.containers/*.json && break; sleep 0.1; done; \
            grep -q '\"complete\":true' /run/bundlegen/.containers/*.json",
        );
        drop(asleep);
        web.detached();
        std::fs::remove_file(&state).unwrap();
        sh("rm -r /run/plugins");
    });
}

#[test]
fn who_has_the_number_of_a_dead_program_lives() {
    apart("hook::faults::who_has_the_number_of_a_dead_program_lives", || {
        let (owner, mut other) = (Asleep::start(), Command::new("sleep").arg("1000").spawn().unwrap());
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", owner.pid())).unwrap();
        let started: u64 = stat.rsplit_once(')').unwrap().1.split(' ').nth(20).unwrap().parse().unwrap();
        sh("mkdir -m 700 -p /run/u/shop/network; chmod 700 /run/u");
        std::fs::write("/run/u/shop/network/pasta.pid", other.id().to_string()).unwrap();
        let record = json!({"project": "shop", "bundle": "network", "id": "network",
            "owner": {"pid": owner.pid(), "started": started}, "program": null});
        std::fs::write("/run/u/.shop.user-network.json", record.to_string()).unwrap();
        let args =
            ["hook", "user-network", "detach", "--run=/run/u", "--project=shop", "--resolver=10.0.2.3"];
        Said::of(args.map(str::to_owned), "{\"id\": \"network\"}").succeeds();
        assert!(other.try_wait().unwrap().is_none(), "it was ended");
        other.kill().unwrap();
        other.wait().unwrap();
    });
}
