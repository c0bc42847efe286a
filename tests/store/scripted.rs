//! A source that fails, lies and dawdles as it is told.

use std::fmt;
use std::io::{self, Cursor, Read as _};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use bundlegen::image::{Content, Descriptor, Digest, Entry, Error, Layout, Reference, Source};

/// What it does the next time that it is asked for the blob.
#[derive(Clone)]
pub enum Act {
    /// Gives it from the byte on.
    Give,
    /// Gives so many bytes, and fails.
    Break(u64),
    /// Gives so many bytes, and ends.
    End(u64),
    /// Gives this, whatever was asked for.
    Say(Vec<u8>),
    /// Never ends.
    Endless,
    /// Gives it all, but after a while.
    Dawdle,
    /// Has it not.
    Lack,
}

pub struct Scripted {
    layout: Layout,
    blob: Digest,
    script: Mutex<Vec<Act>>,
    asked: Mutex<Vec<u64>>,
}

impl Scripted {
    /// The layout, but for one blob. The last act is done again and again.
    pub fn new(layout: Layout, blob: Digest, script: &[Act]) -> Scripted {
        let mut script = script.to_vec();
        script.reverse();
        Scripted { layout, blob, script: Mutex::new(script), asked: Mutex::default() }
    }

    /// From which bytes on it was asked for the blob.
    pub fn asked(&self) -> Vec<u64> {
        self.asked.lock().unwrap().clone()
    }

    fn act(&self) -> Act {
        let mut script = self.script.lock().unwrap();
        if script.len() > 1 { script.pop().unwrap() } else { script[0].clone() }
    }
}

impl fmt::Display for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a test")
    }
}

impl Source for Scripted {
    fn entries(&self, reference: &Reference) -> Result<Vec<Entry>, Error> {
        self.layout.entries(reference)
    }

    fn manifest(&self, digest: &Digest) -> Result<Option<Vec<u8>>, Error> {
        self.layout.manifest(digest)
    }

    fn blob(&self, descriptor: &Descriptor, from: u64) -> Result<Option<Content>, Error> {
        let honest = self.layout.blob(descriptor, from)?;
        if descriptor.digest != self.blob {
            return Ok(honest);
        }
        self.asked.lock().unwrap().push(from);
        let failure = Failing(io::ErrorKind::ConnectionReset);
        Ok(match self.act() {
            Act::Give => honest,
            Act::Break(n) => Some(Box::new(honest.unwrap().take(n).chain(failure))),
            Act::End(n) => Some(Box::new(honest.unwrap().take(n))),
            Act::Say(bytes) => Some(Box::new(Cursor::new(bytes))),
            Act::Endless => Some(Box::new(io::repeat(b'x'))),
            Act::Dawdle => {
                thread::sleep(Duration::from_millis(200));
                honest
            }
            Act::Lack => None,
        })
    }
}

struct Failing(io::ErrorKind);

impl io::Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(self.0.into())
    }
}
