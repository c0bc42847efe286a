#![allow(
    clippy::disallowed_methods,
    reason = "credentials are no texts with places in them, and their text may be in no message"
)]
//! As whom a registry is asked: the files that `docker login` and `podman login` write, and the programs they name.
//!
//! Follows [containers-auth.json] for the keys and their order, and Docker for the programs. What is found is for the
//! registry it was looked up for.
//!
//! [containers-auth.json]: https://github.com/containers/image/blob/main/docs/containers-auth.json.5.md

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::Error;
use super::http::Secret;
use super::settings::registry_name;
use super::url::limited;
use crate::image::configuration::or_null;
use crate::image::reference::DEFAULT_DOMAIN;
use crate::printable::printable_line;

/// The name under which Docker keeps what is for its own registry.
const DOCKER_KEY: &str = "https://index.docker.io/v1/";

const MAX_FILE: u64 = 4 * 1024 * 1024;
const MAX_OUTPUT: u64 = 256 * 1024;

/// What proves who asks.
#[derive(Debug)]
pub(super) enum Login {
    /// A name and a password.
    Password { user: String, password: Secret },
    /// Something that only the server of tokens takes.
    Identity(Secret),
    /// A token for the registry itself.
    Bearer(Secret),
}

/// The outcome of a search.
#[derive(Debug)]
pub(super) struct Found {
    pub login: Option<Login>,
    /// What was found, for messages.
    pub shown: String,
}

/// Looks for credentials for a place such as `docker.io/library/redis`: for it, for what is around it, and for its
/// registry, in one file after the other.
pub(super) fn look_up(files: &[PathBuf], place: &str) -> Result<Found, Error> {
    let places =
        || std::iter::successors(Some(place), |place| place.rsplit_once('/').map(|(around, _)| around));
    let host = places().last().unwrap_or(place);
    let mut missing = Vec::new();
    for path in files {
        let Some(file) = AuthFile::read(path)? else {
            missing.push(format!("{} (not there)", path.display()));
            continue;
        };
        for place in places() {
            if let Some(login) = file.at(path, place)? {
                return Ok(found(login, path));
            }
        }
        let key = if host == DEFAULT_DOMAIN { DOCKER_KEY } else { host };
        if let Some(login) = file.store.as_deref().map_or(Ok(None), |store| ask(store, key))? {
            return Ok(found(login, path));
        }
        missing.push(path.display().to_string());
    }
    let shown = if missing.is_empty() {
        "without credentials, as there is no file to look for them".to_owned()
    } else {
        format!("without credentials, as there are none for {host} in {}", missing.join(", "))
    };
    Ok(Found { login: None, shown })
}

fn found(login: Login, path: &Path) -> Found {
    let who = match &login {
        Login::Password { user, .. } => format!("the user `{}`", printable_line(&limited(user))),
        Login::Identity(_) => "the identity token".to_owned(),
        Login::Bearer(_) => "the token".to_owned(),
    };
    Found { login: Some(login), shown: format!("{who} of {}", path.display()) }
}

/// A file with credentials, as Docker and podman have it.
#[derive(Deserialize)]
struct AuthFile {
    #[serde(default, deserialize_with = "or_null")]
    auths: BTreeMap<String, Auth>,
    #[serde(default, rename = "credHelpers", deserialize_with = "or_null")]
    programs: BTreeMap<String, String>,
    #[serde(rename = "credsStore")]
    store: Option<String>,
}

#[derive(Deserialize)]
#[allow(clippy::struct_field_names, reason = "the names are those of the file")]
struct Auth {
    #[serde(default, deserialize_with = "or_null")]
    auth: String,
    #[serde(default, deserialize_with = "or_null")]
    username: String,
    #[serde(default, deserialize_with = "or_null")]
    password: String,
    #[serde(default, rename = "identitytoken", deserialize_with = "or_null")]
    identity_token: String,
    #[serde(default, rename = "registrytoken", deserialize_with = "or_null")]
    registry_token: String,
}

