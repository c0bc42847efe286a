//! `annotations`: what the image and the file say about the container that no field of the spec holds.
//!
//! The keys under `org.opencontainers.image.` follow `conversion.md` of the OCI image spec; keys under
//! `io.bundlegen.` are for `bundlegen prepare` and for whoever supervises the container.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Context;
use super::mounts;
use super::origin::{Origin, Origins, escaped};
use super::supervision::supervision;
use crate::compose::decode::Pair;
use crate::compose::value::port::ExposedPort;
use crate::compose::value::signal::Signal;
use crate::diag::{Code, Diagnostics, Reported};
use crate::project::{Content, MissingSource, Mount, MountSource, PrivateContent, PrivateFile, Root};

/// Keys that only this program writes.
pub const OWN_PREFIX: &str = "io.bundlegen.";

/// The image a bundle was made of: `REFERENCE@DIGEST`, with the digest of the manifest for the platform.
pub const IMAGE: &str = "io.bundlegen.image";

/// Where the file says that the image comes from: the name of a source, with a path that starts at the bundle.
pub const IMAGE_SOURCE: &str = "io.bundlegen.image-source";

/// The name that the container is to be known by.
pub const CONTAINER_NAME: &str = "io.bundlegen.container-name";

/// The bind sources that `prepare` makes where they are missing, as a JSON list.
pub const CREATE: &str = "io.bundlegen.create-host-path";

/// The sources of [`CREATE`] that are volumes and stay empty when they are made, as a JSON list.
pub const NOCOPY: &str = "io.bundlegen.volume-nocopy";

/// The bind sources that are not ours to make, and must be there, as a JSON list.
pub const EXTERNAL: &str = "io.bundlegen.external-volumes";

/// The files that `prepare` places in the bundle, as a JSON list of [`Private`].
pub const PRIVATE: &str = "io.bundlegen.private-files";

/// A file that git must not, or cannot, hold. It has either a variable or a file.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Private {
    /// Where it is placed: a path in the bundle.
    pub path: String,
    /// The variable that it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// The file of the bundle that it is a copy of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Its mode, in octal.
    pub mode: String,
    /// Whose it is.
    pub uid: u32,
    /// Whose group it is.
    pub gid: u32,
}

/// Annotations with these prefixes make runtimes do things. An image may not ask for them, and Docker's labels
/// never had that power.
const RUNTIME_PREFIXES: &[&str] =
    &["run.oci.", "org.systemd.property.", "org.criu.", "krun.", "module.wasm."];

pub(super) type Annotations = BTreeMap<String, (String, Origin)>;

/// What the image implies, then its labels, then `labels`, then `annotations`, then our own; the later ones win.
pub fn annotations<M: FromIterator<(String, String)>>(
    d: &mut Diagnostics,
    context: &Context,
    o: &mut Origins,
) -> Result<M, Reported> {
    let mut all = Annotations::new();
    of_image(context, &mut all);
    stop_signal(d, context, &mut all);
    exposed_ports(d, context, &mut all);
    image_labels(d, context, &mut all);
    leave_out_nul(d, context, &mut all);
    let labels = written(d, &context.written().labels, &mut all, Runtime::Refused);
    let annotations = written(d, &context.written().annotations, &mut all, Runtime::Meant);
    labels.and(annotations)?;
    own(context, &mut all);
    supervision(d, context, &mut all);
    let recorded = all.into_iter().map(|(key, (value, origin))| {
        o.set(format!("/annotations/{}", escaped(&key)), origin);
        (key, value)
    });
    Ok(recorded.collect())
}

/// The annotations that an image's configuration implies.
fn of_image(context: &Context, all: &mut Annotations) {
    let Some(image) = context.service.image() else { return };
    let from = &image.locked.configuration;
    let fields: [(&str, &'static str, Option<&str>); 5] = [
        ("architecture", "architecture", Some(&from.architecture)),
        ("author", "author", from.author.as_deref()),
        ("created", "created", from.created.as_deref()),
        ("os", "os", Some(&from.os)),
        ("variant", "variant", from.variant.as_deref()),
    ];
    for (key, part, value) in fields {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            let origin = Origin::Image { reference: image.reference.clone(), part };
            all.insert(format!("org.opencontainers.image.{key}"), (value.to_owned(), origin));
        }
    }
}

