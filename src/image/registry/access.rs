//! From what a registry wants to see to what it is shown: Basic, and tokens from the server it names.
//!
//! Follows the [token specification] and the [OAuth2 specification] of distribution.
//!
//! [token specification]: https://distribution.github.io/distribution/spec/auth/token/
//! [OAuth2 specification]: https://distribution.github.io/distribution/spec/auth/oauth/

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::answer::{Answer, DocumentError};
use super::challenge::{self, Challenge};
use super::credentials::{Found, Login, look_up};
use super::endpoint::Endpoint;
use super::http::{Http, Request, Secret};
use super::url::{Url, form, is_loopback, limited};
use super::{Error, Settings};

/// What a registry is shown.
#[derive(Clone, Debug)]
pub(super) struct Access {
    /// The header `Authorization`; `None` where there is nothing to show.
    pub header: Option<Secret>,
    /// As whom, for messages.
    pub shown: String,
}

#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

/// Answers the challenges of a refusal. To show a registry what is for it, is looked up for it.
pub(super) fn access(
    http: &Http,
    settings: &Settings,
    at: &Endpoint,
    refusal: Answer,
) -> Result<Access, Error> {
    let Found { login, shown } = look_up(&settings.credentials, &at.place)?;
    let challenges: Vec<Challenge> =
        refusal.headers("www-authenticate").iter().flat_map(|header| challenge::parse(header)).collect();
    let of = |scheme: &str| challenges.iter().find(|challenge| challenge.scheme == scheme);
    let header = if let Some(challenge) = of("bearer") {
        bearer(http, at, challenge, login.as_ref(), &shown)?
    } else if of("basic").is_some() {
        match login {
            Some(Login::Password { user, password }) => basic(&user, &password),
            Some(_) => {
                let shown = format!("{shown}, but the registry wants a user and a password");
                return Err(at.denied(&shown, refusal.said()));
            }
            None => return Err(at.denied(&shown, refusal.said())),
        }
    } else {
        let names: Vec<_> = challenges.iter().map(|challenge| limited(&challenge.scheme)).collect();
        let reason = match names.as_slice() {
            [] => "access is denied, and the registry does not say what it wants to see".to_owned(),
            names => {
                format!("the registry wants `{}`, and only Basic and Bearer are known", names.join("`, `"))
            }
        };
        return Err(refusal.wrong(&reason));
    };
    Ok(Access { header: Some(header), shown })
}

fn basic(user: &str, password: &Secret) -> Secret {
    Secret(format!("Basic {}", STANDARD.encode(format!("{user}:{}", password.0))))
}

/// A token from the server that the registry names.
fn bearer(
    http: &Http,
    at: &Endpoint,
    challenge: &Challenge,
    login: Option<&Login>,
    shown: &str,
) -> Result<Secret, Error> {
    if let Some(Login::Bearer(Secret(token))) = login {
        return header(at, token);
    }
    let realm = realm(at, challenge)?;
    let scope = format!("repository:{}:pull", at.path);
    let scope = challenge.get("scope").filter(|scope| !scope.is_empty()).unwrap_or(&scope);
    let mut pairs = vec![("scope", scope)];
    pairs.extend(
        challenge.get("service").filter(|service| !service.is_empty()).map(|service| ("service", service)),
    );
    let answer = match login {
        Some(Login::Identity(Secret(token))) => {
            pairs.extend([
                ("grant_type", "refresh_token"),
                ("client_id", "bundlegen"),
                ("refresh_token", token),
            ]);
            let form = Secret(form(&pairs));
            http.send(&Request { form: Some(&form), ..Request::get(&realm) })?
        }
        Some(Login::Password { user, password }) => {
            pairs.push(("account", user));
            let authorization = basic(user, password);
            let url = realm.with_query(&pairs);
            http.get(&Request { authorization: Some(&authorization), ..Request::get(&url) })?
        }
        _ => http.get(&Request::get(&realm.with_query(&pairs)))?,
    };
    match answer.status {
        200 | 201 => token(at, answer),
        400 | 401 | 403 => Err(at.denied(shown, answer.said())),
        _ => Err(answer.refused(1)),
    }
}

/// Where the tokens are. A password goes there, so it must be a safe way.
fn realm(at: &Endpoint, challenge: &Challenge) -> Result<Url, Error> {
    let refuse = |reason: String| Error::Answer { url: at.to_string(), reason };
    let text = challenge.get("realm").filter(|realm| !realm.is_empty());
    let text = text.ok_or_else(|| refuse("a token is wanted, but not said from where".to_owned()))?;
    let realm = Url::parse(text).map_err(|reason| refuse(format!("the server of tokens is {reason}")))?;
    let (there, here) = (&realm.origin, &at.authority);
    if there.secure || is_loopback(&there.authority) && is_loopback(here) {
        return Ok(realm);
    }
    Err(refuse(format!("the server of tokens is {realm}, which is not over https")))
}

fn token(at: &Endpoint, answer: Answer) -> Result<Secret, Error> {
    let url = answer.url.to_string();
    let bytes = match answer.document() {
        Ok(bytes) => bytes,
        Err(DocumentError::Wrong(error)) => return Err(error),
        Err(DocumentError::Broken(reason)) => return Err(Error::Answer { url, reason }),
    };
    let found: Option<Token> = serde_json::from_slice(&bytes).ok();
    let text =
        found.and_then(|found| found.token.into_iter().chain(found.access_token).find(|t| !t.is_empty()));
    let text = text.ok_or_else(|| Error::Answer { url, reason: "an answer without a token".to_owned() })?;
    header(at, &text)
}

fn header(at: &Endpoint, token: &str) -> Result<Secret, Error> {
    if token.bytes().all(|b| b.is_ascii_graphic()) {
        return Ok(Secret(format!("Bearer {token}")));
    }
    Err(Error::Answer {
        url: at.to_string(),
        reason: "the token has characters that no token has".to_owned(),
    })
}