impl AuthFile {
    /// `None` if there is no such file.
    fn read(path: &Path) -> Result<Option<AuthFile>, Error> {
        let refuse = |reason: String| Error::File { path: path.to_owned(), reason };
        let file = match File::open(path) {
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            file => file.map_err(|error| refuse(error.to_string()))?,
        };
        let mut bytes = Vec::new();
        file.take(MAX_FILE).read_to_end(&mut bytes).map_err(|error| refuse(error.to_string()))?;
        // The words of the parser may quote a value, so only the place is told.
        serde_json::from_slice(&bytes).map(Some).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            refuse(format!("not a file with credentials: line {line}, column {column}"))
        })
    }

    /// What the file has for exactly this place.
    fn at(&self, path: &Path, place: &str) -> Result<Option<Login>, Error> {
        if let Some((key, program)) = named(&self.programs, place)
            && let Some(login) = ask(program, key)?
        {
            return Ok(Some(login));
        }
        let Some((key, auth)) = named(&self.auths, place) else { return Ok(None) };
        auth.login().map_err(|reason| {
            let reason = format!("what it has for `{}` {reason}", limited(key));
            Error::File { path: path.to_owned(), reason }
        })
    }
}

/// The entry of a place: one that is called so, else one that means it.
fn named<'t, T>(entries: &'t BTreeMap<String, T>, place: &str) -> Option<(&'t str, &'t T)> {
    let means = |(key, _): &(&String, &T)| meaning(key) == place;
    let entry = entries.get_key_value(place).or_else(|| entries.iter().find(means));
    entry.map(|(key, value)| (key.as_str(), value))
}

/// The place that a key means. Docker has written addresses too, and of those only the host counts.
fn meaning(key: &str) -> String {
    let bare = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://"));
    let (host, path) = bare.unwrap_or(key).split_once('/').unwrap_or((bare.unwrap_or(key), ""));
    let host = registry_name(host);
    if bare.is_some() || matches!(path, "" | "v1" | "v1/" | "v2" | "v2/") {
        return host;
    }
    format!("{host}/{path}")
}

impl Auth {
    /// Nothing for an entry that only says that there is something elsewhere.
    fn login(&self) -> Result<Option<Login>, &'static str> {
        let secret = |text: &str| Secret(text.to_owned());
        if !self.registry_token.is_empty() {
            return Ok(Some(Login::Bearer(secret(&self.registry_token))));
        }
        if !self.identity_token.is_empty() {
            return Ok(Some(Login::Identity(secret(&self.identity_token))));
        }
        if self.auth.is_empty() {
            let login = Login::Password { user: self.username.clone(), password: secret(&self.password) };
            return Ok(Some(login).filter(|_| !self.username.is_empty()));
        }
        let bytes = STANDARD.decode(self.auth.trim()).map_err(|_| "is not base64")?;
        let text = String::from_utf8(bytes).map_err(|_| "is not text")?;
        let (user, password) = text.split_once(':').ok_or("has no `:` between user and password")?;
        let (user, password) = (user.to_owned(), secret(password.trim_matches('\0')));
        Ok(Some(Login::Password { user, password }))
    }
}

/// What a program prints about a key.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Printed {
    username: String,
    secret: String,
}

