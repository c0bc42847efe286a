//! What a server wants to see before it answers: the header `WWW-Authenticate` (RFC 9110, 11.6.1).

use std::collections::BTreeMap;

/// One way to prove who one is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Challenge {
    /// The scheme in lower case.
    pub scheme: String,
    /// The parameters, their names in lower case; of two of a name the first.
    pub parameters: BTreeMap<String, String>,
}

impl Challenge {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }
}

/// All challenges of a header, which may have several; what cannot be read ends it.
pub(super) fn parse(header: &str) -> Vec<Challenge> {
    let mut scan = Scan { rest: header };
    let mut found: Vec<Challenge> = Vec::new();
    loop {
        scan.skip(&[' ', '\t', ',']);
        let word = scan.token();
        if word.is_empty() {
            return found;
        }
        let blank = scan.rest.starts_with([' ', '\t']);
        scan.skip(&[' ', '\t']);
        // A scheme is followed by a blank, a comma or the end, and the name of a parameter by `=`.
        let is_parameter = scan.rest.starts_with('=') && (!blank || found.last().is_some());
        if !is_parameter {
            found.push(Challenge { scheme: word.to_ascii_lowercase(), parameters: BTreeMap::new() });
            continue;
        }
        scan.skip(&['=']);
        scan.skip(&[' ', '\t']);
        let Some(value) = scan.value() else { return found };
        let Some(challenge) = found.last_mut() else { return found };
        challenge.parameters.entry(word.to_ascii_lowercase()).or_insert(value);
    }
}

struct Scan<'t> {
    rest: &'t str,
}

impl<'t> Scan<'t> {
    fn skip(&mut self, what: &[char]) {
        self.rest = self.rest.trim_start_matches(what);
    }

    fn token(&mut self) -> &'t str {
        let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~/:?@".contains(c);
        let end = self.rest.find(|c| !is_token(c)).unwrap_or(self.rest.len());
        let (token, rest) = self.rest.split_at(end);
        self.rest = rest;
        token
    }

    /// A quoted string, or a token.
    fn value(&mut self) -> Option<String> {
        let Some(quoted) = self.rest.strip_prefix('"') else { return Some(self.token().to_owned()) };
        let mut value = String::new();
        let mut chars = quoted.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.rest = quoted.get(at + 1..)?;
                    return Some(value);
                }
                '\\' => value.push(chars.next()?.1),
                c => value.push(c),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(header: &str) -> String {
        let one = |challenge: Challenge| {
            let parameters = challenge.parameters.iter().map(|(name, value)| format!(" {name}=<{value}>"));
            format!("{}{}", challenge.scheme, parameters.collect::<String>())
        };
        parse(header).into_iter().map(one).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn challenges_are_read() {
        let hub = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push""#;
        let table = [
            (
                hub,
                "bearer realm=<https://auth.docker.io/token> scope=<repository:a/b:pull,push> \
                 service=<registry.docker.io>",
            ),
            (r#"Basic realm="a \"b\" \\ c""#, r#"basic realm=<a "b" \ c>"#),
            ("Basic", "basic"),
            (r#"Basic realm="x", Bearer realm=y,error=z"#, "basic realm=<x>; bearer error=<z> realm=<y>"),
            (r#"Negotiate, Basic realm = "x""#, "negotiate; basic realm=<x>"),
            (r#"Bearer Realm="a",realm="b""#, "bearer realm=<a>"),
            (r#"Bearer realm="open"#, "bearer"),
            (r#"Bearer realm="open\"#, "bearer"),
            (r#"="x""#, ""),
            ("realm=x", ""),
            ("", ""),
            (",,, ,", ""),
            (r#"Bearer realm="ä",service=,scope="#, "bearer realm=<ä> scope=<> service=<>"),
        ];
        for (header, want) in table {
            assert_eq!(shown(header), want, "{header}");
        }
        let huge = format!("Bearer {}", "a=\"b\",".repeat(10_000));
        assert_eq!(parse(&huge).len(), 1);
    }
}
