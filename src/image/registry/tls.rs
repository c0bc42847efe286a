#![allow(
    clippy::disallowed_methods,
    reason = "certificates are no texts with places in them, so they do not come through `source`"
)]
//! Whom to trust: the certificates of the system, and those that were put beside the name of a host.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use super::{Error, Settings};

/// Where systems keep the certificates they trust: Debian, Fedora, SUSE, Alpine.
const SYSTEM: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Larger files are no lists of certificates.
const MAX_FILE: u64 = 16 * 1024 * 1024;

/// What a connection to a host trusts.
pub(super) fn config(settings: &Settings, authority: &str) -> Result<TlsConfig, Error> {
    let mut trusted = Vec::new();
    match &settings.certificates {
        Some(path) => trusted.extend(required(path)?),
        None => {
            for path in SYSTEM {
                if let Some(found) = read(Path::new(path))? {
                    trusted = found;
                    break;
                }
            }
        }
    }
    for path in beside(&settings.host_certificates, authority)? {
        trusted.extend(required(&path)?);
    }
    if trusted.is_empty() {
        let reason = "this system has no certificates to know registries by: install `ca-certificates`, \
                      or name a file with them in `SSL_CERT_FILE`";
        return Err(Error::Settings(reason.to_owned()));
    }
    Ok(TlsConfig::builder().root_certs(RootCerts::Specific(Arc::new(trusted))).build())
}

/// The files of a host. Its directory has the port in its name, as Docker has it.
fn beside(directories: &[PathBuf], authority: &str) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    for directory in directories {
        let directory = directory.join(authority);
        let entries = match std::fs::read_dir(&directory) {
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => continue,
            Err(error) => return Err(Error::File { path: directory, reason: error.to_string() }),
            Ok(entries) => entries,
        };
        for entry in entries {
            let entry =
                entry.map_err(|error| Error::File { path: directory.clone(), reason: error.to_string() })?;
            files.push(entry.path());
        }
    }
    files.retain(|path| path.extension().is_some_and(|extension| extension == "crt"));
    files.sort();
    Ok(files)
}

fn required(path: &Path) -> Result<Vec<Certificate<'static>>, Error> {
    let missing = || Error::File { path: path.to_owned(), reason: "no such file".to_owned() };
    read(path)?.ok_or_else(missing)
}

/// The certificates of a file; `None` if there is no such file.
fn read(path: &Path) -> Result<Option<Vec<Certificate<'static>>>, Error> {
    let refuse = |reason: String| Error::File { path: path.to_owned(), reason };
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file.map_err(|error| refuse(error.to_string()))?,
    };
    let mut bytes = Vec::new();
    file.take(MAX_FILE).read_to_end(&mut bytes).map_err(|error| refuse(error.to_string()))?;
    let mut found = Vec::new();
    for item in parse_pem(&bytes) {
        match item {
            Ok(PemItem::Certificate(certificate)) => found.push(certificate),
            Ok(_) => {}
            Err(error) => return Err(refuse(error.to_string())),
        }
    }
    if found.is_empty() {
        return Err(refuse("no certificate in it".to_owned()));
    }
    Ok(Some(found))
}
