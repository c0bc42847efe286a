//! What a server says, within limits: it may send more than anybody wants, or next to nothing for ever.

#![allow(
    clippy::disallowed_types,
    reason = "a clock decides how long a server is waited for, and nothing else"
)]

use std::io::{self, Read};
use std::time::{Duration, Instant};

use serde::Deserialize;
use ureq::http::Response;
use ureq::{Body, BodyReader};

use super::Error;
use super::url::{Url, limited};
use crate::image::source::MAX_JSON;
use crate::printable::printable_line;

/// What has to come within the time a server may be idle, so that nobody is kept waiting by single bytes.
const LEAST: u64 = 16 * 1024;

/// The largest explanation of a failure that is read.
const MAX_SAID: u64 = 64 * 1024;

/// An answer whose body has yet to come.
pub(super) struct Answer {
    pub url: Url,
    pub status: u16,
    response: Response<Body>,
    idle: Duration,
}

impl Answer {
    pub fn new(url: Url, response: Response<Body>, idle: Duration) -> Answer {
        Answer { url, status: response.status().as_u16(), response, idle }
    }

    /// A header that is text; of several the first.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    /// All headers of a name.
    pub fn headers(&self, name: &str) -> Vec<String> {
        let all = self.response.headers().get_all(name).iter();
        all.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect()
    }

    /// How long the server wants to be left alone. A date is of no use: the clocks may differ.
    pub fn retry_after(&self) -> Option<Duration> {
        self.header("retry-after")?.trim().parse().ok().map(Duration::from_secs)
    }

    /// The length that the server announces.
    pub fn length(&self) -> Option<u64> {
        self.header("content-length")?.trim().parse().ok()
    }

    /// Refuses content that would have to be unpacked first.
    pub fn check_encoding(&self) -> Result<(), Error> {
        match self.header("content-encoding") {
            None | Some("" | "identity") => Ok(()),
            Some(other) => Err(self
                .wrong(&format!("the content is encoded as `{}`, which nobody asked for", limited(other)))),
        }
    }

    /// An error about this answer.
    pub fn wrong(&self, reason: &str) -> Error {
        Error::Answer { url: self.url.to_string(), reason: printable_line(reason).into_owned() }
    }

    /// An error with the status of this answer.
    pub fn refused(self, attempts: u32) -> Error {
        let (url, status) = (self.url.to_string(), self.status);
        Error::Status { url, status, said: self.said(), attempts }
    }

    /// What the server says about a failure, after a colon; nothing if that is not for people.
    pub fn said(self) -> String {
        let mut bytes = Vec::new();
        let read = self.body(MAX_SAID).take(MAX_SAID).read_to_end(&mut bytes);
        let Some(said) = read.ok().and_then(|_| serde_json::from_slice::<Said>(&bytes).ok()) else {
            return String::new();
        };
        match said.text() {
            text if text.is_empty() => String::new(),
            text => format!(": {}", printable_line(&limited(&text))),
        }
    }

    /// All of a document.
    pub fn document(self) -> Result<Vec<u8>, DocumentError> {
        if let Some(length) = self.length().filter(|length| *length > MAX_JSON) {
            let reason = format!("{length} bytes, and the limit for a document is {MAX_JSON}");
            return Err(DocumentError::Wrong(self.wrong(&reason)));
        }
        let too_large = self.wrong(&format!("more than {MAX_JSON} bytes, the limit for a document"));
        let mut bytes = Vec::new();
        // A tenth of the largest document in each period: none takes longer than ten of them.
        let read = self.body(MAX_JSON / 10).take(MAX_JSON + 1).read_to_end(&mut bytes);
        match read {
            Err(error) => Err(DocumentError::Broken(error.to_string())),
            Ok(_) if bytes.len() as u64 > MAX_JSON => Err(DocumentError::Wrong(too_large)),
            Ok(_) => Ok(bytes),
        }
    }

    /// The body as a stream.
    pub fn content(self) -> Steady {
        self.body(LEAST)
    }

    fn body(self, least: u64) -> Steady {
        Steady {
            inner: self.response.into_body().into_reader(),
            idle: self.idle,
            least,
            waited: Duration::ZERO,
            came: 0,
        }
    }
}

/// Why a document cannot be had.
pub(super) enum DocumentError {
    /// It would be the same the next time.
    Wrong(Error),
    /// The connection broke.
    Broken(String),
}

/// The shapes that failures have: that of registries, and those of servers of tokens.
#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    errors: Vec<Mistake>,
    details: Option<String>,
    message: Option<String>,
    error_description: Option<String>,
}

#[derive(Deserialize)]
struct Mistake {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

impl Said {
    fn text(&self) -> String {
        let errors =
            self.errors.iter().map(|Mistake { code, message }| match (code.as_str(), message.as_str()) {
                (code, "") => code.to_owned(),
                ("", message) => message.to_owned(),
                (code, message) => format!("{code}: {message}"),
            });
        let others = [&self.error_description, &self.details, &self.message];
        let all: Vec<String> = errors.chain(others.into_iter().flatten().cloned()).collect();
        all.join(", ")
    }
}

/// A body that fails when too little of it comes. What the reader does in between is not counted.
pub(super) struct Steady {
    inner: BodyReader<'static>,
    idle: Duration,
    least: u64,
    waited: Duration,
    came: u64,
}

impl Read for Steady {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let before = Instant::now();
        let read = self.inner.read(buffer);
        self.waited += before.elapsed();
        let n = read.map_err(|error| plain(error, self.idle))?;
        self.came += n as u64;
        if self.waited >= self.idle {
            if self.came < self.least && n > 0 {
                let reason = format!("only {} bytes came within {:?}", self.came, self.idle);
                return Err(io::Error::new(io::ErrorKind::TimedOut, reason));
            }
            (self.waited, self.came) = (Duration::ZERO, 0);
        }
        Ok(n)
    }
}

fn plain(error: io::Error, idle: Duration) -> io::Error {
    let kind = error.kind();
    match ureq::Error::from(error) {
        ureq::Error::Io(error) => error,
        ureq::Error::Timeout(_) => {
            io::Error::new(io::ErrorKind::TimedOut, format!("nothing came within {idle:?}"))
        }
        error => io::Error::new(kind, error.to_string()),
    }
}
