//! `hooks`: what the runtime calls around the container's life. See the hooks chapter of the runtime spec.
//!
//! `createRuntime` attaches the container to its networks, publishes its ports and pins what others join; `poststop`
//! undoes it. Both have the same arguments, so that the one undoes what the other did, also if the bundle is no more.

use std::path::PathBuf;

use oci_spec::runtime as oci;

use super::Context;
use super::networks;
use super::origin::{Origin, Origins};
use crate::diag::{Code, Diagnostics};
use crate::hook::argv::{Arguments, CNI_PATH, ENVIRONMENT, Pin, RUN, TIMEOUT, Verb};
use crate::project::HostFile;

/// Whose default the hooks are.
const FROM: &str = "bundlegen's hook, which attaches a container to its networks";

/// The hooks; none where there is nothing to attach, to publish or to pin.
pub fn hooks(d: &mut Diagnostics, context: &Context, o: &mut Origins) -> Option<oci::Hooks> {
    let (arguments, origins) = arguments(context);
    if arguments.networks.is_empty() && arguments.pins.is_empty() {
        return None;
    }
    let mut hook = |section: &str, verb| match arguments.to_args(verb) {
        Ok(args) => {
            record(context, o, &format!("/hooks/{section}/0"), args.len(), &origins);
            Some(vec![hook(context, args)])
        }
        Err(error) => {
            d.error(Code::Internal, format!("a hook cannot be told: {error}")).emit();
            None
        }
    };
    let mut hooks = oci::Hooks::default();
    hooks.set_create_runtime(hook("createRuntime", Verb::Attach));
    if arguments.pins.contains(&Pin::Shm) {
        hooks.set_poststart(hook("poststart", Verb::Started));
    }
    hooks.set_poststop(hook("poststop", Verb::Detach));
    Some(hooks)
}

fn hook(context: &Context, args: Vec<String>) -> oci::Hook {
    let mut hook = oci::Hook::default();
    hook.set_path(PathBuf::from(&*context.settings.hook.path))
        .set_args(Some(args))
        .set_env(Some(vec![ENVIRONMENT.to_owned()]))
        .set_timeout(Some(i64::from(TIMEOUT)));
    hook
}

/// What the hooks are told, and the origins of the arguments at the end of the list; of each the first, and the others.
fn arguments(context: &Context) -> (Arguments, Vec<(Origin, Vec<Origin>)>) {
    let mut origins = Vec::new();
    let mut add = |origin, further| origins.push((origin, further));
    // Without root nobody pins namespaces: who joins a network joins the one of all.
    let pins = context.surroundings.pins(&context.service.bundle).filter(|_| context.userns.is_none());
    let pins = pins.map(|(pin, span)| {
        add(Origin::Written(span), Vec::new());
        pin
    });
    let pins = pins.collect();
    let networks = context.attached().iter().map(|attachment| {
        add(networks::origin(context, attachment), networks::of_addresses(attachment));
        networks::told(attachment)
    });
    let networks = networks.collect();
    let ports = context.published().map(|(ports, span)| {
        add(Origin::Written(span), Vec::new());
        ports
    });
    let ports = ports.collect();
    let arguments = Arguments {
        run: RUN.to_owned(),
        cni_path: CNI_PATH.to_owned(),
        project: context.settings.project.to_string(),
        bundle: context.service.bundle.to_string(),
        pins,
        networks,
        ports,
    };
    (arguments, origins)
}

fn record(context: &Context, o: &mut Origins, at: &str, args: usize, last: &[(Origin, Vec<Origin>)]) {
    o.set(at, Origin::Default(FROM));
    o.set(format!("{at}/path"), of_file(&context.settings.hook, "--hook", FROM));
    for (index, (origin, further)) in (args.saturating_sub(last.len())..args).zip(last) {
        let at = format!("{at}/args/{index}");
        for origin in further {
            o.also(&at, origin.clone());
        }
        o.set(at, origin.clone());
    }
}

/// Where the path of a file of the host comes from.
pub(super) fn of_file(file: &HostFile, option: &'static str, default: &'static str) -> Origin {
    match (file.chosen, file.written) {
        (true, _) => Origin::Option(option),
        (false, Some(span)) => Origin::Written(span),
        (false, None) => Origin::Default(default),
    }
}
