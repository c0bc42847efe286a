//! Requests and answers over HTTP: connections, time limits, repetition and redirects. Knows nothing of images.
//!
//! A secret goes to the origin it was made for and to no other: a redirect that leaves it leaves the secret behind,
//! for good. Without TLS nothing but this machine is spoken to.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::sleep;
use std::time::Duration;

use ureq::http::{HeaderMap, HeaderValue};
use ureq::{Agent, ProxyProtocol, Timeout};

use super::answer::Answer;
use super::settings::{Patience, Proxy};
use super::url::{Origin, Url, is_loopback};
use super::{Error, Settings, tls};

const MAX_REDIRECTS: u32 = 10;
const MAX_HEADERS: usize = 64 * 1024;
/// How many hosts are kept connections to.
const MAX_HOSTS: usize = 64;

/// Something that no message may show.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'a> {
    pub url: &'a Url,
    /// The kinds of content that are understood.
    pub accept: Option<&'a str>,
    /// The first byte that is wanted.
    pub from: u64,
    /// The header `Authorization`.
    pub authorization: Option<&'a Secret>,
    /// A form to send.
    pub form: Option<&'a Secret>,
}

impl<'a> Request<'a> {
    pub fn get(url: &'a Url) -> Self {
        Request { url, accept: None, from: 0, authorization: None, form: None }
    }
}

/// Why there is no answer.
struct Failure {
    reason: String,
    /// Whether another attempt may fare better.
    passing: bool,
}

#[derive(Debug)]
pub(super) struct Http {
    settings: Arc<Settings>,
    agents: Mutex<BTreeMap<Origin, Agent>>,
}

impl Http {
    pub fn new(settings: Arc<Settings>) -> Http {
        Http { settings, agents: Mutex::default() }
    }

    /// An answer that is no redirect.
    pub fn get(&self, request: &Request<'_>) -> Result<Answer, Error> {
        let (mut url, mut authorization) = (request.url.clone(), request.authorization);
        for _ in 0..=MAX_REDIRECTS {
            let answer = self.send(&Request { url: &url, authorization, ..*request })?;
            if !matches!(answer.status, 301 | 302 | 303 | 307 | 308) {
                return Ok(answer);
            }
            let next = redirect(request.url, &answer)?;
            if next.origin != url.origin {
                authorization = None;
            }
            url = next;
        }
        let reason = format!("more than {MAX_REDIRECTS} redirects");
        Err(Error::Answer { url: request.url.to_string(), reason })
    }

    /// An answer that is no passing failure; those are waited out.
    pub fn send(&self, request: &Request<'_>) -> Result<Answer, Error> {
        let Patience { attempts, longest, .. } = self.settings.patience;
        let mut attempt = 1;
        loop {
            let mut asked = None;
            match self.once(request)? {
                Ok(answer) if answer.status == 429 => {
                    asked = answer.retry_after();
                    let seconds = asked.map(|asked| asked.as_secs());
                    if attempt >= attempts || asked.is_some_and(|asked| asked > longest) {
                        let url = request.url.to_string();
                        return Err(Error::Limited { url, said: answer.said(), seconds });
                    }
                }
                Ok(answer) if matches!(answer.status, 408 | 500 | 502 | 503 | 504) => {
                    asked = answer.retry_after().filter(|asked| *asked <= longest);
                    if attempt >= attempts {
                        return Err(answer.refused(attempt));
                    }
                }
                Ok(answer) => return Ok(answer),
                Err(Failure { reason, passing }) => {
                    if attempt >= attempts || !passing {
                        return Err(Error::Unreachable {
                            url: request.url.to_string(),
                            reason,
                            attempts: attempt,
                        });
                    }
                }
            }
            sleep(asked.unwrap_or_else(|| self.pause(attempt)));
            attempt += 1;
        }
    }

    /// Whether anybody answers at an address; the reason if nobody does.
    pub fn knock(&self, url: &Url) -> Result<Result<u16, String>, Error> {
        let answer = self.once(&Request::get(url))?;
        Ok(answer.map(|answer| answer.status).map_err(|failure| failure.reason))
    }

    /// How long to wait after so many failures.
    pub fn pause(&self, failures: u32) -> Duration {
        let Patience { pause, longest, .. } = self.settings.patience;
        pause.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(longest)
    }

    fn once(&self, request: &Request<'_>) -> Result<Result<Answer, Failure>, Error> {
        let agent = self.agent(&request.url.origin)?;
        let (text, headers) = (request.url.text(), headers(request)?);
        let result = if let Some(Secret(form)) = request.form {
            let mut post = agent.post(&text).content_type("application/x-www-form-urlencoded");
            if let Some(all) = post.headers_mut() {
                all.extend(headers);
            }
            post.send(form.as_str())
        } else {
            let mut get = agent.get(&text);
            if let Some(all) = get.headers_mut() {
                all.extend(headers);
            }
            get.call()
        };
        Ok(match result {
            Ok(response) => Ok(Answer::new(request.url.clone(), response, self.settings.patience.idle)),
            Err(error) => Err(failure(&error, &self.settings.patience)),
        })
    }

