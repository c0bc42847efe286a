//! Texts that look like passwords and keys. What one is called may be shown, and what it is may not.

/// What a variable or an option is for, by its name: the words for what it holds; nothing if it is no secret.
///
/// The last words decide: `DB_PASSWORD` is one, `DB_PASSWORD_FILE` and `PASSWORD_MIN_LENGTH` are not.
pub fn named(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_uppercase().replace(['-', '.'], "_");
    let name = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_');
    let name = name.strip_suffix("_VALUE").unwrap_or(name);
    // Where the shell is.
    if matches!(name, "PWD" | "OLDPWD") {
        return None;
    }
    NAMES.iter().find(|(end, _)| ends_with_word(name, end)).map(|(_, words)| *words)
}

/// The ends of names; the words of one are written together or with `_`.
const NAMES: &[(&str, &str)] = &[
    ("PASSWORD", PASSWORD),
    ("PASSWD", PASSWORD),
    ("PASSPHRASE", PASSWORD),
    ("PASSWORT", PASSWORD),
    ("REQUIREPASS", PASSWORD),
    ("_PASS", PASSWORD),
    ("_PWD", PASSWORD),
    ("_PW", PASSWORD),
    ("SECRET", SECRET),
    ("TOKEN", TOKEN),
    ("API_KEY", KEY),
    ("APIKEY", KEY),
    ("PRIVATE_KEY", KEY),
    ("SECRET_KEY", KEY),
    ("SECRETKEY", KEY),
    ("SECRET_KEY_BASE", KEY),
    ("ACCESS_KEY", KEY),
    ("ACCESSKEY", KEY),
    ("ENCRYPTION_KEY", KEY),
    ("SIGNING_KEY", KEY),
    ("MASTER_KEY", KEY),
    ("AUTH_KEY", KEY),
    ("AUTHKEY", KEY),
    ("APP_KEY", KEY),
    ("JWT_KEY", KEY),
    ("CREDENTIALS", "credentials"),
];

const PASSWORD: &str = "a password";
const SECRET: &str = "a secret";
const TOKEN: &str = "a token";
const KEY: &str = "a key";

/// `ACCESS_KEY` is the end of `AWS_ACCESS_KEY`, `PASSWORD` of `PGPASSWORD`; `TOKEN` is not that of `MAXTOKEN`.
fn ends_with_word(name: &str, end: &str) -> bool {
    let Some(before) = name.strip_suffix(end) else { return false };
    before.is_empty() && !end.starts_with('_')
        || before.ends_with('_')
        || end.starts_with('_') && !before.is_empty()
        || matches!(end, "PASSWORD" | "PASSWD" | "PASSPHRASE")
}

/// Whether a value stands for itself: a reader could use it. Nothing, a word for yes or no, a path, what a shell fills in
/// and what asks to be replaced are none.
pub fn is_literal(value: &str) -> bool {
    let value = value.trim();
    let lower = value.get(..40).unwrap_or(value).to_ascii_lowercase();
    let asks = lower.starts_with("your")
        || lower.starts_with('<')
        || lower.starts_with("{{")
        || lower.starts_with("replace")
        || lower.starts_with("insert")
        || lower.starts_with("todo");
    let filler = |c: char| matches!(c, 'x' | 'X' | '*' | '.' | '-' | '_' | '?');
    let path = value.starts_with('/') && !value.contains(char::is_whitespace);
    let word = matches!(
        lower.as_str(),
        "true"
            | "false"
            | "yes"
            | "no"
            | "on"
            | "off"
            | "none"
            | "null"
            | "nil"
            | "0"
            | "1"
            | "enabled"
            | "disabled"
    );
    !(value.is_empty() || asks || path || word || value.starts_with(['$', '`']) || value.chars().all(filler))
}

/// The words for what is in a text that has the form of a key, wherever it is used; nothing if it has none.
pub fn formed(text: &str) -> Option<&'static str> {
    if text.contains("-----BEGIN ") && text.contains("PRIVATE KEY-----") {
        return Some("a private key");
    }
    let word_ends = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    let known = text.split(word_ends).find_map(of_format);
    known.or_else(|| in_url(text)).or_else(|| in_settings(text))
}

