//! Whether a way leads from an address of the host to a container.

use std::net::IpAddr;

use crate::compose::ports::Port;
use crate::diag::{Code, Diagnostics};
use crate::project::network::{Attachment, Bridge, way_out};
use crate::project::{Service, Settings};
use crate::source::Spanned;

/// Where a port is opened on the host: at the address that is written, else at that of the bridge, else at every one.
pub(super) fn address(service: &Service, port: &Port) -> Option<IpAddr> {
    port.host_ip.map(|ip| ip.value).or_else(|| bridge(service)?.1.host_ip)
}

/// The bridge that the way out leads through, and ports are published through.
fn bridge(service: &Service) -> Option<(&Attachment, &Bridge)> {
    let out = way_out(&service.networks)?;
    Some((out, out.bridge()?))
}

/// Reports addresses of the host that the kernel does not lead to the container from. Docker has a program that copies
/// what arrives there (moby `cmd/docker-proxy`); a bundle has none. Without root, others see to it.
pub(super) fn check(d: &mut Diagnostics, service: &Service, settings: &Settings) {
    // Of an external network, nothing is known.
    let known = bridge(service).filter(|(out, _)| out.network.external.is_none());
    let Some((out, _)) = known.filter(|_| settings.rootless.is_none()) else { return };
    for ip in service.written.ports.iter().filter_map(|port| port.host_ip) {
        if !out.addresses.iter().any(|own| own.ip.is_ipv6() == ip.value.is_ipv6()) {
            other_family(d, service, out, ip);
        } else if ip.value.is_ipv6() && ip.value.is_loopback() {
            let message = format!("no way leads from `{}` of the host into a container", ip.value);
            let draft = d.error(Code::NotSupported, message).label(ip.span, "");
            draft.help("write `127.0.0.1`, or another address of the host").emit();
        }
    }
}

fn other_family(d: &mut Diagnostics, service: &Service, out: &Attachment, ip: Spanned<IpAddr>) {
    let (family, key) = if ip.value.is_ipv6() { ("IPv6", "enable_ipv6") } else { ("IPv4", "enable_ipv4") };
    let (name, network) = (&service.name.value, &out.network.key);
    let message = format!(
        "`{}` is an address of {family}, and `{name}` has none of those in the network `{}`",
        ip.value, network.value
    );
    let mut draft = d.error(Code::Conflict, message).label(ip.span, "published here");
    // The network of those who name none stands nowhere.
    if !out.is_implied() {
        draft = draft.label(network.span, "the network");
    }
    draft.help(format!("write `{key}: true` in the network, or another address of the host")).emit();
}
