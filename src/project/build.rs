//! Services whose image is built from a directory: it is built before, by something else.

use std::rc::Rc;

use crate::compose::{self, no_place::written_keys};
use crate::diag::{Code, Diagnostics};
use crate::source::Spanned;

/// The image of a service: the one it names, else the one that Docker Compose would build for it.
pub(super) fn image(
    d: &mut Diagnostics,
    name: &Spanned<Rc<str>>,
    written: &compose::Service,
    project: &str,
) -> Option<Spanned<Rc<str>>> {
    let Some(build) = &written.build else { return written.image.clone() };
    let image = written.image.clone();
    let image = image
        .unwrap_or_else(|| Spanned { value: format!("{project}-{}", name.value).into(), span: build.span });
    let message =
        format!("{}: a bundle is made of an image that was built before", written_keys("build", build));
    let draft = d.warning(Code::NoPlace, message).label(build.span, "");
    let help = format!(
        "`docker compose build {}` makes `{}`; put that where the images are",
        name.value, image.value
    );
    draft.help(help).emit();
    Some(image)
}
