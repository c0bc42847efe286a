//! `x-bundlegen`: what a Compose file says to this compiler alone.

use std::rc::Rc;

use super::decode::{Expected, Pair, Table, all, list, pairs, text, text_or_number, value, wrong_type};
use super::devices::{DeviceNodes, device_nodes};
use super::value::absolute_path::AbsolutePath;
use super::value::cgroup_manager::CgroupManager;
use super::value::idmap::{HostUser, IdMap};
use super::value::init::InitPath;
use super::value::rule::RuleName;
use super::value::runtime::RuntimeVersion;
use crate::diag::{Code, Diagnostics, Reported};
use crate::source::Spanned;
use crate::yaml::{Node, Value};

/// Where the hooks' program is if nobody says anything.
pub const HOOK: &str = "/usr/local/bin/bundlegen";

/// Where the host's file for the resolver is if nobody says anything.
pub const RESOLV_CONF: &str = "/etc/resolv.conf";

/// `x-bundlegen` at the top of a Compose file.
#[derive(Debug, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct Extension {
    /// Where the images are: an OCI image layout or an archive, relative to the project directory; `images` by default. Or
    /// single images by their names, each with where it comes from, such as `oci-archive:app.tar`.
    #[cfg_attr(test, schemars(with = "Option<ImagesSchema>"))]
    pub images: Option<Images>,
    /// The platform the bundles are for. `linux/amd64` by default, never that of the build host.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub platform: Option<Spanned<Rc<str>>>,
    /// Who makes the control groups of the containers: `cgroupfs` or `systemd`.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub cgroup_manager: Option<Spanned<CgroupManager>>,
    /// The init process that `init: true` puts in front: a static program of the host, by its absolute path.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub init: Option<Spanned<InitPath>>,
    /// The runtimes the bundles are for, such as `runc-1.2`; the oldest that are known by default.
    #[cfg_attr(test, schemars(with = "Vec<String>", default))]
    pub targets: Vec<Spanned<RuntimeVersion>>,
    /// Files with what `runc features` or `crun features` printed, relative to the project directory.
    #[cfg_attr(test, schemars(with = "Vec<String>", default))]
    pub features: Vec<Spanned<Rc<str>>>,
    /// Devices whose numbers are not known by their names: by path, `TYPE MAJOR:MINOR` and a mode, such as `c 240:0 0660`.
    #[cfg_attr(test, schemars(with = "std::collections::BTreeMap<String,String>", default))]
    pub devices: DeviceNodes,
    /// The user who runs the bundles without root: `UID` or `UID:GID`.
    #[cfg_attr(test, schemars(with = "Option<TextOrNumber>"))]
    pub rootless: Option<Spanned<HostUser>>,
    /// Ranges of users and groups of the containers, as `[u:|g:]CONTAINER:HOST:SIZE`; with `rootless`.
    #[cfg_attr(test, schemars(with = "Vec<String>", default))]
    pub userns_map: Vec<Spanned<IdMap>>,
    /// The program `bundlegen` on the host that runs the bundles, which attaches containers to their networks:
    /// `/usr/local/bin/bundlegen` by default.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub hook: Option<Spanned<AbsolutePath>>,
    /// The file of the host that is `/etc/resolv.conf` of services that name no server; `/etc/resolv.conf` by default.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub resolv_conf: Option<Spanned<AbsolutePath>>,
    /// A static `proot` of the host, which maps published ports on the network of the host where a user has neither pasta
    /// nor slirp4netns; with `rootless`.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub proot: Option<Spanned<AbsolutePath>>,
    /// Findings of `lint` that are meant, in all services: by the name of the rule, with the reason.
    #[cfg_attr(test, schemars(with = "std::collections::BTreeMap<RuleName,String>", default))]
    pub allow: Vec<Allowed>,
}

/// A finding of `lint` that is meant.
#[derive(Clone, Debug)]
pub struct Allowed {
    /// The rule.
    pub rule: Spanned<RuleName>,
    /// Why; not empty.
    pub reason: Spanned<Rc<str>>,
}

/// Where images are.
#[derive(Debug)]
pub enum Images {
    /// In one place, by the names that it gives them.
    Place(Spanned<Rc<str>>),
    /// Each of these where it says.
    Named(Vec<Pair>),
}

#[cfg(test)]
#[derive(schemars::JsonSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "only its schema is used")]
enum ImagesSchema {
    Place(String),
    Named(std::collections::BTreeMap<String, String>),
}

#[cfg(test)]
#[derive(schemars::JsonSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "only its schema is used")]
enum TextOrNumber {
    Text(String),
    Number(u32),
}

/// `x-bundlegen` of a service.
#[derive(Debug, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct ServiceExtension {
    /// A directory that is the root file system, instead of an image; relative to the project directory.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub rootfs: Option<Spanned<Rc<str>>>,
    /// Findings of `lint` that are meant: by the name of the rule, with the reason.
    #[cfg_attr(test, schemars(with = "std::collections::BTreeMap<RuleName,String>", default))]
    pub allow: Vec<Allowed>,
}

pub(super) fn decode(d: &mut Diagnostics, node: &Node) -> Result<Extension, Reported> {
    let mut t = Table::new(d, node, "`x-bundlegen`")?;
    let extension = Extension {
        images: t.opt(d, "images", images),
        platform: t.opt(d, "platform", text),
        cgroup_manager: t.opt(d, "cgroup_manager", value),
        init: t.opt(d, "init", value),
        targets: t.list(d, "targets", list(value)),
        features: t.list(d, "features", list(text)),
        devices: t.opt(d, "devices", device_nodes).unwrap_or_default(),
        rootless: t.opt(d, "rootless", text_or_number),
        userns_map: t.list(d, "userns_map", list(value)),
        hook: t.opt(d, "hook", value),
        resolv_conf: t.opt(d, "resolv_conf", value),
        proot: t.opt(d, "proot", value),
        allow: t.list(d, "allow", allowed),
    };
    t.finish(d)?;
    Ok(extension)
}

fn images(d: &mut Diagnostics, node: &Node) -> Result<Images, Reported> {
    match &node.untagged().value {
        Value::Map(_) => pairs(d, node.untagged()).map(Images::Named),
        Value::Null | Value::Seq(_) => Err(wrong_type(d, node, Expected::TextOrMapping)),
        _ => text(d, node).map(Images::Place),
    }
}

/// Rules, each with the reason for not minding what it finds.
fn allowed(d: &mut Diagnostics, node: &Node) -> Result<Vec<Allowed>, Reported> {
    let pairs = pairs(d, node.untagged())?;
    all(pairs.into_iter().map(|Pair { key, value }| {
        let rule = key
            .value
            .parse()
            .map_err(|invalid| d.invalid(Code::InvalidValue, invalid, |range| key.at(range)))?;
        let reason = value.filter(|reason| !reason.value.trim().is_empty()).ok_or_else(|| {
            let message = format!("`{rule}` is allowed without a reason");
            let help = format!("say why: `{rule}: \"why this is meant\"`");
            d.error(Code::InvalidValue, message).label(key.span, "").help(help).emit()
        })?;
        Ok(Allowed { rule: Spanned { value: rule, span: key.span }, reason })
    }))
}

pub(super) fn decode_service(d: &mut Diagnostics, node: &Node) -> Result<ServiceExtension, Reported> {
    let mut t = Table::new(d, node, "`x-bundlegen` of a service")?;
    let extension = ServiceExtension { rootfs: t.opt(d, "rootfs", text), allow: t.list(d, "allow", allowed) };
    t.finish(d)?;
    Ok(extension)
}
