//! How many containers a service has, and what their bundles are called: `web`, `web-2`, `web-3`.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::compose::{Named, Service};
use crate::diag::{Code, Diagnostics};
use crate::source::{Span, Spanned};

/// The bundles of every service of a project. The first keeps the name of the service, so that more containers are more
/// directories and none with another name.
pub(super) struct Replicas(BTreeMap<Rc<str>, Rc<[Rc<str>]>>);

/// The most containers that the services of a project may have besides their first ones.
const MAX: i64 = 1000;

impl Replicas {
    /// Names the bundles. A name that two of them would have is reported.
    pub(super) fn new(d: &mut Diagnostics, services: &[Named<Rc<Service>>]) -> Self {
        let keys: BTreeMap<&str, Span> =
            services.iter().map(|service| (&*service.name.value, service.name.span)).collect();
        let mut left = MAX;
        let bundles = services.iter().map(|Named { name, value: service, .. }| {
            let count = counted(d, service, &mut left);
            let first = (count > 0).then(|| Rc::clone(&name.value));
            let others = (2..=count).filter_map(|number| other(d, name, number, &keys));
            (Rc::clone(&name.value), first.into_iter().chain(others).collect())
        });
        Replicas(bundles.collect())
    }

    /// The bundles of a service; none where it has no container.
    pub(super) fn of(&self, service: &str) -> &[Rc<str>] {
        self.0.get(service).map_or(&[], |bundles| bundles)
    }
}

/// The name of the bundle of another container than the first, if no service is called so.
fn other(
    d: &mut Diagnostics,
    name: &Spanned<Rc<str>>,
    number: i64,
    services: &BTreeMap<&str, Span>,
) -> Option<Rc<str>> {
    let bundle = format!("{}-{number}", name.value);
    let Some(service) = services.get(&*bundle) else { return Some(bundle.into()) };
    let message = format!("container {number} of `{}` is called `{bundle}`, and so is a service", name.value);
    let draft = d.error(Code::Name, message).label(name.span, "the one with several containers");
    draft.label(*service, "the other one").help("give one of them another name").emit();
    None
}

/// A service with more containers than are left is reported, and gets one.
fn counted(d: &mut Diagnostics, service: &Service, left: &mut i64) -> i64 {
    let Some(replicas) = service.replicas() else { return 1 };
    if replicas.value - 1 > *left {
        let message = format!("{} containers are too many", replicas.value);
        let draft = d.error(Code::InvalidValue, message).label(replicas.span, "");
        let help = format!("a project may have {MAX} besides the first ones of its services");
        draft.help(help).emit();
        return 1;
    }
    *left -= (replicas.value - 1).max(0);
    replicas.value
}
