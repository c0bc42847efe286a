//! What a container runs on: an architecture, and Linux.

use std::fmt;
use std::str::FromStr;

use crate::diag::Invalid;

/// A platform in its shortest spelling: `linux/arm64/v8` is `linux/arm64`, as containerd normalises it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Platform {
    architecture: String,
    variant: Option<String>,
}

impl Platform {
    /// A platform from the fields of an image or an index.
    pub fn new(architecture: &str, variant: Option<&str>) -> Self {
        let (architecture, implied) = match architecture {
            "x86_64" | "x86-64" => ("amd64", None),
            "aarch64" => ("arm64", None),
            "i386" | "i486" | "i586" | "i686" => ("386", None),
            "armhf" => ("arm", Some("v7")),
            "armel" => ("arm", Some("v6")),
            other => (other, None),
        };
        let variant = match (architecture, variant.filter(|v| !v.is_empty()).or(implied)) {
            ("arm64", Some("8" | "v8")) | ("amd64", Some("v1")) => None,
            ("arm", None | Some("7")) => Some("v7".into()),
            ("arm", Some("5")) => Some("v5".into()),
            ("arm", Some("6")) => Some("v6".into()),
            (_, variant) => variant.map(Into::into),
        };
        Platform { architecture: architecture.into(), variant }
    }

    /// The architecture in Go's spelling, such as `amd64`.
    pub fn architecture(&self) -> &str {
        &self.architecture
    }

    /// The variant, where it is not the one that the architecture implies.
    pub fn variant(&self) -> Option<&str> {
        self.variant.as_deref()
    }
}

/// `linux/amd64`, on every build host.
impl Default for Platform {
    fn default() -> Self {
        Platform::new("amd64", None)
    }
}

impl FromStr for Platform {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let help = "write `linux/amd64`, `linux/arm64` or `linux/arm/v7`";
        let parts: Vec<&str> = text.split('/').collect();
        let (os, architecture, variant) = match *parts.as_slice() {
            [os, architecture] => (os, architecture, None),
            [os, architecture, variant] => (os, architecture, Some(variant)),
            _ => return Err(Invalid::whole(text, format!("`{text}` is not a platform")).help(help)),
        };
        if os != "linux" {
            return Err(
                Invalid::new(0..os.len(), format!("a bundle is for linux, not for `{os}`")).help(help)
            );
        }
        let mut start = os.len() + 1;
        for part in [Some(architecture), variant].into_iter().flatten() {
            let fits =
                |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-' | b'.');
            if part.is_empty() || !part.bytes().all(fits) {
                let range = start..start + part.len();
                return Err(Invalid::new(range, format!("`{part}` is not an architecture")).help(help));
            }
            start += part.len() + 1;
        }
        Ok(Platform::new(architecture, variant))
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "linux/{}", self.architecture)?;
        self.variant.as_ref().map_or(Ok(()), |variant| write!(f, "/{variant}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_are_normalised() {
        let table = [
            ("linux/amd64", "linux/amd64"),
            ("linux/amd64/v1", "linux/amd64"),
            ("linux/amd64/v3", "linux/amd64/v3"),
            ("linux/x86_64", "linux/amd64"),
            ("linux/arm64/v8", "linux/arm64"),
            ("linux/aarch64", "linux/arm64"),
            ("linux/arm", "linux/arm/v7"),
            ("linux/arm/7", "linux/arm/v7"),
            ("linux/arm/v6", "linux/arm/v6"),
            ("linux/armhf", "linux/arm/v7"),
            ("linux/s390x", "linux/s390x"),
        ];
        for (text, want) in table {
            assert_eq!(text.parse::<Platform>().unwrap().to_string(), want);
        }
    }

    #[test]
    fn what_is_not_a_platform_is_refused() {
        let table = [
            ("", 0..0),
            ("linux", 0..5),
            ("windows/amd64", 0..7),
            ("linux/", 6..6),
            ("linux/AMD64", 6..11),
            ("linux/arm/v7/x", 0..14),
            ("linux/arm/..%", 10..13),
        ];
        for (text, range) in table {
            assert_eq!(text.parse::<Platform>().unwrap_err().range, range, "{text}");
        }
    }
}
