//! A registry on this machine that does what it is told: it serves a layout, and every answer can be spoilt.
#![allow(dead_code, reason = "each test uses a part")]
#![allow(clippy::format_push_string, reason = "speed does not matter here")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use bundlegen::image::Digest;
use serde_json::Value;

/// A request, as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: String,
    pub target: String,
    /// The headers, their names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: String,
    /// How often the target was asked for before.
    pub before: usize,
}

impl Seen {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The first byte that is asked for.
    pub fn from(&self) -> usize {
        let range = self.header("range").strip_prefix("bytes=").and_then(|range| range.strip_suffix('-'));
        range.map_or(0, |from| from.parse().unwrap())
    }

    pub fn is_blob(&self) -> bool {
        self.target.contains("/blobs/")
    }
}

/// An answer.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub fault: Fault,
}

/// What goes wrong with an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    #[default]
    None,
    /// The connection ends after so many bytes of the body.
    Cut(usize),
    /// Nothing more comes after so many bytes of the body.
    Stall(usize),
    /// One byte comes at a time.
    Drip,
    /// The body has no end.
    Endless,
    /// The connection ends before anything is said.
    Gone,
}

impl Reply {
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Reply { status, body: body.into(), ..Reply::default() }
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self
    }

    pub fn fault(self, fault: Fault) -> Self {
        Reply { fault, ..self }
    }

    pub fn redirect(location: &str) -> Self {
        Reply::new(307, "elsewhere").with("Location", location)
    }
}

type Answer = dyn Fn(&Seen) -> Reply + Send + Sync;

/// A server of HTTP on a port of its own. It ends when it is dropped.
pub struct Fake {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    answer: Box<Answer>,
    seen: Mutex<Vec<Seen>>,
    ended: AtomicBool,
}

