//! Addresses of network cards.

use std::fmt;
use std::str::FromStr;

use crate::diag::Invalid;

/// The address of one network card, as Ethernet has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MacAddress([u8; 6]);

const SHAPE: &str = "write six bytes with colons, such as `02:42:ac:11:00:02`";

impl FromStr for MacAddress {
    type Err = Invalid;

    /// The spellings of Go's `net.ParseMAC`, which Docker asks: bytes with colons or dashes, or pairs of bytes with dots.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let bytes = ([':', '-'].iter().find_map(|mark| bytes(text, *mark, 2)))
            .or_else(|| bytes(text, '.', 4))
            .ok_or_else(|| {
                let message = format!("`{}` is no address of a network card", text.escape_debug());
                Invalid::whole(text, message).help(SHAPE)
            })?;
        let first = bytes.first().copied().unwrap_or_default();
        let wrong = if first & 1 == 1 {
            "is one of a group of network cards"
        } else if bytes == [0; 6] {
            "is nobody's"
        } else {
            return Ok(MacAddress(bytes));
        };
        // The kernel refuses both (`is_valid_ether_addr`).
        let message = format!("the address `{text}` {wrong}");
        Err(Invalid::whole(text, message).help("let the first byte be an even number such as `02`"))
    }
}

/// Six bytes in groups of so many hexadecimal digits.
fn bytes(text: &str, mark: char, digits: usize) -> Option<[u8; 6]> {
    let groups: Vec<&str> = text.split(mark).collect();
    if groups.len() * digits != 12 || groups.iter().any(|group| group.len() != digits) {
        return None;
    }
    let all: String = groups.concat();
    if !all.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let number = u64::from_str_radix(&all, 16).ok()?;
    number.to_be_bytes().last_chunk().copied()
}

impl fmt::Display for MacAddress {
    /// In lower case with colons.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0.map(|byte| format!("{byte:02x}")).join(":"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_spellings_are_one() {
        for text in ["02:42:AC:11:00:02", "02-42-ac-11-00-02", "0242.ac11.0002"] {
            assert_eq!(text.parse::<MacAddress>().unwrap().to_string(), "02:42:ac:11:00:02", "{text}");
        }
        for text in [
            "",
            "02:42:ac:11:00",
            "02:42:ac:11:00:0g",
            "+2:42:ac:11:00:02",
            "02:42-ac:11:00:02",
            "0242ac110002",
        ] {
            assert!(text.parse::<MacAddress>().is_err(), "{text}");
        }
        let wrong = |text: &str| text.parse::<MacAddress>().unwrap_err().message;
        assert_eq!(
            wrong("03:00:00:00:00:01"),
            "the address `03:00:00:00:00:01` is one of a group of network cards"
        );
        assert_eq!(wrong("00:00:00:00:00:00"), "the address `00:00:00:00:00:00` is nobody's");
    }
}
