//! What the hooks of the bundle are told that has the network of a project which a user without rights runs.

use std::fmt;
use std::net::Ipv4Addr;

use super::{Error, Ports, Verb, read};

/// The name of that bundle.
pub const BUNDLE: &str = "network";

/// The name servers of the host are asked at this address, whatever theirs is. It is slirp4netns's own, and pasta is told
/// of it.
pub const RESOLVER: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 3);

/// The words after the program's name that lead to the verb.
const WORDS: [&str; 2] = ["hook", "user-network"];

/// What is known of the containers that a user runs is kept here, in the directory that a login makes for the user.
pub fn run(uid: u32) -> String {
    format!("/run/user/{uid}/bundlegen")
}

/// Where the others find a namespace of the bundle: `user` or `net`.
pub fn namespace(run: &str, project: &str, name: &str) -> String {
    format!("{run}/{project}/{BUNDLE}/{name}")
}

/// What the hooks of the bundle are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserNetwork {
    /// Where what is known of running containers is kept.
    pub run: String,
    /// The name of the project.
    pub project: String,
    /// Where the name servers of the host are to be asked.
    pub resolver: Ipv4Addr,
    /// The ports published on the host.
    pub ports: Vec<Ports>,
}

impl UserNetwork {
    /// The arguments as `config.json` has them, from the name of the program on.
    pub fn to_args(&self, verb: Verb) -> Vec<String> {
        let words = ["bundlegen"].into_iter().chain(WORDS).chain([verb.word()]);
        let mut args: Vec<String> = words.map(str::to_owned).collect();
        let mut add = |name: &str, value: &dyn fmt::Display| args.push(format!("--{name}={value}"));
        add("run", &self.run);
        add("project", &self.project);
        add("resolver", &self.resolver);
        self.ports.iter().for_each(|ports| add("publish", ports));
        args
    }

    /// Reads what follows the verb.
    pub fn parse(args: impl IntoIterator<Item = String>) -> Result<Self, Error> {
        let (mut run, mut project, mut resolver, mut ports) = (None, None, None, Vec::new());
        for arg in args {
            let Some((name, value)) = arg.strip_prefix("--").and_then(|arg| arg.split_once('=')) else {
                return Err(Error::Unknown(arg));
            };
            match name {
                "run" => run = Some(value.to_owned()),
                "project" => project = Some(value.to_owned()),
                "resolver" => resolver = Some(read("resolver", value, str::parse)?),
                "publish" => ports.push(read("publish", value, str::parse)?),
                _ => return Err(Error::Unknown(arg)),
            }
        }
        Ok(UserNetwork {
            run: run.ok_or(Error::Missing("run"))?,
            project: project.ok_or(Error::Missing("project"))?,
            resolver: resolver.ok_or(Error::Missing("resolver"))?,
            ports,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let told = UserNetwork {
            run: run(1000),
            project: "shop".to_owned(),
            resolver: RESOLVER,
            ports: vec!["127.0.0.1:8080:80/tcp".parse().unwrap(), "53:53/udp".parse().unwrap()],
        };
        let args = told.to_args(Verb::Started);
        assert_eq!(args[..4], ["bundlegen", "hook", "user-network", "started"]);
        assert_eq!(UserNetwork::parse(args.into_iter().skip(4)).unwrap(), told);
        for (args, error) in [
            (&["--project=p"][..], "the argument `--run` is missing"),
            (&["--run=/r", "--project=p"], "the argument `--resolver` is missing"),
            (&["--resolver=::1"], "`--resolver=::1`: invalid IPv4 address syntax"),
            (&["--network={}"], "unknown argument `--network={}`"),
        ] {
            let got = UserNetwork::parse(args.iter().map(ToString::to_string)).unwrap_err();
            assert_eq!(got.to_string(), error);
        }
    }
}
