//! Services whose image is built from a directory: it is built before, by something else.

mod recipe;

use std::path::Path;
use std::rc::Rc;

use crate::compose::{self, written::written_keys};
use crate::diag::{Code, Diagnostics};
use crate::source::Spanned;

pub use recipe::{Call, Recipe, Tool};

/// The image of a service: the one it names, else the one that Docker Compose would build for it.
pub(super) fn image(
    name: &Spanned<Rc<str>>,
    written: &compose::Service,
    project: &str,
) -> Option<Spanned<Rc<str>>> {
    let implied = |build: &crate::yaml::Node| Spanned {
        value: format!("{project}-{}", name.value).into(),
        span: build.span,
    };
    written.image.clone().or_else(|| written.build.as_ref().map(implied))
}

/// Says that a build of bundles builds no image, where there is none yet. Once the lock knows it, nothing is lost: `lock`
/// hands on what the file says, and names what it cannot.
pub(super) fn warn(d: &mut Diagnostics, name: &Spanned<Rc<str>>, written: &compose::Service, image: &str) {
    let Some(build) = &written.build else { return };
    let message =
        format!("{}: a bundle is made of an image that was built before", written_keys("build", build));
    let draft = d.warning(Code::NoPlace, message).label(build.span, "");
    draft.help(format!("`bundlegen lock --build={}` makes `{image}`", name.value)).emit();
}

/// How the image of a service is built, where the file says that.
pub fn recipe(
    name: &Spanned<Rc<str>>,
    written: &compose::Service,
    project: &str,
    directory: &Path,
) -> Option<Recipe> {
    let build = written.build.as_ref()?;
    let image = image(name, written, project)?;
    Some(Recipe::new(&name.value, &image.value, build, directory))
}
