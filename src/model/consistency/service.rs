//! Attributes of one service that do not go together.

use crate::diag::{Code, Diagnostics};
use crate::model::edit::{all, entry, lacks, text};
use crate::nearest::nearest;
use crate::yaml::Node;

/// Checks what one service says of networks, health and development.
pub(super) fn check(d: &mut Diagnostics, service: &Node) {
    check_networks(d, service);
    check_healthcheck(d, service);
    for watch in all(service, "develop.watch.*") {
        check_watch(d, watch);
    }
}

/// With somebody else's network there are none of one's own.
fn check_networks(d: &mut Diagnostics, service: &Node) {
    let mode = entry(service, "network_mode").filter(|_| text(service, "network_mode").is_some());
    let networks = entry(service, "networks").filter(|networks| !networks.value.entries().is_empty());
    if let (Some(mode), Some(networks)) = (mode, networks) {
        super::exclude(d, mode, networks);
    }
}

/// How the test of a healthcheck is run.
const TESTS: [&str; 3] = ["CMD", "CMD-SHELL", "NONE"];

fn check_healthcheck(d: &mut Diagnostics, service: &Node) {
    let test = service.get("healthcheck").and_then(|check| check.get("test"));
    let Some(first) = test.and_then(|test| test.items().first()) else { return };
    let Some(word) = first.as_str().filter(|word| !TESTS.contains(word)) else { return };
    let message =
        format!("the test of a healthcheck begins with `CMD`, `CMD-SHELL` or `NONE`, and this with `{word}`");
    let draft = d.error(Code::InvalidValue, message).label(first.content(), "");
    draft.help("put `CMD` before the program and its arguments").did_you_mean(nearest(word, TESTS)).emit();
}

/// Files are copied somewhere, unless the image is built anew or the container started again.
fn check_watch(d: &mut Diagnostics, watch: &Node) {
    let Some(action) = text(watch, "action") else { return };
    let name = action.as_str().unwrap_or_default();
    let empty = watch.get("target").is_some_and(|target| target.as_str() == Some(""));
    if (empty || lacks(watch, "target")) && !matches!(name, "rebuild" | "restart") {
        let message = format!("a watch with `action: {name}` needs `target`");
        let draft = d.error(Code::MissingKey, message).label(watch.span, "not in here");
        draft.help("say where in the container the files go").emit();
    }
}
