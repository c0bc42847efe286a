//! Digests, and readers that hold content to them.

use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

use serde::{Deserialize, Serialize, Serializer};
use sha2::{Digest as _, Sha256, Sha512};

use crate::diag::Invalid;

/// The name of some content: `sha256:` or `sha512:` and lower-case hexadecimal digits of the exact number, so that
/// a digest used as a file name can be nothing but a file name (CVE-2024-3727).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Digest {
    algorithm: Algorithm,
    hex: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Algorithm {
    Sha256,
    Sha512,
}

impl Algorithm {
    fn name(self) -> &'static str {
        match self {
            Algorithm::Sha256 => "sha256",
            Algorithm::Sha512 => "sha512",
        }
    }

    fn digits(self) -> usize {
        match self {
            Algorithm::Sha256 => 64,
            Algorithm::Sha512 => 128,
        }
    }
}

impl Digest {
    /// The SHA-256 digest of some bytes.
    pub fn sha256(bytes: &[u8]) -> Self {
        Digest { algorithm: Algorithm::Sha256, hex: hex(&Sha256::digest(bytes)) }
    }

    /// The SHA-256 digest of everything that can be read.
    pub fn sha256_of(mut content: impl Read) -> io::Result<Self> {
        let mut hasher = Hasher::new(Algorithm::Sha256);
        let mut buffer = vec![0; 128 * 1024];
        loop {
            match content.read(&mut buffer)? {
                0 => return Ok(Digest { algorithm: Algorithm::Sha256, hex: hasher.hex() }),
                n => hasher.update(buffer.get(..n).unwrap_or_default()),
            }
        }
    }

    /// The name of the algorithm.
    pub fn algorithm(&self) -> &'static str {
        self.algorithm.name()
    }

    /// The digits without the algorithm.
    pub fn hex(&self) -> &str {
        &self.hex
    }
}

impl FromStr for Digest {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let Some((name, hex)) = text.split_once(':') else {
            return Err(Invalid::whole(text, format!("`{text}` is not a digest"))
                .help("write the algorithm and the digits, such as `sha256:…`"));
        };
        let algorithm = match name {
            "sha256" => Algorithm::Sha256,
            "sha512" => Algorithm::Sha512,
            _ => {
                return Err(Invalid::new(0..name.len(), format!("unknown digest algorithm `{name}`"))
                    .help("use sha256 or sha512"));
            }
        };
        let digits = algorithm.digits();
        let is_digit = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        if hex.len() != digits || !hex.bytes().all(is_digit) {
            return Err(Invalid::new(
                name.len() + 1..text.len(),
                format!("a {name} digest has {digits} lower-case hexadecimal digits"),
            ));
        }
        Ok(Digest { algorithm, hex: hex.to_owned() })
    }
}

impl TryFrom<String> for Digest {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm.name(), self.hex)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|b| [b >> 4, b & 15]).filter_map(|n| char::from_digit(n.into(), 16)).collect()
}

enum Hasher {
    Sha256(Sha256),
    Sha512(Sha512),
}

impl Hasher {
    fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Sha256 => Hasher::Sha256(Sha256::new()),
            Algorithm::Sha512 => Hasher::Sha512(Sha512::new()),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Hasher::Sha256(hasher) => hasher.update(bytes),
            Hasher::Sha512(hasher) => hasher.update(bytes),
        }
    }

    fn hex(&self) -> String {
        match self {
            Hasher::Sha256(hasher) => hex(&hasher.clone().finalize()),
            Hasher::Sha512(hasher) => hex(&hasher.clone().finalize()),
        }
    }
}

/// A reader that fails when the content turns out not to be what its digest and size say. The content is only
/// proven once the end was reached.
pub struct Verified<R> {
    inner: R,
    digest: Digest,
    size: Option<u64>,
    seen: u64,
    hasher: Hasher,
    proven: bool,
}

