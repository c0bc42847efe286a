//! What a bundle has no place for.
//!
//! It is a warning where the container is as confined and as well connected without it, and an error otherwise.

use super::decode::{boolean, integer, text};
use super::handed_on::handed_on;
use crate::diag::{Code, Diagnostics, Reported};
use crate::source::Span;
use crate::yaml::Node;

/// The keys of a mapping that were written, for messages: `` `build.args`, `build.context` ``.
pub fn written_keys(attribute: &str, node: &Node) -> String {
    // Defaults stand where the whole does.
    let written = node.entries().iter().filter(|entry| entry.key_span != node.span);
    let mut keys: Vec<String> = written.map(|entry| format!("`{attribute}.{}`", entry.key)).collect();
    keys.sort();
    if keys.is_empty() { format!("`{attribute}`") } else { keys.join(", ") }
}

/// `develop` is for whoever changes the program while it runs.
pub(super) fn develop(d: &mut Diagnostics, node: &Node) -> Result<(), Reported> {
    handed_on(d, node)?;
    if !node.entries().is_empty() {
        let message = format!("{}: a bundle has no place for it", written_keys("develop", node));
        let draft = d.warning(Code::NoPlace, message).label(node.span, "for `docker compose watch` alone");
        draft.help("it is left out: a bundle is built anew when its files change").emit();
    }
    Ok(())
}

/// Shares of the processors that only Windows knows; Docker passes over them on Linux.
pub(super) fn of_windows(
    attribute: &'static str,
) -> impl FnOnce(&mut Diagnostics, &Node) -> Result<(), Reported> {
    move |d, node| {
        if integer(d, node)?.value != 0 {
            let message = format!("`{attribute}` limits nothing on Linux");
            let draft = d.warning(Code::NoPlace, message).label(node.span, "for Windows alone");
            draft.help("`cpus` limits the share of processor time").emit();
        }
        Ok(())
    }
}

/// Linux has one kind of isolation. As Docker, which refuses the others there.
pub(super) fn isolation(d: &mut Diagnostics, node: &Node) -> Result<(), Reported> {
    let isolation = text(d, node)?;
    if matches!(&*isolation.value.to_lowercase(), "" | "default") {
        return Ok(());
    }
    let message = format!("Linux has no isolation `{}`", isolation.value);
    Err(refused(d, message, isolation.span, "only `default` means something there"))
}

/// Accounts of a Windows domain. As Docker, which refuses them on Linux.
pub(super) fn credential_spec(d: &mut Diagnostics, node: &Node) -> Result<(), Reported> {
    if node.entries().is_empty() {
        return Ok(());
    }
    let message = format!("{}: only Windows has credential specs", written_keys("credential_spec", node));
    Err(refused(d, message, node.span, "remove it"))
}

/// A program that makes something other than a container.
pub(super) fn provider(d: &mut Diagnostics, node: &Node) -> Result<(), Reported> {
    let message = format!("{}: a provider makes no container", written_keys("provider", node));
    let help = "leave the service out of the build: give it a profile, and no service that depends on it";
    Err(refused(d, message, node.span, help))
}

/// Language models, which Docker runs itself.
pub(super) fn models(d: &mut Diagnostics, node: &Node) -> Result<(), Reported> {
    if node.entries().is_empty() {
        return Ok(());
    }
    let message =
        format!("{}: Docker runs models, and a bundle does without it", written_keys("models", node));
    Err(refused(d, message, node.span, "run the model as a service, and name it in `environment`"))
}

/// Limits of Docker's storage.
pub(super) fn storage_opt(d: &mut Diagnostics, node: &Node) -> Result<(), Reported> {
    if node.entries().is_empty() {
        return Ok(());
    }
    let message =
        format!("{}: nothing limits the root file system of a bundle", written_keys("storage_opt", node));
    Err(refused(d, message, node.span, "make it `read_only`, and give it a `tmpfs` with a size"))
}

/// Docker's socket in the container, which is power over the whole host.
pub(super) fn use_api_socket(d: &mut Diagnostics, node: &Node) -> Result<(), Reported> {
    let used = boolean(d, node)?;
    if !used.value {
        return Ok(());
    }
    let message =
        "`use_api_socket` hands over the socket of Docker, and a bundle does without Docker".to_owned();
    Err(refused(d, message, used.span, "mount the socket of what the container is to talk to"))
}

fn refused(d: &mut Diagnostics, message: String, span: Span, help: &str) -> Reported {
    d.error(Code::NoPlace, message).label(span, "").help(help).emit()
}
