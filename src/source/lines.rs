//! Where the bytes of files are: lines and columns, as people and editors count them.

use std::collections::BTreeMap;

use super::{FileId, Sources};

/// How many bytes lie between two places whose number of characters is known. A file of one line and a thousand
/// mistakes costs no more than any other.
const BLOCK: usize = 4096;

/// The lines of files, looked up once for all findings.
#[derive(Debug, Default)]
pub struct Places(BTreeMap<FileId, Lines>);

#[derive(Debug)]
struct Lines {
    /// The byte that each line begins with.
    starts: Vec<usize>,
    /// How many characters begin before each block.
    characters: Vec<usize>,
}

impl Places {
    /// The line and the column of a byte, both from one, the column in characters.
    pub fn of(&mut self, sources: &Sources, file: FileId, byte: u32) -> (usize, usize) {
        let text = sources.text(file);
        let byte = (byte as usize).min(text.len());
        let lines = self.0.entry(file).or_insert_with(|| Lines::new(&text));
        let line = lines.starts.partition_point(|start| *start <= byte);
        let start = line.checked_sub(1).and_then(|line| lines.starts.get(line)).copied().unwrap_or(0);
        (line, 1 + lines.characters_before(&text, byte) - lines.characters_before(&text, start))
    }
}

impl Lines {
    fn new(text: &str) -> Self {
        let mut known = 0;
        let characters = text.as_bytes().chunks(BLOCK).map(|block| {
            known += characters(block);
            known
        });
        Lines {
            starts: std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect(),
            characters: std::iter::once(0).chain(characters).collect(),
        }
    }

    fn characters_before(&self, text: &str, byte: usize) -> usize {
        let block = byte / BLOCK;
        let rest = text.as_bytes().get(block * BLOCK..byte).unwrap_or_default();
        self.characters.get(block).copied().unwrap_or(0) + characters(rest)
    }
}

/// How many characters begin here.
fn characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| *byte & 0b1100_0000 != 0b1000_0000).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_counted_in_characters() {
        let text = format!("a\n{}x\n\n", "ü".repeat(5000));
        let mut sources = Sources::default();
        let file = sources.add("f".to_owned(), text.clone());
        let mut places = Places::default();
        for (byte, character) in text.char_indices() {
            let before = text.get(..byte).unwrap();
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap().chars().count() + 1;
            let byte = u32::try_from(byte).unwrap();
            assert_eq!(places.of(&sources, file, byte), (line, column), "{character} at {byte}");
        }
        assert_eq!(places.of(&sources, file, u32::MAX), (4, 1));
    }
}
