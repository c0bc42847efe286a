//! The known word that a mistyped one was probably meant to be.

/// The longest word that is compared, in bytes. The cost grows with the product of the lengths, and nobody mistypes
/// a longer name: it is a value in the wrong place.
const MAX_WORD: usize = 64;

/// How many candidates are looked at. A file with more names than this has no typing mistakes.
const MAX_CANDIDATES: usize = 1000;

/// What one whole edit costs; telling `-` from `_` costs less, so `cap-add` is nearer to `cap_add` than to `cap_dad`.
const EDIT: usize = 2;

/// The candidate closest to `word`, if one is close enough to be worth suggesting: at most a third of the longer
/// word's characters inserted, deleted, replaced or swapped with their neighbour, and at least one. Case does not
/// count. Of equally close candidates the first wins.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = folded(word)?;
    candidates
        .into_iter()
        .take(MAX_CANDIDATES)
        .filter_map(|candidate| Some((cost(&word, &folded(candidate)?)?, candidate)))
        .min_by_key(|(cost, _)| *cost)
        .map(|(_, candidate)| candidate)
}

/// The characters that are compared, or nothing for a word that is empty or too long.
fn folded(word: &str) -> Option<Vec<char>> {
    let fits = !word.is_empty() && word.len() <= MAX_WORD;
    fits.then(|| word.chars().flat_map(char::to_lowercase).collect())
}

/// What it costs to turn one word into the other, unless that is more than a typing mistake.
fn cost(word: &[char], candidate: &[char]) -> Option<usize> {
    let longer = word.len().max(candidate.len());
    let limit = (longer / 3).max(1) * EDIT;
    if word.len().abs_diff(candidate.len()) * EDIT > limit {
        return None;
    }
    let cost = distance(word, candidate);
    // Two words of which every character was replaced have nothing in common.
    (cost <= limit && cost < longer * EDIT).then_some(cost)
}

/// The Damerau-Levenshtein distance in which no part is edited twice, in units of [`EDIT`].
fn distance(from: &[char], to: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=to.len()).map(|n| n * EDIT).collect();
    for (row, a) in from.iter().enumerate() {
        let last_from = row.checked_sub(1).and_then(|r| from.get(r));
        let mut left = (row + 1) * EDIT;
        let mut line = vec![left];
        let mut last_to = None;
        for (column, (b, pair)) in to.iter().zip(above.windows(2)).enumerate() {
            let [diagonal, up] = pair else { continue };
            left = (diagonal + substitution(*a, *b)).min(up + EDIT).min(left + EDIT);
            if last_from == Some(b) && last_to == Some(a) {
                let two_back = column.checked_sub(1).and_then(|c| before.get(c));
                left = two_back.map_or(left, |cost| left.min(cost + EDIT));
            }
            line.push(left);
            last_to = Some(b);
        }
        before = std::mem::replace(&mut above, line);
    }
    above.last().copied().unwrap_or(0)
}

fn substitution(a: char, b: char) -> usize {
    match (a, b) {
        _ if a == b => 0,
        ('-', '_') | ('_', '-') => EDIT / 2,
        _ => EDIT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_what_was_meant() {
        let keys = ["cap_add", "cap_drop", "command", "container_name", "environment", "env_file", "image"];
        for (word, want) in [
            ("imgae", Some("image")),
            ("imag", Some("image")),
            ("IMAGE", Some("image")),
            ("cap-add", Some("cap_add")),
            ("capadd", Some("cap_add")),
            ("enviroment", Some("environment")),
            ("envfile", Some("env_file")),
            ("comand", Some("command")),
            ("container-name", Some("container_name")),
            ("xyz", None),
            ("", None),
            ("volumes", None),
        ] {
            assert_eq!(nearest(word, keys), want, "{word}");
        }
    }

    #[test]
    fn the_nearer_one_wins_and_then_the_first() {
        assert_eq!(nearest("cap-add", ["cap_dad", "cap_add"]), Some("cap_add"));
        assert_eq!(nearest("bat", ["cat", "hat"]), Some("cat"));
        assert_eq!(nearest("HAT", ["cat", "hat"]), Some("hat"));
    }

    #[test]
    fn short_words_need_something_in_common() {
        assert_eq!(nearest("x", ["y"]), None);
        assert_eq!(nearest("ab", ["ac"]), Some("ac"));
        assert_eq!(nearest("ba", ["ab"]), Some("ab"));
    }

    #[test]
    fn distances() {
        for (a, b, edits) in [
            ("", "", 0),
            ("abc", "abc", 0),
            ("abc", "", 3),
            ("", "abc", 3),
            ("kitten", "sitting", 3),
            ("ca", "ac", 1),
            ("abcd", "acbd", 1),
            // A swapped pair is not edited again, as with the unrestricted distance of 2.
            ("ca", "abc", 3),
        ] {
            let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
            assert_eq!(distance(&a, &b), edits * EDIT, "{a:?} {b:?}");
        }
    }

    #[test]
    fn huge_words_cost_nothing() {
        let huge = "a".repeat(1 << 20);
        assert_eq!(nearest(&huge, ["a"]), None);
        assert_eq!(nearest("a", [huge.as_str()]), None);
    }
}
