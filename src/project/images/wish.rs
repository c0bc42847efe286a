//! What the services of a project say about each image: when it is fetched, and how it is built.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::compose::{self, Named};
use crate::image::Reference;
use crate::project::Options;
use crate::project::build::{self, Recipe};

/// What all services with an image say about it.
#[derive(Clone, Debug, Default)]
pub(super) struct Wish {
    /// The services.
    pub(super) services: BTreeSet<Rc<str>>,
    /// What one of them calls it.
    pub(super) image: Option<Rc<str>>,
    /// Whether a `pull_policy` asks for it again. There is no clock in a lock, so that is each time.
    pub(super) refreshed: bool,
    /// How it is built, where a service says that.
    pub(super) recipe: Option<Recipe>,
    said: BTreeSet<Policy>,
    /// Whether somebody gave it its name. The one that Docker Compose makes up is nobody's in a registry, and whoever
    /// takes it there is a stranger.
    chosen: bool,
}

/// What a `pull_policy` says about registries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Policy {
    /// One may be asked.
    Asked,
    /// None may.
    Never,
    /// It is built.
    Built,
    /// Nothing is said, and the image is not built by the service.
    Unsaid,
}

impl Wish {
    /// Why no registry is asked for it; nothing where one may be. An image that is built comes from there only where a
    /// `pull_policy` says so, as in Docker Compose.
    pub(super) fn refusal(&self) -> Option<String> {
        match &self.recipe {
            Some(recipe) if !(self.says(Policy::Asked) && self.chosen) => {
                Some(format!("the service `{}` builds it", recipe.service))
            }
            _ if self.says(Policy::Asked) || self.says(Policy::Unsaid) => None,
            _ if self.says(Policy::Never) => Some("`pull_policy` is `never`".to_owned()),
            _ => Some("`pull_policy` is `build`".to_owned()),
        }
    }

    /// Whether no registry may be asked for it, not even one that is named for it.
    pub(super) fn is_never_asked(&self) -> bool {
        self.says(Policy::Never) && !self.says(Policy::Asked) && !self.says(Policy::Unsaid)
    }

    fn says(&self, policy: Policy) -> bool {
        self.said.contains(&policy)
    }

    fn add(&mut self, name: &Rc<str>, written: &compose::Service, recipe: Option<Recipe>) {
        self.services.insert(Rc::clone(name));
        self.chosen |= written.image.is_some();
        let policy = written.pull_policy.as_ref().and_then(|policy| policy.as_str());
        let said = match policy {
            None if recipe.is_some() => None,
            None => Some(Policy::Unsaid),
            Some("never") => Some(Policy::Never),
            Some("build") => Some(Policy::Built),
            Some(policy) => {
                let again = ["always", "daily", "weekly", "refresh"].contains(&policy);
                self.refreshed |= again || policy.starts_with("every_");
                Some(Policy::Asked)
            }
        };
        self.said.extend(said);
        self.recipe = self.recipe.take().or(recipe);
    }
}

/// The wishes by the normalised name of the image. A name with a mistake has none.
pub(super) fn wishes(services: &[Named<Rc<compose::Service>>], options: &Options) -> BTreeMap<String, Wish> {
    let mut wishes: BTreeMap<String, Wish> = BTreeMap::new();
    for Named { name, value: written, .. } in services {
        let image = build::image(name, written, &options.name);
        let Some(image) = image.filter(|_| written.extension.rootfs.is_none()) else { continue };
        if let Ok(reference) = image.value.parse::<Reference>() {
            let recipe = build::recipe(name, written, &options.name, &options.directory);
            let wish = wishes.entry(reference.to_string()).or_default();
            wish.image.get_or_insert(image.value);
            wish.add(&name.value, written, recipe);
        }
    }
    wishes
}
