//! One question to a repository, with all that it takes to be answered: which way, as whom, and who else has it.
//!
//! Speaks the [distribution specification]; of what is answered it knows only whether it is there.
//!
//! [distribution specification]: https://github.com/opencontainers/distribution-spec/blob/main/spec.md

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::access::{Access, access};
use super::answer::Answer;
use super::endpoint::Endpoint;
use super::http::{Http, Request};
use super::url::{Origin, is_loopback};
use super::{Error, Settings};
use crate::image::Digest;

/// The documents that are understood, in the order of preference.
const DOCUMENTS: &str = "application/vnd.oci.image.index.v1+json, \
                         application/vnd.docker.distribution.manifest.list.v2+json, \
                         application/vnd.oci.image.manifest.v1+json, \
                         application/vnd.docker.distribution.manifest.v2+json";

/// How much is remembered of what went wrong.
const MAX_REMARKS: usize = 32;

/// What is asked for in a repository.
#[derive(Clone, Copy)]
pub(super) enum Item<'a> {
    /// A document, by its tag or its digest.
    Manifest(&'a str),
    /// A blob, from a byte on.
    Blob(&'a Digest, u64),
}

impl fmt::Display for Item<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Item::Manifest(name) => write!(f, "manifests/{name}"),
            Item::Blob(digest, _) => write!(f, "blobs/{digest}"),
        }
    }
}

/// What all repositories share.
#[derive(Debug)]
pub(super) struct Client {
    pub settings: Arc<Settings>,
    pub http: Http,
    /// What was shown with success, by host and repository.
    shown: Mutex<BTreeMap<(Origin, String), Access>>,
    /// Whether the hosts of this machine speak TLS.
    secure: Mutex<BTreeMap<String, bool>>,
    /// The mirrors that cannot be reached, or are broken or busy; they are not asked again.
    down: Mutex<BTreeSet<String>>,
    remarks: Mutex<Vec<String>>,
}

impl Client {
    pub fn new(settings: Settings) -> Client {
        let settings = Arc::new(settings);
        Client {
            http: Http::new(Arc::clone(&settings)),
            settings,
            shown: Mutex::default(),
            secure: Mutex::default(),
            down: Mutex::default(),
            remarks: Mutex::default(),
        }
    }

    /// What the first of some endpoints has that has it, and which one that is. A mirror that fails is passed over,
    /// with a remark.
    pub fn first<T>(
        &self,
        endpoints: &[Endpoint],
        get: impl Fn(&Endpoint) -> Result<Option<T>, Error>,
    ) -> Result<Option<(usize, T)>, Error> {
        let mut mirrors = Vec::new();
        for (index, at) in endpoints.iter().enumerate() {
            if at.is_mirror
                && self.down.lock().unwrap_or_else(PoisonError::into_inner).contains(&at.authority)
            {
                continue;
            }
            match get(at) {
                Ok(Some(found)) => return Ok(Some((index, found))),
                Ok(None) => {}
                Err(error) if at.is_mirror => {
                    self.pass_over(at, &error);
                    mirrors.push(error.to_string());
                }
                Err(error) if mirrors.is_empty() => return Err(error),
                Err(error) => return Err(Error::Everywhere { error: Box::new(error), mirrors }),
            }
        }
        Ok(None)
    }

    /// Remembers that a mirror was of no use.
    pub fn pass_over(&self, at: &Endpoint, error: &Error) {
        if matches!(
            error,
            Error::Unreachable { .. } | Error::Limited { .. } | Error::Status { status: 500.., .. }
        ) {
            self.down.lock().unwrap_or_else(PoisonError::into_inner).insert(at.authority.clone());
        }
        let remark = format!("the mirror {} is passed over: {error}", at.authority);
        let mut remarks = self.remarks.lock().unwrap_or_else(PoisonError::into_inner);
        if remarks.len() < MAX_REMARKS && !remarks.contains(&remark) {
            remarks.push(remark);
        }
    }

    /// What was passed over since the last time.
    pub fn take_remarks(&self) -> Vec<String> {
        std::mem::take(&mut *self.remarks.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Asks one endpoint; `None` if it does not have it.
    pub fn ask(&self, at: &Endpoint, item: Item<'_>) -> Result<Option<Answer>, Error> {
        let origin = self.origin(at)?;
        let url = origin.at(format!("/v2/{}/{item}", at.path));
        let (accept, from) = match item {
            Item::Manifest(_) => (Some(DOCUMENTS), 0),
            Item::Blob(_, from) => (None, from),
        };
        let key = (origin, at.path.clone());
        let mut show = self.shown.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        let mut fresh = false;
        loop {
            let authorization = show.as_ref().and_then(|access| access.header.as_ref());
            let request = Request { accept, from, authorization, ..Request::get(&url) };
            let answer = self.http.get(&request)?;
            let is_own = answer.url.origin == url.origin;
            match answer.status {
                200 | 206 => return Ok(Some(answer)),
                404 => return Ok(None),
                // What was shown before may have run out.
                401 if is_own && !fresh => {
                    let access = access(&self.http, &self.settings, at, answer)?;
                    self.shown
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .insert(key.clone(), access.clone());
                    (show, fresh) = (Some(access), true);
                }
                401 | 403 if is_own => {
                    let shown = show.map_or("without credentials".to_owned(), |access| access.shown);
                    return Err(at.denied(&shown, answer.said()));
                }
                _ => return Err(answer.refused(1)),
            }
        }
    }

    /// Which way an endpoint is asked: over TLS, but on this machine also without, as Docker does.
    fn origin(&self, at: &Endpoint) -> Result<Origin, Error> {
        let over = |secure: bool| Origin::new(secure, &at.authority);
        if let Some(secure) = at.secure {
            return Ok(over(secure));
        }
        if !is_loopback(&at.authority) {
            return Ok(over(true));
        }
        let mut known = self.secure.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(secure) = known.get(&at.authority) {
            return Ok(over(*secure));
        }
        let ping = |secure: bool| over(secure).at("/v2/".to_owned());
        // That there is nothing to know certificates by does not matter if there are none.
        let answer = match self.http.knock(&ping(true)) {
            Err(Error::Settings(reason)) => Err(reason),
            answer => answer?,
        };
        let secure = match answer {
            Ok(_) => true,
            // A server that speaks TLS calls anything else a bad request.
            Err(reason) => match self.http.knock(&ping(false))? {
                Ok(status) if status != 400 => false,
                _ => return Err(Error::Unreachable { url: ping(true).to_string(), reason, attempts: 1 }),
            },
        };
        known.insert(at.authority.clone(), secure);
        Ok(over(secure))
    }
}
