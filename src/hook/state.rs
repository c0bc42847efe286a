//! What a runtime says of a container on standard input: the `state` of the OCI runtime specification.
//!
//! Of all that it says only the id and the process are taken; `bundle` is wrong in some releases of crun.

use std::io::Read;

use serde::Deserialize;

use super::Error;

/// More than any runtime writes, annotations included.
const LIMIT: u64 = 4 << 20;

/// The state of a container.
#[derive(Debug, Deserialize)]
pub struct State {
    /// Its id, which nobody has looked at yet.
    pub id: String,
    /// Its process on the host; 0 where there is none any more.
    #[serde(default)]
    pub pid: i32,
}

impl State {
    pub fn read(stdin: impl Read) -> Result<Self, Error> {
        let mut text = Vec::new();
        stdin.take(LIMIT + 1).read_to_end(&mut text).map_err(Error::io("read standard input"))?;
        if text.len() as u64 > LIMIT {
            return Err(Error::State(format!("more than {LIMIT} bytes")));
        }
        serde_json::from_slice(&text).map_err(|error| Error::State(error.to_string()))
    }
}
