//! The content of a blob as one stream, whatever happens on the way.

use std::io::{self, Read};
use std::sync::Arc;
use std::thread::sleep;

use super::Error;
use super::answer::Answer;
use super::client::{Client, Item};
use super::endpoint::Endpoint;
use super::url::limited;
use crate::image::source::Content;
use crate::image::{Descriptor, Verified};

/// What a mirror has of so many bytes or fewer is proven before it is handed on, as it can be had elsewhere.
const SMALL: u64 = 1024 * 1024;

/// After so many bytes a connection that breaks is a new one and not the same one again.
const PROGRESS: u64 = 1024 * 1024;

/// The rest of a blob. A connection that breaks is made again from where it broke, at the next endpoint if need be.
/// The content ends after the size of the blob; what a server has beyond that is an error.
pub(super) struct Resumed {
    client: Arc<Client>,
    endpoints: Vec<Endpoint>,
    /// Which of them is asked.
    index: usize,
    blob: Descriptor,
    position: u64,
    body: Option<Content>,
    failures: u32,
    /// Where the first of the failures was.
    since: u64,
}

/// Opens a blob from a byte on; `None` if no endpoint has it.
pub(super) fn open(
    client: &Arc<Client>,
    endpoints: &[Endpoint],
    blob: &Descriptor,
    from: u64,
) -> Result<Option<Resumed>, Error> {
    let found = client.first(endpoints, |at| body(client, at, blob, from))?;
    Ok(found.map(|(index, body)| Resumed {
        client: Arc::clone(client),
        endpoints: endpoints.to_vec(),
        index,
        blob: blob.clone(),
        position: from,
        body: Some(body),
        failures: 0,
        since: from,
    }))
}

/// The body that begins with the byte `from`.
fn body(client: &Client, at: &Endpoint, blob: &Descriptor, from: u64) -> Result<Option<Content>, Error> {
    let Some(answer) = client.ask(at, Item::Blob(&blob.digest, from))? else { return Ok(None) };
    answer.check_encoding()?;
    let start = start(&answer)?;
    if start > from {
        return Err(answer
            .wrong(&format!("the bytes from {from} on were asked for, and it has those from {start} on")));
    }
    let whole = answer.length().map(|length| length.saturating_add(start));
    if let Some(whole) = whole.filter(|whole| *whole != blob.size) {
        let size = blob.size;
        return Err(answer.wrong(&format!("the registry has {whole} bytes, and the manifest says {size}")));
    }
    let url = answer.url.to_string();
    let mut body = answer.content();
    // A server need not know ranges.
    let skipped = io::copy(&mut (&mut body).take(from - start), &mut io::sink());
    match skipped {
        Ok(skipped) if skipped < from - start => {
            let reason = format!("the content ends after {skipped} bytes");
            Err(Error::Unreachable { url, reason, attempts: 1 })
        }
        Ok(_) if at.is_mirror && from == 0 && blob.size <= SMALL => proven(body, blob, url).map(Some),
        Ok(_) => Ok(Some(Box::new(body))),
        Err(error) => Err(Error::Unreachable { url, reason: error.to_string(), attempts: 1 }),
    }
}

/// All of a small blob, if it is what it should be.
fn proven(body: impl Read, blob: &Descriptor, url: String) -> Result<Content, Error> {
    let mut bytes = Vec::new();
    match Verified::new(body, &blob.digest, Some(blob.size)).read_to_end(&mut bytes) {
        Ok(_) => Ok(Box::new(io::Cursor::new(bytes))),
        Err(error) => Err(Error::Answer { url, reason: error.to_string() }),
    }
}

/// The first byte that an answer has.
fn start(answer: &Answer) -> Result<u64, Error> {
    if answer.status != 206 {
        return Ok(0);
    }
    let range = answer.header("content-range").unwrap_or_default();
    let start = range.strip_prefix("bytes ").and_then(|range| range.split_once('-')?.0.trim().parse().ok());
    start.ok_or_else(|| {
        answer.wrong(&format!("part of the content, but `{}` does not say which", limited(range)))
    })
}

impl Resumed {
    /// Goes on after a failure, or gives up with it.
    fn resume(&mut self, reason: String) -> io::Result<()> {
        self.body = None;
        let mut last = match self.endpoints.get(self.index) {
            Some(at) => {
                Error::Unreachable { url: format!("{at}/blobs/{}", self.blob.digest), reason, attempts: 1 }
            }
            None => return Err(io::Error::other(reason)),
        };
        loop {
            if self.position.saturating_sub(self.since) >= PROGRESS {
                (self.failures, self.since) = (0, self.position);
            }
            self.failures += 1;
            if let Error::Unreachable { attempts, .. } = &mut last {
                *attempts = self.failures;
            }
            let Some(at) = self.endpoints.get(self.index) else { return Err(io::Error::other(last)) };
            let is_passing = matches!(last, Error::Unreachable { .. });
            if !is_passing || self.failures >= self.client.settings.patience.attempts {
                if self.index + 1 >= self.endpoints.len() {
                    return Err(io::Error::other(last));
                }
                self.client.pass_over(at, &last);
                (self.index, self.failures, self.since) = (self.index + 1, 0, self.position);
                continue;
            }
            sleep(self.client.http.pause(self.failures));
            match body(&self.client, at, &self.blob, self.position) {
                Ok(Some(body)) => {
                    self.body = Some(body);
                    return Ok(());
                }
                Ok(None) => {
                    let url = format!("{at}/blobs/{}", self.blob.digest);
                    last = Error::Answer { url, reason: "it is gone".to_owned() };
                }
                Err(error) => last = error,
            }
        }
    }

    /// Refuses content behind the end. That the end cannot be read does not matter any more.
    fn end(&mut self) -> io::Result<usize> {
        match self.body.take().map(|mut body| body.read(&mut [0])) {
            Some(Ok(n)) if n > 0 => {
                let Descriptor { digest, size, .. } = &self.blob;
                let reason = format!("{digest} has more than its {size} bytes");
                Err(io::Error::new(io::ErrorKind::InvalidData, reason))
            }
            _ => Ok(0),
        }
    }
}

impl Read for Resumed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let left = self.blob.size.saturating_sub(self.position);
            if left == 0 {
                return self.end();
            }
            let wanted = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let (Some(body), Some(wanted)) = (&mut self.body, buffer.get_mut(..wanted)) else {
                return Err(io::Error::other("the content could not be read to its end"));
            };
            let reason = match body.read(wanted) {
                Ok(0) => format!("the content ends after {} of {} bytes", self.position, self.blob.size),
                Ok(n) => {
                    self.position += n as u64;
                    return Ok(n);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => error.to_string(),
            };
            self.resume(reason)?;
        }
    }
}
