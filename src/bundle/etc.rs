//! The files below `/etc` that a container gets, as Docker writes them: moby `libnetwork/etchosts`, `resolvconf`.

mod hosts;

use std::fmt::Write as _;
use std::net::Ipv4Addr;

use crate::compose::Service;
use crate::source::Spanned;

pub use hosts::Neighbours;

/// The names every container knows.
pub const LOOPBACK: &str = "\
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
ff00::0\tip6-mcastprefix
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
";

/// `/etc/resolv.conf` of what is written, and of who else answers. A single dot is no domain to look names up in.
pub(super) fn resolv_conf(service: &Service, resolver: Option<Ipv4Addr>) -> String {
    let mut text = String::new();
    let search = words(&service.dns_search);
    if !matches!(&*search, "" | ".") {
        let _infallible = writeln!(text, "search {search}");
    }
    for server in resolver.iter().filter(|_| service.dns.is_empty()) {
        let _infallible = writeln!(text, "nameserver {server}");
    }
    for server in &service.dns {
        let _infallible = writeln!(text, "nameserver {}", server.value);
    }
    let options = words(&service.dns_opt);
    if !options.is_empty() {
        let _infallible = writeln!(text, "options {options}");
    }
    text
}

fn words<T: ToString>(words: &[Spanned<T>]) -> String {
    let words = words.iter().map(|word| word.value.to_string());
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}