/// The beginnings of the keys of well-known services, how many characters follow at least, and what they are.
const FORMATS: &[(&str, usize, &str)] = &[
    ("AKIA", 16, "a key of AWS"),
    ("ASIA", 16, "a key of AWS"),
    ("AIza", 35, "a key of Google"),
    ("ya29.", 20, "a token of Google"),
    ("ghp_", 30, "a token of GitHub"),
    ("gho_", 30, "a token of GitHub"),
    ("ghs_", 30, "a token of GitHub"),
    ("ghu_", 30, "a token of GitHub"),
    ("github_pat_", 30, "a token of GitHub"),
    ("glpat-", 20, "a token of GitLab"),
    ("xoxa-", 10, "a token of Slack"),
    ("xoxb-", 10, "a token of Slack"),
    ("xoxp-", 10, "a token of Slack"),
    ("xoxs-", 10, "a token of Slack"),
    ("sk_live_", 16, "a key of Stripe"),
    ("rk_live_", 16, "a key of Stripe"),
    ("sk-ant-", 20, "a key of Anthropic"),
    ("sk-proj-", 20, "a key of OpenAI"),
    ("SG.", 40, "a key of SendGrid"),
    ("npm_", 36, "a token of npm"),
    ("dop_v1_", 40, "a token of DigitalOcean"),
    ("hf_", 30, "a token of Hugging Face"),
    ("AGE-SECRET-KEY-1", 20, "a private key"),
    ("tskey-", 16, "a key of Tailscale"),
    ("dckr_pat_", 20, "a token of Docker Hub"),
];

fn of_format(word: &str) -> Option<&'static str> {
    let known = FORMATS.iter().find(|(start, more, _)| {
        word.strip_prefix(start)
            .is_some_and(|rest| rest.len() >= *more && rest.bytes().any(|byte| byte != b'X'))
    });
    known.map(|(.., words)| *words).or_else(|| is_web_token(word).then_some("a signed token"))
}

/// A JSON Web Token: two JSON objects and a signature. `eyJ` is how `{"` begins in base64.
fn is_web_token(word: &str) -> bool {
    let mut parts = word.split('.');
    let objects = parts.by_ref().take(2).filter(|part| part.starts_with("eyJ") && part.len() > 10).count();
    objects == 2 && parts.next().is_some_and(|signature| signature.len() >= 20)
}

/// `scheme://user:password@host`.
fn in_url(text: &str) -> Option<&'static str> {
    text.split("://").skip(1).find_map(|rest| {
        let end = rest
            .find(|c: char| c.is_whitespace() || matches!(c, '/' | '?' | '#' | '"' | '\''))
            .unwrap_or(rest.len());
        let (user, _host) = rest.get(..end)?.rsplit_once('@')?;
        let (_, password) = user.split_once(':')?;
        is_literal(password).then_some("a password in a URL")
    })
}

/// `Server=db;User Id=sa;Password=…`, as databases are told.
fn in_settings(text: &str) -> Option<&'static str> {
    let is_password = |setting: &str| {
        let (name, value) = setting.split_once('=').unwrap_or_default();
        let name = name.trim().to_ascii_lowercase();
        matches!(name.as_str(), "password" | "pwd" | "accountkey" | "sharedaccesskey") && is_literal(value)
    };
    let found = text.contains(';') && text.split(';').any(is_password);
    found.then_some("a password for a database")
}

/// Programs that take a password right behind `-p`.
const SHORT_PASSWORD: &[&str] = &[
    "mysql",
    "mysqladmin",
    "mysqldump",
    "mysqlcheck",
    "mysqlimport",
    "mariadb",
    "mariadb-admin",
    "mariadb-dump",
    "sshpass",
];

/// What the words of a command give away: for each, which word it is, what that is called where it has a name, and the
/// words for it.
pub fn in_words(words: &[&str]) -> Vec<(usize, String, &'static str)> {
    let (mut found, mut program, mut before) = (Vec::new(), "", "");
    for (index, word) in words.iter().enumerate() {
        let bare = word.trim_matches(|c| matches!(c, '"' | '\'' | ';' | '(' | ')'));
        if SHORT_PASSWORD.contains(&bare.rsplit('/').next().unwrap_or_default()) {
            program = bare;
        }
        let by_name = || of_option(before, bare);
        let short = || {
            let value = bare.strip_prefix("-p").filter(|_| !program.is_empty())?;
            is_literal(unquoted(value)).then(|| ("-p".to_owned(), PASSWORD))
        };
        let by_form = || Some((String::new(), formed(bare)?));
        if let Some((name, kind)) = by_name().or_else(short).or_else(by_form) {
            found.push((index, name, kind));
        }
        before = bare;
    }
    found
}

