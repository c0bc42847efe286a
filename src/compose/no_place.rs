//! What a bundle has no place for.
//!
//! It is a warning where the container is as confined and as well connected without it, and an error otherwise.

use super::decode::{boolean, integer, text};
use super::handed_on::handed_on;
use super::schema::FILE;
use super::written::{keys_of, written_keys};
use crate::diag::{Code, Diagnostics, Reported};
use crate::source::Span;
use crate::yaml::Node;

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
        let message = format!("`isolation: {}` says nothing: Linux has no other", isolation.value);
        d.warning(Code::NoPlace, message).label(isolation.span, "for Windows alone").help("remove it").emit();
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

/// What they are. The services that use them are refused.
pub(super) fn defined_models(d: &mut Diagnostics, node: &Node) -> Result<(), Reported> {
    handed_on(d, node)?;
    if let (false, Some(models)) = (node.entries().is_empty(), FILE.get("models")) {
        let keys = keys_of("models", &models.shape, node);
        let draft = d.warning(Code::NoPlace, format!("{keys}: a bundle has no place for models"));
        draft.label(node.span, "Docker runs them").help("run a model as a service").emit();
    }
    Ok(())
}

/// Options of what hands out addresses. Docker Compose drops them (`pkg/compose/create.go`).
pub(super) fn ipam_options(d: &mut Diagnostics, options: &Node) {
    if !options.entries().is_empty() {
        let draft = d.warning(Code::NoPlace, "`ipam.options` of a network reaches nobody");
        draft.label(options.span, "dropped, as Docker Compose does").help("remove it").emit();
    }
}

/// Whoever runs a container by hand may attach it to a network anyway.
pub(super) fn attachable(d: &mut Diagnostics, node: &Node) -> Result<(), Reported> {
    let attachable = boolean(d, node)?;
    if attachable.value {
        let message = "`attachable` says nothing of a network on one host";
        d.warning(Code::NoPlace, message).label(attachable.span, "for swarms alone").help("remove it").emit();
    }
    Ok(())
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