    fn agent(&self, origin: &Origin) -> Result<Agent, Error> {
        let mut agents = self.agents.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(agent) = agents.get(origin) {
            return Ok(agent.clone());
        }
        if agents.len() >= MAX_HOSTS {
            agents.clear();
        }
        let Patience { connect, idle, .. } = self.settings.patience;
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_response_header_size(MAX_HEADERS)
            .user_agent(concat!("bundlegen/", env!("CARGO_PKG_VERSION")))
            .accept("*/*")
            .accept_encoding("identity")
            .timeout_connect(Some(connect))
            .timeout_send_request(Some(idle))
            .timeout_send_body(Some(idle))
            .timeout_recv_response(Some(idle))
            .timeout_per_read(Some(idle))
            .timeout_per_write(Some(idle))
            // Else it would be looked for in the environment.
            .proxy(None);
        if origin.secure {
            config = config.tls_config(tls::config(&self.settings, &origin.authority)?);
        }
        if let Some(way) = self.settings.proxy.as_ref().filter(|proxy| !proxy.spares(&origin.authority)) {
            config = config.proxy(Some(proxy(way)?));
        }
        let agent = Agent::new_with_config(config.build());
        agents.insert(origin.clone(), agent.clone());
        Ok(agent)
    }
}

fn headers(request: &Request<'_>) -> Result<HeaderMap, Error> {
    let range = Some(format!("bytes={}-", request.from)).filter(|_| request.from > 0);
    let values = [
        ("accept", request.accept),
        ("range", range.as_deref()),
        ("authorization", request.authorization.map(|secret| secret.0.as_str())),
    ];
    let mut headers = HeaderMap::new();
    for (name, value) in values {
        let Some(value) = value else { continue };
        // The value may be a secret, so it is in no message.
        let mut value: HeaderValue = value.parse().map_err(|_| Error::Answer {
            url: request.url.to_string(),
            reason: format!("the header `{name}` cannot be sent, for the characters in it"),
        })?;
        value.set_sensitive(name == "authorization");
        headers.insert(name, value);
    }
    Ok(headers)
}

/// Its address holds a password, so it is in no message.
fn proxy(settings: &Proxy) -> Result<ureq::Proxy, Error> {
    let proxy = ureq::Proxy::new(&settings.url).map_err(|_| {
        Error::Settings("the proxy for https is not an address: check `HTTPS_PROXY`".to_owned())
    })?;
    match proxy.protocol() {
        ProxyProtocol::Http | ProxyProtocol::Https => Ok(proxy),
        protocol => {
            let reason = format!("a {protocol} proxy is not supported: name an http proxy in `HTTPS_PROXY`");
            Err(Error::Settings(reason))
        }
    }
}

/// Where an answer sends those who asked.
fn redirect(first: &Url, answer: &Answer) -> Result<Url, Error> {
    let refuse = |reason: String| Error::Answer { url: answer.url.to_string(), reason };
    let location = answer.header("location").ok_or_else(|| refuse("a redirect to nowhere".to_owned()))?;
    let next = answer.url.join(location).map_err(|reason| refuse(format!("a redirect to {reason}")))?;
    // Who speaks TLS may not be led off it, not even to this machine, which might listen to such requests.
    if next.origin.secure || !first.origin.secure && is_loopback(&next.origin.authority) {
        return Ok(next);
    }
    Err(refuse(format!("a redirect to {next}, which is not over https")))
}

fn failure(error: &ureq::Error, patience: &Patience) -> Failure {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, TimedOut, UnexpectedEof};
    let passing = match error {
        ureq::Error::Io(error) => matches!(
            error.kind(),
            BrokenPipe | ConnectionAborted | ConnectionReset | TimedOut | UnexpectedEof
        ),
        ureq::Error::Timeout(timeout) => !matches!(timeout, Timeout::Connect | Timeout::Resolve),
        _ => false,
    };
    Failure { reason: reason(error, patience.connect, patience.idle), passing }
}

fn reason(error: &ureq::Error, connect: Duration, idle: Duration) -> String {
    match error {
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => insecure(&error.to_string()),
        ureq::Error::Io(error) => format!("no connection: {error}"),
        ureq::Error::HostNotFound => "the host is not known: check the name and the network".to_owned(),
        ureq::Error::Timeout(Timeout::Connect | Timeout::Resolve) => {
            format!("no connection within {connect:?}")
        }
        ureq::Error::Timeout(_) => format!("no answer within {idle:?}"),
        ureq::Error::Rustls(error) => insecure(&error.to_string()),
        ureq::Error::Protocol(error) => format!("not an answer as HTTP has it: {error}"),
        error => error.to_string(),
    }
}

/// What to do about a certificate that is not trusted.
fn insecure(reason: &str) -> String {
    let help = if reason.contains("UnknownIssuer") {
        "; put the certificate of who signed it into /etc/docker/certs.d/HOST/ca.crt, or name a list of \
         certificates in `SSL_CERT_FILE`"
    } else if reason.contains("CaUsedAsEndEntity") {
        "; a certificate that signs itself cannot be that of a server: make an authority, and sign with it"
    } else {
        ""
    };
    format!("no secure connection: {reason}{help}")
}
