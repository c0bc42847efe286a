//! Where a repository is asked for: at its registry, and at the mirrors of that.

use std::fmt;

use super::settings::{Mirror, registry_name};
use super::{Error, Settings};
use crate::image::Reference;
use crate::image::reference::DEFAULT_DOMAIN;

/// The host that answers for `docker.io`.
const DOCKER_HOST: &str = "registry-1.docker.io";

/// A repository on a host.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    /// The host and its port.
    pub authority: String,
    /// Whether it is over TLS, where that is told.
    pub secure: Option<bool>,
    /// The name of the repository on that host.
    pub path: String,
    /// The name under which credentials are looked for.
    pub place: String,
    /// Whether another one is asked when this one fails.
    pub is_mirror: bool,
}

/// Everybody who may have a repository, in the order in which they are asked.
pub(super) fn endpoints(settings: &Settings, reference: &Reference) -> Vec<Endpoint> {
    let name = registry_name(reference.domain());
    let mirrors = settings.mirrors.get(&name).into_iter().flatten();
    let mirrors = mirrors.map(|mirror| Endpoint::of_mirror(mirror, reference.path()));
    mirrors.chain([Endpoint::of_registry(&name, reference.path())]).collect()
}

impl Endpoint {
    fn of_registry(name: &str, path: &str) -> Endpoint {
        let authority = if name == DEFAULT_DOMAIN { DOCKER_HOST } else { name };
        Endpoint {
            authority: authority.to_owned(),
            secure: None,
            path: path.to_owned(),
            place: format!("{name}/{path}"),
            is_mirror: false,
        }
    }

    fn of_mirror(mirror: &Mirror, path: &str) -> Endpoint {
        let origin = &mirror.url.origin;
        let path = format!("{}{path}", mirror.prefix());
        let place = format!("{}/{path}", registry_name(&origin.authority));
        Endpoint {
            authority: origin.authority.clone(),
            secure: Some(origin.secure),
            path,
            place,
            is_mirror: true,
        }
    }

    /// An error for one who is not let in.
    pub fn denied(&self, shown: &str, said: String) -> Error {
        let host = self.place.split('/').next().unwrap_or_default();
        let advice = if host == DEFAULT_DOMAIN {
            "check the name of the image, or log in with `docker login`".to_owned()
        } else {
            format!("check the name of the image, or log in with `docker login {host}`")
        };
        let (repository, host) = (self.place.clone(), self.authority.clone());
        Error::Denied { repository, host, said, tried: shown.to_owned(), advice }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.authority, self.path)
    }
}