fn stop_signal(d: &mut Diagnostics, context: &Context, all: &mut Annotations) {
    let signal = match &context.written().stop_signal {
        Some(signal) => Some((signal.value.name().to_owned(), Origin::Written(signal.span))),
        None => stop_signal_of_image(d, context),
    };
    if let Some(signal) = signal {
        all.insert("org.opencontainers.image.stopSignal".into(), signal);
    }
}

fn stop_signal_of_image(d: &mut Diagnostics, context: &Context) -> Option<(String, Origin)> {
    let image = context.service.image()?;
    let signal = image.locked.configuration.stop_signal.as_ref().filter(|signal| !signal.is_empty())?;
    if signal.parse::<Signal>().is_err() {
        let message =
            format!("the image wants to be stopped with `{}`, which is no signal", signal.escape_debug());
        let draft = d.warning(Code::Image, message).label(context.service.name.span, "with this image");
        draft.help("it is left out; write a `stop_signal`").emit();
        return None;
    }
    Some((signal.clone(), Origin::Image { reference: image.reference.clone(), part: "StopSignal" }))
}

/// Runtimes end a text at a NUL, or do not start. The file can hold none, so it is the image that does.
fn leave_out_nul(d: &mut Diagnostics, context: &Context, all: &mut Annotations) {
    all.retain(|key, (value, _)| {
        let keep = !key.contains('\0') && !value.contains('\0');
        if !keep {
            let message = format!("`{}` of the image has a NUL character", key.escape_debug());
            let draft = d.warning(Code::Image, message).label(context.service.name.span, "with this image");
            draft.help("it is left out").emit();
        }
        keep
    });
}

/// The image's ports and those of `expose`, one by one, sorted by number.
fn exposed_ports(d: &mut Diagnostics, context: &Context, all: &mut Annotations) {
    let mut ports: Vec<ExposedPort> = Vec::new();
    let mut origin = None;
    if let Some(image) = context.service.image() {
        for text in &image.locked.configuration.exposed_ports {
            match text.parse::<ExposedPort>() {
                Ok(port) => ports.push(port),
                Err(invalid) => {
                    let message = format!("the image exposes `{text}`, which is no port: {invalid}");
                    d.warning(Code::Image, message)
                        .label(context.service.name.span, "with this image")
                        .emit();
                }
            }
        }
        origin = Some(Origin::Image { reference: image.reference.clone(), part: "ExposedPorts" });
    }
    for port in &context.written().expose {
        ports.push(port.value);
        origin = Some(Origin::Written(port.span));
    }
    let Some(origin) = origin.filter(|_| !ports.is_empty()) else { return };
    let list: Vec<String> = expanded(ports).iter().map(ToString::to_string).collect();
    all.insert("org.opencontainers.image.exposedPorts".into(), (list.join(","), origin));
}

/// The ports of all ranges, each once. Ranges that lie on each other are walked through once.
fn expanded(mut ranges: Vec<ExposedPort>) -> BTreeSet<ExposedPort> {
    ranges.sort_by_key(|range| (range.protocol, range.first));
    let mut all: BTreeSet<ExposedPort> = BTreeSet::new();
    let mut done: Option<ExposedPort> = None;
    for range in ranges {
        let before = done.filter(|done| done.protocol == range.protocol && done.last >= range.first);
        let rest = match before {
            Some(before) if before.last >= range.last => continue,
            Some(before) => ExposedPort { first: before.last, ..range },
            None => range,
        };
        all.extend(rest.expand());
        done = Some(range);
    }
    all
}

fn image_labels(d: &mut Diagnostics, context: &Context, all: &mut Annotations) {
    let Some(image) = context.service.image() else { return };
    for (key, value) in &image.locked.configuration.labels {
        if key.is_empty() {
            continue;
        }
        if is_reserved(key) || is_for_runtime(key) {
            let message = format!("the image's label `{key}` is left out");
            let draft =
                d.warning(Code::ReservedKey, message).label(context.service.name.span, "with this image");
            draft.help("an annotation of that name would speak to the runtime or to bundlegen").emit();
            continue;
        }
        let origin = Origin::Image { reference: image.reference.clone(), part: "Labels" };
        all.insert(key.clone(), (value.clone(), origin));
    }
}

/// What a key for the runtime is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Runtime {
    /// What the user wants: `annotations` go to the runtime.
    Meant,
    /// A surprise: Docker's labels never reach the runtime.
    Refused,
}

