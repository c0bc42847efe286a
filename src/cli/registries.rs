//! From options and the environment to [`Settings`]: the names that Docker and podman gave their variables and files.

use std::ffi::OsString;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;

use super::value;
use crate::diag::Invalid;
use crate::image::{Mirror, Proxy, Settings};

/// How registries are reached.
#[derive(Clone, Debug, Default, Args)]
pub struct RegistryArgs {
    /// A registry to ask before another one, such as docker.io=https://mirror.example.com; those in
    /// `BUNDLEGEN_MIRRORS` come after
    #[arg(long = "mirror", value_name = "HOST=URL", value_parser = value::<MirrorOf>)]
    pub mirrors: Vec<MirrorOf>,
}

/// A mirror, and whose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MirrorOf {
    /// The registry that it stands in for.
    pub host: String,
    /// The mirror.
    pub mirror: Mirror,
}

impl FromStr for MirrorOf {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text.split_once('=') {
            Some((host, mirror)) if !host.is_empty() && !host.contains('/') => {
                let mut mirror = mirror.parse::<Mirror>();
                if let Err(invalid) = &mut mirror {
                    let start = host.len() + 1;
                    invalid.range = invalid.range.start + start..invalid.range.end + start;
                }
                Ok(MirrorOf { host: host.to_owned(), mirror: mirror? })
            }
            _ => Err(Invalid::whole(text, format!("`{text}` does not say whose mirror it is"))
                .help("write `HOST=URL`, such as `docker.io=https://mirror.example.com`")),
        }
    }
}

impl RegistryArgs {
    /// The settings of this process. Fails for a variable that cannot be meant so.
    pub fn settings(&self) -> Result<Settings, String> {
        from(&|name| std::env::var_os(name), &self.mirrors)
    }
}

type Environment<'a> = dyn Fn(&str) -> Option<OsString> + 'a;