impl<R: Read> Verified<R> {
    /// Reads `inner`, which should have the digest and, where it is known, the size.
    pub fn new(inner: R, digest: &Digest, size: Option<u64>) -> Self {
        let hasher = Hasher::new(digest.algorithm);
        Verified { inner, digest: digest.clone(), size, seen: 0, hasher, proven: false }
    }

    /// Goes on with another reader, which has what comes after all that was read so far.
    pub(super) fn continued<S: Read>(self, inner: S) -> Verified<S> {
        let Verified { digest, size, seen, hasher, proven, .. } = self;
        Verified { inner, digest, size, seen, hasher, proven }
    }

    /// Takes in what was read elsewhere.
    pub(super) fn see(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.seen += bytes.len() as u64;
    }

    /// Holds what was seen to the digest and the size.
    pub(super) fn prove(&mut self) -> io::Result<()> {
        if let Some(size) = self.size.filter(|size| *size != self.seen) {
            return Err(invalid(format!("{} ends after {} of {size} bytes", self.digest, self.seen)));
        }
        let found = self.hasher.hex();
        if found != self.digest.hex {
            let algorithm = self.digest.algorithm();
            return Err(invalid(format!("the content is {algorithm}:{found} and not {}", self.digest)));
        }
        self.proven = true;
        Ok(())
    }
}

impl<R: Read> Read for Verified<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.proven || buffer.is_empty() {
            return Ok(0);
        }
        let n = self.inner.read(buffer)?;
        self.see(buffer.get(..n).unwrap_or_default());
        if let Some(size) = self.size.filter(|size| *size < self.seen) {
            return Err(invalid(format!("{} has more than its {size} bytes", self.digest)));
        }
        if n == 0 {
            self.prove()?;
        }
        Ok(n)
    }
}

fn invalid(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_never_paths() {
        let hex64 = "0123456789abcdef".repeat(4);
        for good in [format!("sha256:{hex64}"), format!("sha512:{hex64}{hex64}")] {
            assert_eq!(good.parse::<Digest>().unwrap().to_string(), good);
        }
        let bad = [
            (String::new(), 0..0),
            (hex64.clone(), 0..64),
            ("sha256:".into(), 7..7),
            (format!("sha256:{hex64}0"), 7..72),
            (format!("sha256:{}", hex64.to_uppercase()), 7..71),
            (format!("sha256:../{}", &hex64[3..]), 7..71),
            (format!("../../etc:{hex64}"), 0..9),
            (format!("md5:{hex64}"), 0..3),
            (format!("SHA256:{hex64}"), 0..6),
            (format!("sha512:{hex64}"), 7..71),
        ];
        for (text, range) in bad {
            assert_eq!(text.parse::<Digest>().unwrap_err().range, range, "{text}");
        }
    }

    fn read(content: &[u8], digest: &Digest, size: Option<u64>) -> Result<Vec<u8>, String> {
        let mut out = Vec::new();
        match Verified::new(content, digest, size).read_to_end(&mut out) {
            Ok(_) => Ok(out),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn content_is_held_to_digest_and_size() {
        let digest = Digest::sha256(b"hello");
        assert_eq!(read(b"hello", &digest, Some(5)), Ok(b"hello".to_vec()));
        assert_eq!(read(b"hello", &digest, None), Ok(b"hello".to_vec()));
        assert!(read(b"hell", &digest, Some(5)).unwrap_err().contains("ends after 4 of 5 bytes"));
        assert!(read(b"hello", &digest, Some(4)).unwrap_err().contains("more than its 4 bytes"));
        assert!(read(b"hellO", &digest, Some(5)).unwrap_err().contains("and not sha256:"));
        let empty = Digest::sha256(b"");
        assert_eq!(empty.hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        let long = format!("sha512:{}", hex(&Sha512::digest(b"hello"))).parse().unwrap();
        assert_eq!(read(b"hello", &long, Some(5)), Ok(b"hello".to_vec()));
        assert!(read(b"hellO", &long, Some(5)).is_err());
    }
}
