//! From arguments to where images are looked for.

use std::str::FromStr;

use super::{ImageArgs, LockArgs};
use crate::diag::Invalid;
use crate::image::{Reference, SourceName};
use crate::project::{Anew, Reach, Search};

/// An image and where it comes from.
#[derive(Clone, Debug)]
pub struct ImageSource {
    /// The image.
    pub reference: Reference,
    /// Where it comes from.
    pub source: SourceName,
}

impl FromStr for ImageSource {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let Some((name, source)) = text.split_once('=') else {
            let help = "write `NAME=SOURCE`, such as `app=oci-archive:app.tar`";
            return Err(Invalid::whole(text, format!("`{text}` names no source")).help(help));
        };
        Ok(ImageSource { reference: name.parse()?, source: source.parse()? })
    }
}

/// A search that does not leave this machine.
pub(super) fn local(args: &ImageArgs) -> Search {
    Search { reach: Reach::Local, named: named(args), ..Search::default() }
}

/// What was said of single images.
pub(super) fn named(args: &ImageArgs) -> Vec<(Reference, SourceName)> {
    args.image.iter().map(|image| (image.reference.clone(), image.source.clone())).collect()
}

/// A search that asks registries too.
pub(super) fn network(args: &LockArgs, anew: Anew) -> Search {
    Search { reach: Reach::Network, named: named(&args.images), anew, elsewhere: None }
}