fn from(environment: &Environment<'_>, mirrors: &[MirrorOf]) -> Result<Settings, String> {
    let path = |name: &str| environment(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let mut settings = Settings {
        credentials: credentials(&path)?,
        certificates: path("SSL_CERT_FILE"),
        host_certificates: host_certificates(&path),
        proxy: proxy(environment)?,
        ..Settings::default()
    };
    for MirrorOf { host, mirror } in mirrors {
        settings.add_mirror(host, mirror.clone());
    }
    let more = text(environment, "BUNDLEGEN_MIRRORS")?.unwrap_or_default();
    for one in more.split([' ', ',', '\n']).filter(|one| !one.is_empty()) {
        let MirrorOf { host, mirror } =
            value(one).map_err(|error| format!("`BUNDLEGEN_MIRRORS`: `{one}`: {error}"))?;
        settings.add_mirror(&host, mirror);
    }
    Ok(settings)
}

/// The files with credentials: that of the user's choice, Docker's, and those of podman.
fn credentials(path: &dyn Fn(&str) -> Option<PathBuf>) -> Result<Vec<PathBuf>, String> {
    let chosen = path("REGISTRY_AUTH_FILE");
    if let Some(chosen) = chosen.as_deref().filter(|chosen| !chosen.exists()) {
        let chosen = chosen.display();
        return Err(format!("there is no file `{chosen}`, which `REGISTRY_AUTH_FILE` names: log in first"));
    }
    let home = path("HOME");
    let docker = path("DOCKER_CONFIG").or_else(|| Some(home.as_ref()?.join(".docker")));
    let user = || std::fs::metadata("/proc/self").ok().map(|process| process.uid());
    let run = path("XDG_RUNTIME_DIR").map(|run| run.join("containers"));
    let run = run.or_else(|| Some(Path::new("/run/containers").join(user()?.to_string())));
    let config = path("XDG_CONFIG_HOME").or_else(|| Some(home?.join(".config")));
    let files = [
        chosen,
        docker.map(|docker| docker.join("config.json")),
        run.map(|run| run.join("auth.json")),
        config.map(|config| config.join("containers/auth.json")),
    ];
    Ok(files.into_iter().flatten().collect())
}

/// Where certificates for single hosts are, for the system and for the user.
fn host_certificates(path: &dyn Fn(&str) -> Option<PathBuf>) -> Vec<PathBuf> {
    let config = path("XDG_CONFIG_HOME").or_else(|| Some(path("HOME")?.join(".config")));
    let of_user = config
        .into_iter()
        .flat_map(|config| ["docker/certs.d", "containers/certs.d"].map(|d| config.join(d)));
    let of_system = ["/etc/docker/certs.d", "/etc/containers/certs.d"].map(PathBuf::from);
    of_system.into_iter().chain(of_user).collect()
}

/// The names in lower case are the older ones; as in Go, those in upper case come first.
fn proxy(environment: &Environment<'_>) -> Result<Option<Proxy>, String> {
    let either = |upper: &str, lower: &str| match text(environment, upper)? {
        None => text(environment, lower),
        some => Ok(some),
    };
    let except = either("NO_PROXY", "no_proxy")?.unwrap_or_default();
    Ok(either("HTTPS_PROXY", "https_proxy")?.map(|url| Proxy { url, except }))
}

fn text(environment: &Environment<'_>, name: &str) -> Result<Option<String>, String> {
    let value = environment(name).filter(|value| !value.is_empty());
    value.map(OsString::into_string).transpose().map_err(|_| format!("the value of `{name}` is not text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(variables: &[(&str, &str)]) -> Result<Settings, String> {
        let of =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into());
        from(&of, &[])
    }

    #[test]
    fn files_have_the_names_that_docker_and_podman_gave_them() {
        let home = ("HOME", "/h");
        let files = |variables: &[(&str, &str)]| {
            let files = settings(variables).unwrap().credentials;
            files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(" ")
        };
        let own = format!("/run/containers/{}/auth.json", std::fs::metadata("/proc/self").unwrap().uid());
        assert_eq!(files(&[]), own);
        assert_eq!(files(&[home]), format!("/h/.docker/config.json {own} /h/.config/containers/auth.json"));
        let all = [
            home,
            ("REGISTRY_AUTH_FILE", "/"),
            ("DOCKER_CONFIG", "/d"),
            ("XDG_RUNTIME_DIR", "/r"),
            ("XDG_CONFIG_HOME", "/c"),
        ];
        assert_eq!(files(&all), "/ /d/config.json /r/containers/auth.json /c/containers/auth.json");
        let missing = settings(&[("REGISTRY_AUTH_FILE", "/nowhere/auth.json")]).unwrap_err();
        assert!(missing.contains("there is no file `/nowhere/auth.json`"), "{missing}");
    }

    #[test]
    fn proxies_and_mirrors_come_from_the_environment() {
        let some = settings(&[("https_proxy", "http://p:1"), ("NO_PROXY", "a.io")]).unwrap();
        let proxy = some.proxy.unwrap();
        assert_eq!((proxy.url.as_str(), proxy.except.as_str()), ("http://p:1", "a.io"));
        assert!(settings(&[("HTTPS_PROXY", "")]).unwrap().proxy.is_none());
        let mirrors =
            settings(&[("BUNDLEGEN_MIRRORS", "docker.io=a.io,quay.io=https://b.io/q docker.io=c.io")]);
        let mirrors = mirrors.unwrap().mirrors;
        assert_eq!(
            mirrors["docker.io"].iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["https://a.io/", "https://c.io/"]
        );
        assert_eq!(mirrors["quay.io"].len(), 1);
        for (bad, want) in
            [("a.io", "whose mirror"), ("=a.io", "whose mirror"), ("a.io=http://b.io", "https only")]
        {
            let error = settings(&[("BUNDLEGEN_MIRRORS", bad)]).unwrap_err();
            assert!(error.contains(want), "{error}");
        }
    }
}
