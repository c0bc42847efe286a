//! Images in registries: the [distribution specification], and Docker's registry API where that is older.
//!
//! A registry is a stranger. All it says is held to limits of size and of time; what it sends is proven by those who
//! asked, except where a mirror has to be passed over for it; and it sees no credentials but its own. Nothing here
//! reads the environment.
//!
//! [distribution specification]: https://github.com/opencontainers/distribution-spec/blob/main/spec.md

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::io::Read as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::sleep;

mod access;
mod answer;
mod challenge;
mod client;
mod content;
mod credentials;
mod endpoint;
mod error;
mod http;
mod settings;
mod tls;
mod url;

pub use error::Error as RegistryError;
pub use settings::{Mirror, Patience, Proxy, Settings};

use answer::{Answer, DocumentError};
use client::{Client, Item};
use endpoint::{Endpoint, endpoints};
use error::Error;

use super::document::Entry;
use super::source::{Content, Source};
use super::{Descriptor, Digest, Reference, Verified};

/// How much is kept of what was fetched, so that a document is fetched once.
const MAX_KEPT: usize = 16 * 1024 * 1024;

/// What is so small is kept too: a configuration is read to choose an image, and read again to fetch it.
const SMALL: u64 = 64 * 1024;

/// How many documents a repository is asked for. Who has more indexes inside each other leads astray.
const MAX_DOCUMENTS: u32 = 1000;

/// All registries, as one client sees them. Copies share connections and tokens.
#[derive(Clone, Debug)]
pub struct Registries {
    client: Arc<Client>,
}

impl Registries {
    /// A client that has asked nobody yet.
    pub fn new(settings: Settings) -> Self {
        Registries { client: Arc::new(Client::new(settings)) }
    }

    /// The repository that a reference names. Asks nobody.
    pub fn repository(&self, reference: &Reference) -> Repository {
        Repository {
            client: Arc::clone(&self.client),
            reference: reference.clone(),
            endpoints: endpoints(&self.client.settings, reference),
            kept: Mutex::default(),
        }
    }

    /// The mirrors that were passed over since the last call, and why, for the user to know.
    pub fn take_remarks(&self) -> Vec<String> {
        self.client.take_remarks()
    }
}

/// A repository of a registry.
#[derive(Debug)]
pub struct Repository {
    client: Arc<Client>,
    reference: Reference,
    /// The mirrors, and at last the registry.
    endpoints: Vec<Endpoint>,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    content: BTreeMap<Digest, Vec<u8>>,
    bytes: usize,
    fetched: u32,
}

impl Kept {
    fn keep(&mut self, digest: &Digest, bytes: &[u8]) {
        if self.bytes + bytes.len() <= MAX_KEPT && !self.content.contains_key(digest) {
            self.bytes += bytes.len();
            self.content.insert(digest.clone(), bytes.to_vec());
        }
    }
}

/// A document that was fetched.
struct Fetched {
    media_type: String,
    digest: Digest,
    bytes: Vec<u8>,
}

impl Repository {
    /// A document by its tag or its digest.
    fn fetch(&self, name: &str, digest: Option<&Digest>) -> Result<Option<Fetched>, Error> {
        self.count()?;
        let found = self.client.first(&self.endpoints, |at| self.fetch_from(at, name, digest))?;
        let Some((_, fetched)) = found else { return Ok(None) };
        self.kept().keep(&fetched.digest, &fetched.bytes);
        Ok(Some(fetched))
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All of a small blob.
    fn small(&self, blob: &Descriptor, content: impl io::Read) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        match Verified::new(content, &blob.digest, Some(blob.size)).read_to_end(&mut bytes) {
            Ok(_) => {
                self.kept().keep(&blob.digest, &bytes);
                Ok(bytes)
            }
            Err(error) => Err(error.downcast().unwrap_or_else(|error| Error::Answer {
                url: format!("{self}, blob {}", blob.digest),
                reason: error.to_string(),
            })),
        }
    }

    fn count(&self) -> Result<(), Error> {
        let mut kept = self.kept();
        kept.fetched += 1;
        if kept.fetched > MAX_DOCUMENTS {
            let reason = format!("more than {MAX_DOCUMENTS} documents, and still no image");
            return Err(Error::Answer { url: self.to_string(), reason });
        }
        Ok(())
    }

