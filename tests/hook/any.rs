//! Whatever a hook is given, it answers, and does nothing where it may not.

use bundlegen::hook;
use proptest::prelude::*;

/// Nobody can make a directory there.
const NOWHERE: &str = "--run=/proc/none/such";

fn argument() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        Just("project"),
        Just("bundle"),
        Just("pin"),
        Just("network"),
        Just("publish"),
        Just("cni-path")
    ];
    let network = r#"{"list":{"name":"n","plugins":[{"type":"bridge"}]},"interface":"eth0"}"#;
    let value = prop_oneof![
        "\\PC{0,20}",
        Just(network.to_owned()),
        Just("net".to_owned()),
        "[0-9.:\\[\\]-]{1,12}/(tcp|udp)",
        Just(String::new()),
    ];
    prop_oneof![(name, value).prop_map(|(name, value)| format!("--{name}={value}")), "\\PC{0,20}"]
}

fn state() -> impl Strategy<Value = Vec<u8>> {
    let id = prop_oneof!["[a-z.:/+-]{0,8}", "\\PC{0,300}"];
    let written = (id, any::<i64>()).prop_map(|(id, pid)| {
        serde_json::json!({"id": id, "pid": pid % 70_000, "status": "creating", "bundle": "/"}).to_string()
    });
    prop_oneof![written.prop_map(String::into_bytes), any::<Vec<u8>>(), Just(vec![b'['; 100_000])]
}

proptest! {
    #[test]
    fn nothing_that_a_hook_is_given_ends_it(
        verb in "(attach|started|detach)",
        more in proptest::collection::vec(argument(), 0..6),
        whole in any::<bool>(),
        state in state(),
    ) {
        let mut args = vec!["network".to_owned(), verb.clone()];
        if whole {
            args.extend(["--project=p", "--bundle=b"].map(str::to_owned));
        }
        args.extend(more);
        // Last: nothing of the others may be the directory.
        args.push(NOWHERE.to_owned());
        let done = hook::run(args, &state[..]);
        // Where nothing was, nothing is to be undone.
        prop_assert!(done.is_err() || verb != "attach");
    }
}