/// Asks a program that keeps credentials, by the [protocol of Docker]; `None` if it has none for the key.
///
/// [protocol of Docker]: https://github.com/docker/docker-credential-helpers
fn ask(name: &str, key: &str) -> Result<Option<Login>, Error> {
    let program = format!("docker-credential-{name}");
    let refuse = |reason: String| {
        let reason = printable_line(&limited(&reason)).into_owned();
        Error::Program { program: program.clone(), key: key.to_owned(), reason }
    };
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    if name.is_empty() || !name.bytes().all(fits) {
        return Err(refuse("not the name of a program".to_owned()));
    }
    let mut command = Command::new(&program);
    command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().map_err(|error| match error.kind() {
        ErrorKind::NotFound => refuse(
            "not installed, and `credsStore` or `credHelpers` in a file with credentials asks for it"
                .to_owned(),
        ),
        _ => refuse(error.to_string()),
    })?;
    if let Some(mut input) = child.stdin.take() {
        // One that does not read says so by what it prints.
        let _ignored = input.write_all(format!("{key}\n").as_bytes());
    }
    let mut output = Vec::new();
    let read =
        child.stdout.take().map(|output| output.take(MAX_OUTPUT)).map(|mut out| out.read_to_end(&mut output));
    let status = child.wait().map_err(|error| refuse(error.to_string()))?;
    read.transpose().map_err(|error| refuse(error.to_string()))?;
    if !status.success() {
        let said = String::from_utf8_lossy(&output).trim().to_owned();
        let none = ["credentials not found", "credentials missing", "no credentials"];
        if none.iter().any(|none| said.to_ascii_lowercase().contains(none)) {
            return Ok(None);
        }
        return Err(refuse(if said.is_empty() { status.to_string() } else { said }));
    }
    let printed: Printed = serde_json::from_slice(&output)
        .map_err(|_| refuse("it does not print `Username` and `Secret`".to_owned()))?;
    let secret = Secret(printed.secret);
    Ok(match printed.username.as_str() {
        "" if secret.0.is_empty() => None,
        "<token>" => Some(Login::Identity(secret)),
        _ => Some(Login::Password { user: printed.username, password: secret }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, place: &str) -> Result<String, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("auth.json");
        std::fs::write(&path, text).unwrap();
        let found =
            look_up(&[directory.path().join("none"), path], place).map_err(|error| error.to_string())?;
        Ok(match found.login {
            None => String::new(),
            Some(Login::Password { user, password }) => format!("{user}/{}", password.0),
            Some(Login::Identity(secret)) => format!("identity {}", secret.0),
            Some(Login::Bearer(secret)) => format!("bearer {}", secret.0),
        })
    }

    #[test]
    fn keys_are_matched() {
        let auth = |text: &str| STANDARD.encode(text);
        let (a, b, c) = (auth("a:1:2"), auth("b:2\0"), auth("c:3"));
        let file = format!(
            r#"{{"auths": {{
                "https://index.docker.io/v1/": {{"auth": "{a}", "email": "x"}},
                "quay.io": {{"auth": "{a}"}},
                "quay.io/team": {{"auth": "{b}"}},
                "quay.io/team/app": {{"auth": "{c}"}},
                "https://old.io/v2/": {{"auth": "{c}"}},
                "empty.io": {{}},
                "id.io": {{"auth": "{a}", "identitytoken": "t"}},
                "reg.io:5000": {{"registrytoken": "t"}},
                "plain.io": {{"username": "u", "password": "p"}},
                "null.io": {{"auth": null}}
            }}, "credHelpers": null}}"#
        );
        let table = [
            ("docker.io/library/redis", "a/1:2"),
            ("quay.io/other/app", "a/1:2"),
            ("quay.io/team/other", "b/2"),
            ("quay.io/team/app", "c/3"),
            ("quay.io/team/app/deep", "c/3"),
            ("quay.io/teams", "a/1:2"),
            ("old.io/x", "c/3"),
            ("empty.io/x", ""),
            ("null.io/x", ""),
            ("id.io/x", "identity t"),
            ("reg.io:5000/x", "bearer t"),
            ("reg.io/x", ""),
            ("plain.io/x", "u/p"),
            ("evil.io/quay.io/x", ""),
            ("io/x", ""),
        ];
        for (place, want) in table {
            assert_eq!(shown(&file, place).as_deref(), Ok(want), "{place}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_used_is_told_without_its_secrets() {
        for (file, want) in [
            (r#"{"auths": {"h": {"auth": "SECRET!"}}}"#, "auth.json: what it has for `h` is not base64"),
            (r#"{"auths": {"h": {"auth": "U0VDUkVU"}}}"#, "no `:` between user and password"),
            (
                r#"{"auths": {"h": {"auth": 1, "x": "SECRET"}}}"#,
                "not a file with credentials: line 1, column",
            ),
            (r#"{"auths": ["SECRET"]}"#, "not a file with credentials"),
            (r#"{"credsStore": "../SECRET/x"}"#, "not the name of a program"),
            (
                r#"{"credHelpers": {"h": "does-not-exist"}}"#,
                "`docker-credential-does-not-exist get` for h: not installed",
            ),
        ] {
            let error = shown(file, "h/x").unwrap_err();
            assert!(error.contains(want), "{error}");
            assert!(!error.contains("auth\": \"SECRET") && !error.contains("U0VD"), "{error}");
        }
        let none = look_up(&[PathBuf::from("/nowhere/auth.json")], "h/x").unwrap();
        assert_eq!(
            none.shown,
            "without credentials, as there are none for h in /nowhere/auth.json (not there)"
        );
    }
}
