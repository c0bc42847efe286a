//! What to say where an image cannot be had, and what to do then.

use std::rc::Rc;

use super::Images;
use super::places::familiar;
use super::search::Reach;
use super::wish::Wish;
use crate::diag::{Code, Diagnostics, Reported};
use crate::image::Reference;
use crate::nearest::nearest;
use crate::project::build::{Recipe, Tool};
use crate::shell::quoted;
use crate::source::Span;

impl Images {
    /// Reports an image that is neither in the lock nor where the search goes.
    pub(super) fn missing(
        &self,
        d: &mut Diagnostics,
        reference: &Reference,
        wish: &Wish,
        span: Span,
    ) -> Reported {
        let message = match self.search.reach {
            Reach::Lock(_) => format!("the lock does not have the image `{}`", reference.familiar()),
            Reach::Local | Reach::Network => self.not_at_hand(reference, &self.place_lacks()),
        };
        let help = match &wish.recipe {
            Some(recipe) => self.how_to_build(recipe),
            None => self.how_to_get(reference, wish),
        };
        d.error(Code::MissingImage, message).label(span, "").help(help).emit()
    }

    /// Says that an image is not known, and that the rest is looked at without it.
    pub(super) fn tell_missing(&self, d: &mut Diagnostics, reference: &Reference, span: Span) {
        let message = format!("the lock does not have the image `{}`", reference.familiar());
        let draft = d.warning(Code::MissingImage, message).label(span, "what it brings is not looked at");
        let near = self.near(reference).map(|near| format!("the lock has `{near}`; ")).unwrap_or_default();
        draft.help(format!("{near}run `bundlegen lock`, which finds out what it brings")).emit();
    }

    /// That an image is not to be had, which may be one that the lock has.
    pub(super) fn not_at_hand(&self, reference: &Reference, why: &str) -> String {
        let name = reference.familiar();
        if self.before.contains_key(&reference.to_string()) {
            format!("the image `{name}` is not at hand: {why}")
        } else {
            format!("the image `{name}` is not in the lock, and {why}")
        }
    }

    fn place_lacks(&self) -> String {
        match self.places.common() {
            Some(place) => format!("{place} does not have it"),
            None => format!("there is no OCI layout `{}`", self.places.path().display()),
        }
    }

    fn how_to_get(&self, reference: &Reference, wish: &Wish) -> String {
        let near = self.near(reference).map(|near| format!("the lock has `{near}`; ")).unwrap_or_default();
        match (self.search.reach, wish.refusal()) {
            (Reach::Lock(_), _) => format!("{near}run `bundlegen lock`"),
            (_, Some(refusal)) => format!("{refusal}, so no registry is asked: {}", self.by_hand(reference)),
            (Reach::Local, None) => {
                format!("run `bundlegen lock`, which asks the registry; or {}", self.by_hand(reference))
            }
            (Reach::Network, None) => self.by_hand(reference),
        }
    }

    fn by_hand(&self, reference: &Reference) -> String {
        let place = quoted(&self.places.path().to_string_lossy());
        format!("put it there: `skopeo copy docker://{reference} oci:{place}:{reference}`")
    }

    /// What the lock has that may have been meant.
    fn near(&self, reference: &Reference) -> Option<String> {
        let same =
            |name: &&String| name.parse::<Reference>().is_ok_and(|known| known.same_repository(reference));
        let same = self.before.keys().find(same).map(String::as_str);
        let near =
            same.or_else(|| nearest(&reference.to_string(), self.before.keys().map(String::as_str)))?;
        Some(familiar(near))
    }

    /// The commands that build an image, for every program.
    fn how_to_build(&self, recipe: &Recipe) -> String {
        let image_of = |service: &str| self.image_of(service);
        let commands = Tool::ALL.map(|tool| {
            let calls = recipe.calls(tool, &self.platform, self.places.path(), &image_of);
            let calls: Vec<String> = calls.iter().map(ToString::to_string).collect();
            format!("`{}`", calls.join(" && "))
        });
        let service = quoted(&recipe.service);
        format!("build it: `bundlegen lock --build={service}`, which runs {}", commands.join(" or "))
    }

    /// The image of a service, as the file has it.
    fn image_of(&self, service: &str) -> Option<Rc<str>> {
        let wish = self.wishes.values().find(|wish| wish.services.contains(service))?;
        wish.image.clone()
    }
}
