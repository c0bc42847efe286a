//! `format: raw`: the env files of `docker run --env-file`, whose values are taken as they are.

use std::borrow::Cow;

use super::{Entry, MAX_PROBLEMS, Parsed};
use crate::diag::Invalid;
use crate::yaml::template::{Lookup, Use};

/// Reads an env file in which everything after `=` is the value, quotes, `$` and `#` included.
pub fn parse_raw(text: &str, outer: &dyn Lookup) -> Result<Parsed, Vec<Invalid>> {
    let mut parsed = Parsed::default();
    let mut problems = Vec::new();
    let mut start = usize::from(text.starts_with('\u{feff}')) * '\u{feff}'.len_utf8();
    for line in text.get(start..).unwrap_or("").split_inclusive('\n') {
        match entry(line, start, outer) {
            Ok(entry) => {
                let bare = entry.iter().filter(|entry| entry.name_range == entry.value_range);
                parsed.used.extend(
                    bare.map(|entry| Use { range: entry.name_range.clone(), name: entry.name.clone() }),
                );
                parsed.entries.extend(entry);
            }
            Err(invalid) if problems.len() < MAX_PROBLEMS => problems.push(invalid),
            Err(_) => break,
        }
        start += line.len();
    }
    if problems.is_empty() { Ok(parsed) } else { Err(problems) }
}

/// What the line that begins at `start` of the file says; nothing for a comment or a blank line.
fn entry(line: &str, start: usize, outer: &dyn Lookup) -> Result<Option<Entry>, Invalid> {
    let line = line.strip_suffix('\n').unwrap_or(line);
    let line = line.strip_suffix('\r').unwrap_or(line);
    let statement = line.trim_start();
    let start = start + line.len() - statement.len();
    if statement.is_empty() || statement.starts_with('#') {
        return Ok(None);
    }
    let name = statement.split('=').next().unwrap_or(statement);
    if name.is_empty() {
        return Err(Invalid::new(start..start + 1, "a name is missing before the value"));
    }
    if let Some(offset) = name.find([' ', '\t']) {
        let message = format!("the name `{name}` contains a blank");
        return Err(Invalid::new(start + offset..start + offset + 1, message));
    }
    if let Some(offset) = statement.find('\0') {
        let range = start + offset..start + offset + 1;
        return Err(Invalid::new(range, "a variable cannot contain a NUL character"));
    }
    let name_range = start..start + name.len();
    let (value, value_range) = match statement.get(name.len() + 1..) {
        Some(value) => (Some(value.to_owned()), name_range.end + 1..start + statement.len()),
        None => (outer.get(name).map(Cow::into_owned), name_range.clone()),
    };
    Ok(Some(Entry { name: name.to_owned(), value, name_range, value_range }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn takes_values_as_they_are() {
        let outer = BTreeMap::from([("OUT".to_owned(), "o".to_owned())]);
        let text = "\u{feff}A=\"q\"\r\n  B=$HOME ${X}\n\nC= a # b \n # c\nOUT\nNO\nD=";
        let entries = parse_raw(text, &outer).unwrap().entries;
        let got: Vec<_> = entries.iter().map(|e| (e.name.as_str(), e.value.as_deref())).collect();
        let want =
            [("A", "\"q\""), ("B", "$HOME ${X}"), ("C", " a # b "), ("OUT", "o")].map(|(k, v)| (k, Some(v)));
        assert_eq!(got, [&want[..], &[("NO", None), ("D", Some(""))]].concat());
        assert_eq!(&text[entries[1].value_range.clone()], "$HOME ${X}");
    }

    #[test]
    fn refuses_with_the_place() {
        let problems = parse_raw("A=1\n=x\nB C=1\nexport D=1", &BTreeMap::new()).unwrap_err();
        let got: Vec<_> = problems.iter().map(|p| (p.range.clone(), p.message.as_str())).collect();
        let want = [
            (4..5, "a name is missing before the value"),
            (8..9, "the name `B C` contains a blank"),
            (19..20, "the name `export D` contains a blank"),
        ];
        assert_eq!(got, want);
    }
}