/// `--password=…`, `PGPASSWORD=…` or `--password …`; a flag before another option is told nothing.
fn of_option(before: &str, word: &str) -> Option<(String, &'static str)> {
    let (name, value) = match word.split_once('=') {
        Some(said) => said,
        None if before.starts_with('-') && !word.starts_with('-') => (before, word),
        None => return None,
    };
    let kind = named(name.trim_start_matches('-')).filter(|_| is_literal(unquoted(value)))?;
    Some((name.to_owned(), kind))
}

fn unquoted(value: &str) -> &str {
    value.trim_matches(['"', '\''])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets() {
        for name in [
            "DB_PASSWORD",
            "POSTGRES_PASSWORD",
            "PGPASSWORD",
            "MYSQL_PWD",
            "db.password",
            "smtp-pass",
            "SMTP_PASS",
            "JWT_SECRET",
            "CLIENT_SECRET_1",
            "API_TOKEN",
            "TOKEN",
            "OPENAI_API_KEY",
            "SECRET_KEY_BASE",
            "ADMIN_PASSWORD_VALUE",
            "AWS_SECRET_ACCESS_KEY",
            "requirepass",
            "APIKEY",
        ] {
            assert!(named(name).is_some(), "{name}");
        }
        for name in [
            "DB_PASSWORD_FILE",
            "PWD",
            "OLDPWD",
            "PASSWORD_MIN_LENGTH",
            "TOKEN_URL",
            "MAX_TOKENS",
            "MAXTOKEN",
            "COMPASS",
            "BYPASS",
            "KEY",
            "PUBLIC_KEY",
            "GPG_KEY",
            "AWS_ACCESS_KEY_ID",
            "SECRET_NAME",
            "PATH",
            "",
            "_",
            "_PASS",
        ] {
            assert_eq!(named(name), None, "{name}");
        }
    }

    #[test]
    fn values_that_stand_for_themselves() {
        for value in ["changeme", "password", "s3cret", "123456", "a/b", "pass word", "/with blank"] {
            assert!(is_literal(value), "{value}");
        }
        for value in [
            "",
            " ",
            "$PASSWORD",
            "${PASSWORD}",
            "<password>",
            "{{ password }}",
            "your-password-here",
            "xxxx",
            "***",
            "yes",
            "True",
            "/run/secrets/password",
            "REPLACE_ME",
        ] {
            assert!(!is_literal(value), "{value}");
        }
    }

    #[test]
    fn forms_of_keys() {
        let token = format!("eyJ{0}.eyJ{0}.{0}", "abcdefghijklmnopqrstuvwxyz");
        for text in [
            "AKIAIOSFODNN7EXAMPLE",
            "key=ghp_0123456789abcdefghijklmnopqrstuvwxyz",
            "-----BEGIN RSA PRIVATE KEY-----\nMII",
            "postgres://user:secret@db:5432/app",
            "a=1 url=redis://:hunter2@cache",
            "https://user:p@ss@host/",
            "Server=db;User Id=sa;Password=Secret1;",
            &token,
        ] {
            assert!(formed(text).is_some(), "{text}");
        }
        for text in [
            "",
            "AKIA",
            "ghp_",
            "postgres://db:5432/app",
            "postgres://user@db/app",
            "postgres://user:$PW@db/app",
            "http://host:80/a@b",
            "sk-",
            "eyJ.eyJ.",
            "password=x",
            "https://user:${PASSWORD}@host",
            "://",
            "AKIAXXXXXXXXXXXXXXXX",
        ] {
            assert_eq!(formed(text), None, "{text}");
        }
    }

    #[test]
    fn words_of_commands() {
        let names = |text: &str| -> Vec<String> {
            let words: Vec<&str> = text.split(' ').collect();
            in_words(&words).into_iter().map(|(_, name, _)| name).collect()
        };
        for (text, want) in [
            ("redis-server --requirepass hunter2", &["--requirepass"][..]),
            ("redis-server --requirepass $PASS", &[]),
            ("app --password=hunter2 --verbose", &["--password"]),
            ("app --password --verbose", &[]),
            ("mysqladmin ping -uroot -phunter2", &["-p"]),
            ("httpd -f -p 80", &[]),
            ("mysql -p", &[]),
            ("PGPASSWORD='hunter2' psql", &["PGPASSWORD"]),
            ("curl https://me:hunter2@host", &[""]),
            ("sh -c true", &[]),
        ] {
            assert_eq!(names(text), want, "{text}");
        }
    }
}