impl Fake {
    pub fn new(answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            answer: Box::new(answer),
            seen: Mutex::default(),
            ended: AtomicBool::new(false),
        });
        let server = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if server.ended.load(Ordering::SeqCst) {
                    break;
                }
                let (stream, server) = (stream.unwrap(), Arc::clone(&server));
                thread::spawn(move || {
                    let _ended = server.serve(&stream);
                });
            }
        });
        Fake { address, shared }
    }

    /// An honest registry with the images of a layout.
    pub fn of(layout: &Path) -> Self {
        let images = Images::of(layout);
        Fake::new(move |seen| images.answer(seen))
    }

    /// The name of an image in it.
    pub fn name(&self, name: &str) -> String {
        format!("{}/{name}", self.address)
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What was asked for, but for the question whether it speaks HTTP.
    pub fn seen(&self) -> Vec<Seen> {
        let seen = self.shared.seen.lock().unwrap();
        seen.iter().filter(|seen| seen.target != "/v2/").cloned().collect()
    }

    /// The same in short.
    pub fn log(&self) -> Vec<String> {
        self.seen().iter().map(|seen| format!("{} {}", seen.method, seen.target)).collect()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        let _woken = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn serve(&self, stream: &TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let mut first = [0];
        // What begins so is TLS.
        if stream.peek(&mut first)? == 0 || first[0] == 0x16 {
            return Ok(());
        }
        let mut reader = BufReader::new(stream);
        while let Some(mut seen) = read(&mut reader)? {
            {
                let mut all = self.seen.lock().unwrap();
                seen.before = all.iter().filter(|before| before.target == seen.target).count();
                all.push(seen.clone());
            }
            let reply = (self.answer)(&seen);
            if !self.write(stream, &reply)? {
                break;
            }
        }
        Ok(())
    }

    /// Whether the connection goes on.
    fn write(&self, mut stream: &TcpStream, reply: &Reply) -> std::io::Result<bool> {
        if reply.fault == Fault::Gone {
            return Ok(false);
        }
        let mut head = format!("HTTP/1.1 {} Said\r\n", reply.status);
        for (name, value) in &reply.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let framed = reply.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        let endless = reply.fault == Fault::Endless;
        if endless {
            head.push_str("Transfer-Encoding: chunked\r\n");
        } else if !framed {
            head.push_str(&format!("Content-Length: {}\r\n", reply.body.len()));
        }
        stream.write_all(format!("{head}\r\n").as_bytes())?;
        match reply.fault {
            Fault::Cut(end) => {
                stream.write_all(&reply.body[..end])?;
                return Ok(false);
            }
            Fault::Stall(end) => {
                stream.write_all(&reply.body[..end])?;
                self.wait(|| Ok(()))?;
            }
            Fault::Drip => {
                let mut bytes = reply.body.iter();
                self.wait(|| bytes.next().map_or(Ok(()), |byte| stream.write_all(&[*byte])))?;
            }
            Fault::Endless => loop {
                stream.write_all(b"1000\r\n")?;
                stream.write_all(&[b' '; 0x1000])?;
                stream.write_all(b"\r\n")?;
            },
            Fault::None | Fault::Gone => stream.write_all(&reply.body)?,
        }
        Ok(reply.fault == Fault::None && !framed)
    }

    fn wait(&self, mut step: impl FnMut() -> std::io::Result<()>) -> std::io::Result<()> {
        while !self.ended.load(Ordering::SeqCst) {
            step()?;
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

fn read(reader: &mut BufReader<&TcpStream>) -> std::io::Result<Option<Seen>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(ToOwned::to_owned);
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim_end().split_once(':') {
            Some((name, value)) => headers.insert(name.to_ascii_lowercase(), value.trim().to_owned()),
            None => break,
        };
    }
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let body = String::from_utf8(body).unwrap();
    Ok(Some(Seen { method, target, headers, body, before: 0 }))
}

/// The images of a layout, under whatever name of a repository. Their tags are the names in the index.
pub struct Images {
    layout: PathBuf,
}

impl Images {
    pub fn of(layout: &Path) -> Self {
        Images { layout: layout.to_owned() }
    }

    /// What an honest registry says.
    pub fn answer(&self, seen: &Seen) -> Reply {
        let target = seen.target.split('?').next().unwrap();
        if target == "/v2/" {
            return Reply::new(200, "{}");
        }
        let found = match (target.rsplit_once("/manifests/"), target.rsplit_once("/blobs/")) {
            (Some((_, name)), _) => self.manifest(name),
            (None, Some((_, digest))) => self.blob(digest).map(|bytes| {
                match seen.from() {
                    0 => Reply::new(200, bytes),
                    from if from >= bytes.len() => Reply::new(416, ""),
                    from => {
                        let range = format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len());
                        Reply::new(206, &bytes[from..]).with("Content-Range", &range)
                    }
                }
                .with("Content-Type", "application/octet-stream")
            }),
            _ => None,
        };
        let missing = r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#;
        found.unwrap_or_else(|| Reply::new(404, missing).with("Content-Type", "application/json"))
    }

    fn manifest(&self, name: &str) -> Option<Reply> {
        let index: Value =
            serde_json::from_slice(&fs::read(self.layout.join("index.json")).unwrap()).unwrap();
        let named = |entry: &&Value| entry["annotations"]["org.opencontainers.image.ref.name"] == name;
        let entry = index["manifests"].as_array().unwrap().iter().find(named);
        let digest = entry.map_or(name, |entry| entry["digest"].as_str().unwrap());
        let bytes = self.blob(digest)?;
        let own: Value = serde_json::from_slice(&bytes).ok()?;
        let media_type = own["mediaType"].as_str().unwrap_or("application/vnd.oci.image.manifest.v1+json");
        let reply = Reply::new(200, bytes.clone()).with("Content-Type", media_type);
        Some(reply.with("Docker-Content-Digest", &Digest::sha256(&bytes).to_string()))
    }

    fn blob(&self, digest: &str) -> Option<Vec<u8>> {
        let digest: Digest = digest.parse().ok()?;
        fs::read(self.layout.join("blobs").join(digest.algorithm()).join(digest.hex())).ok()
    }
}