fn written(
    d: &mut Diagnostics,
    pairs: &[Pair],
    all: &mut Annotations,
    runtime: Runtime,
) -> Result<(), Reported> {
    let mut failed = None;
    for pair in pairs {
        let key = &*pair.key.value;
        if is_reserved(key) {
            let message = format!("keys that begin with `{OWN_PREFIX}` are for bundlegen to write");
            failed = Some(d.error(Code::ReservedKey, message).label(pair.key.span, "").emit());
        } else if runtime == Runtime::Refused && is_for_runtime(key) {
            let draft = d.error(Code::ReservedKey, format!("the label `{key}` would steer the runtime"));
            let help = "Docker's labels do not; if you mean it, write it under `annotations`";
            failed = Some(draft.label(pair.key.span, "").help(help).emit());
        } else {
            let value = pair.value.as_ref().map_or_else(String::new, |value| value.value.to_string());
            all.insert(key.to_owned(), (value, Origin::Written(pair.key.span)));
        }
    }
    failed.map_or(Ok(()), Err)
}

fn is_reserved(key: &str) -> bool {
    key.starts_with(OWN_PREFIX)
}

/// Whether an annotation makes runtimes do things.
pub fn is_for_runtime(key: &str) -> bool {
    RUNTIME_PREFIXES.iter().any(|prefix| key.starts_with(prefix))
}

fn own(context: &Context, all: &mut Annotations) {
    if let Some(image) = context.service.image() {
        let value = format!("{}@{}", image.reference, image.locked.manifest.digest);
        let origin = Origin::Image { reference: image.reference.clone(), part: "manifest" };
        all.insert(IMAGE.into(), (value, origin));
        if let Some(source) = &image.source {
            all.insert(IMAGE_SOURCE.into(), (source.value.to_string(), Origin::Written(source.span)));
        }
    }
    if let Root::Unknown(reference) = &context.service.root {
        all.insert(IMAGE.into(), (reference.value.to_string(), Origin::Written(reference.span)));
    }
    if let Some(name) = &context.written().container_name {
        all.insert(CONTAINER_NAME.into(), (name.value.to_string(), Origin::Written(name.span)));
    }
    of_mounts(context, all);
}

/// What `prepare` is told about the mounts.
fn of_mounts(context: &Context, all: &mut Annotations) {
    list(context, all, CREATE, |source| match source {
        MountSource::Bind { path, missing: MissingSource::Created, .. } => Some(path.as_str()),
        MountSource::Volume { path, content } if *content != Content::Demanded => Some(path.as_str()),
        _ => None,
    });
    list(context, all, NOCOPY, |source| match source {
        MountSource::Volume { path, content: Content::Empty } => Some(path.as_str()),
        _ => None,
    });
    list(context, all, EXTERNAL, |source| match source {
        MountSource::Volume { path, content: Content::Demanded } => Some(path.as_str()),
        _ => None,
    });
    let private = context.service.mounts.iter().filter_map(|mount| match &mount.source {
        MountSource::Private(file) => Some((mount, private(file))),
        _ => None,
    });
    let (mounts, private): (Vec<&Mount>, Vec<Private>) = private.unzip();
    if let (Some(first), Ok(text)) = (mounts.first(), serde_json::to_string(&private)) {
        all.insert(PRIVATE.into(), (text, mounts::origin(context, first)));
    }
}

fn list<'c>(
    context: &Context<'c>,
    all: &mut Annotations,
    key: &str,
    path: impl Fn(&'c MountSource) -> Option<&'c str>,
) {
    let mounts = context.service.mounts.iter();
    let sources: BTreeMap<&str, &Mount> =
        mounts.filter_map(|mount| Some((path(&mount.source)?, mount))).collect();
    if let Some(first) = sources.values().next().copied() {
        let list: Vec<&str> = sources.into_keys().collect();
        let text = serde_json::Value::from(list).to_string();
        all.insert(key.into(), (text, mounts::origin(context, first)));
    }
}

fn private(file: &PrivateFile) -> Private {
    let (environment, copied) = match &file.content {
        PrivateContent::Environment(name) => (Some(name.to_string()), None),
        PrivateContent::File(file) => (None, Some(file.path.clone())),
    };
    let (path, mode) = (file.path.to_string(), format!("{:04o}", file.mode));
    Private { path, environment, file: copied, mode, uid: file.uid, gid: file.gid }
}
