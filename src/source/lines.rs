//! Where the bytes of a file are: lines and columns, as people and editors count them.

/// How many bytes lie between two places whose number of characters is known. A file of one line and a thousand
/// mistakes costs no more than any other.
const BLOCK: usize = 4096;

/// The lines of a file.
#[derive(Debug)]
pub(super) struct Lines {
    /// The byte that each line begins with.
    starts: Vec<usize>,
    /// How many characters begin before each block.
    characters: Vec<usize>,
}

impl Lines {
    pub(super) fn new(text: &str) -> Self {
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

    /// The line and the column of a byte, both from one, the column in characters.
    pub(super) fn of(&self, text: &str, byte: u32) -> (usize, usize) {
        let byte = (byte as usize).min(text.len());
        let line = self.starts.partition_point(|start| *start <= byte);
        let start = line.checked_sub(1).and_then(|line| self.starts.get(line)).copied().unwrap_or(0);
        (line, 1 + self.characters_before(text, byte) - self.characters_before(text, start))
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
    use super::super::{Sources, Span};

    #[test]
    fn columns_are_counted_in_characters() {
        let text = format!("a\n{}x\n\n", "ü".repeat(5000));
        let mut sources = Sources::default();
        let file = sources.add("f".to_owned(), text.clone());
        for (byte, character) in text.char_indices() {
            let before = text.get(..byte).unwrap();
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap().chars().count() + 1;
            let place = Span::new(file, byte, byte);
            assert_eq!(sources.position(place), (line, column), "{character} at {byte}");
            assert_eq!(sources.end(Span::new(file, 0, byte)), (line, column), "{character} at {byte}");
        }
        assert_eq!(sources.position(Span { file, start: u32::MAX, end: u32::MAX }), (4, 1));
    }
}