    fn fetch_from(
        &self,
        at: &Endpoint,
        name: &str,
        digest: Option<&Digest>,
    ) -> Result<Option<Fetched>, Error> {
        let mut attempt = 1;
        loop {
            let Some(answer) = self.client.ask(at, Item::Manifest(name))? else { return Ok(None) };
            answer.check_encoding()?;
            let media_type = media_type(&answer)?;
            let (url, promised) = (answer.url.to_string(), promised(&answer)?);
            match answer.document() {
                Ok(bytes) => {
                    let digest = digest.or(promised.as_ref());
                    let digest = proven(&bytes, digest).map_err(|reason| Error::Answer { url, reason })?;
                    return Ok(Some(Fetched { media_type, digest, bytes }));
                }
                Err(DocumentError::Wrong(error)) => return Err(error),
                Err(DocumentError::Broken(reason)) if attempt >= self.client.settings.patience.attempts => {
                    return Err(Error::Unreachable { url, reason, attempts: attempt });
                }
                Err(DocumentError::Broken(_)) => sleep(self.client.http.pause(attempt)),
            }
            attempt += 1;
        }
    }
}

/// The digest of a document, which is the one that it should have.
fn proven(bytes: &[u8], digest: Option<&Digest>) -> Result<Digest, String> {
    let Some(digest) = digest else { return Ok(Digest::sha256(bytes)) };
    let read = io::copy(&mut Verified::new(bytes, digest, None), &mut io::sink());
    read.map(|_| digest.clone()).map_err(|error| error.to_string())
}

/// The digest that the registry says a document has.
fn promised(answer: &Answer) -> Result<Option<Digest>, Error> {
    let Some(text) = answer.header("docker-content-digest") else { return Ok(None) };
    let refuse = |reason: String| answer.wrong(&format!("the header `Docker-Content-Digest`: {reason}"));
    text.trim().parse().map(Some).map_err(|error: crate::diag::Invalid| refuse(url::limited(&error.message)))
}

/// What the registry says a document is; empty if that means nothing.
fn media_type(answer: &Answer) -> Result<String, Error> {
    let header = answer.header("content-type").unwrap_or_default();
    let media_type = header.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match media_type.as_str() {
        "" | "application/json" | "application/octet-stream" | "text/plain" => Ok(String::new()),
        "application/vnd.docker.distribution.manifest.v1+json"
        | "application/vnd.docker.distribution.manifest.v1+prettyjws" => Err(answer.wrong(
            "the registry has this image only as manifest schema 1, which is not supported: \
             push it again with a newer tool",
        )),
        "text/html" => Err(answer.wrong("a page for people and not a manifest: is this a registry?")),
        _ => Ok(media_type),
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the repository {}/{}", self.reference.domain(), self.reference.path())
    }
}

impl Source for Repository {
    fn entries(&self, reference: &Reference) -> Result<Vec<Entry>, super::Error> {
        if !self.reference.same_repository(reference) {
            return Ok(Vec::new());
        }
        let fetched = match (reference.digest(), reference.tag()) {
            (Some(digest), _) => self.fetch(&digest.to_string(), Some(digest))?,
            (None, Some(tag)) => self.fetch(tag, None)?,
            (None, None) => None,
        };
        let entry = fetched.map(|Fetched { media_type, digest, bytes }| Entry {
            media_type,
            ..Entry::unnamed(&digest, bytes.len() as u64)
        });
        Ok(entry.into_iter().collect())
    }

    fn manifest(&self, digest: &Digest) -> Result<Option<Vec<u8>>, super::Error> {
        let kept = self.kept().content.get(digest).cloned();
        if let Some(bytes) = kept {
            return Ok(Some(bytes));
        }
        let fetched = self.fetch(&digest.to_string(), Some(digest))?;
        Ok(fetched.map(|fetched| fetched.bytes))
    }

    fn blob(&self, descriptor: &Descriptor, from: u64) -> Result<Option<Content>, super::Error> {
        if from >= descriptor.size && from > 0 {
            return Ok(Some(Box::new(io::empty().take(0))));
        }
        let is_small = descriptor.size <= SMALL && from == 0;
        if is_small && let Some(bytes) = self.kept().content.get(&descriptor.digest) {
            return Ok(Some(Box::new(io::Cursor::new(bytes.clone()))));
        }
        let opened = content::open(&self.client, &self.endpoints, descriptor, from)?;
        Ok(match opened {
            Some(resumed) if is_small => {
                Some(Box::new(io::Cursor::new(self.small(descriptor, resumed)?)) as Content)
            }
            opened => opened.map(|resumed| Box::new(resumed) as Content),
        })
    }
}
