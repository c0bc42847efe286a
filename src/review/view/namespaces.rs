//! Whose namespaces a container is in, and who its users are on the host. See the Linux chapter of the runtime spec.

use serde_json::Value;

use crate::inspect::Bundle;

/// Where the namespaces of the first process of the host are, by which a container can join them.
const OF_HOST: &[&str] = &["/proc/1/ns/", "/proc/self/ns/", "/proc/thread-self/ns/"];

/// Whether a container has no namespace of a kind for itself or with another container, but the host's.
pub fn shares_host(bundle: &Bundle, kind: &str) -> bool {
    let Some(namespace) = find(bundle, kind) else { return true };
    let path = namespace.get("path").and_then(Value::as_str).unwrap_or_default();
    OF_HOST.iter().any(|host| path.starts_with(host))
}

fn find<'a>(bundle: &'a Bundle, kind: &str) -> Option<&'a Value> {
    let is = |namespace: &&Value| namespace.get("type").and_then(Value::as_str) == Some(kind);
    bundle.list("/linux/namespaces").iter().find(is)
}

/// Whether root in the container is root on the host: it is not where a user namespace makes somebody else of it. Where
/// another namespace is joined, and nothing says who its users are, it may be.
pub fn is_for_root(bundle: &Bundle) -> bool {
    shares_host(bundle, "user") || host_user(bundle, 0) == Some(0)
}

/// Who a user of the container is on the host; nobody where the user namespace does not have the user.
pub fn host_user(bundle: &Bundle, uid: u64) -> Option<u64> {
    let mappings = bundle.list("/linux/uidMappings");
    if shares_host(bundle, "user") || mappings.is_empty() {
        return Some(uid);
    }
    mappings.iter().find_map(|mapping| {
        let number = |key: &str| mapping.get(key).and_then(Value::as_u64);
        let (first, host, size) = (number("containerID")?, number("hostID")?, number("size")?);
        let offset = uid.checked_sub(first).filter(|offset| *offset < size)?;
        host.checked_add(offset)
    })
}

/// The user of the process, as the container numbers it.
pub fn user(bundle: &Bundle) -> u64 {
    bundle.at("/process/user/uid").and_then(Value::as_u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    fn bundle(linux: &Value) -> Bundle {
        Bundle { name: "b".into(), config: json!({ "linux": linux }), files: BTreeMap::new() }
    }

    #[test]
    fn whose_namespace_it_is() {
        for (namespaces, shared) in [
            (json!([]), true),
            (json!([{"type": "network"}]), false),
            (json!([{"type": "network", "path": "/run/bundlegen/p/b/net"}]), false),
            (json!([{"type": "network", "path": "/proc/1/ns/net"}]), true),
            (json!([{"type": "network", "path": "/proc/12/ns/net"}]), false),
            (json!([{"type": 5}, 7]), true),
        ] {
            let bundle = bundle(&json!({ "namespaces": namespaces }));
            assert_eq!(shares_host(&bundle, "network"), shared, "{namespaces}");
        }
    }

    #[test]
    fn who_users_are() {
        let user = json!([{"type": "user"}]);
        let mapped = |host: u64, size: u64| json!([{"containerID": 0, "hostID": host, "size": size}]);
        for (mappings, uid, want) in [
            (json!([]), 5, Some(5)),
            (mapped(1000, 1), 0, Some(1000)),
            (mapped(1000, 1), 1, None),
            (mapped(100_000, 65536), 33, Some(100_033)),
            (mapped(u64::MAX, 65536), 33, None),
            (mapped(0, 1), 0, Some(0)),
        ] {
            let bundle = bundle(&json!({ "namespaces": user, "uidMappings": mappings }));
            assert_eq!(host_user(&bundle, uid), want, "{mappings} {uid}");
        }
        assert!(is_for_root(&bundle(&json!({ "uidMappings": mapped(1000, 1) }))));
        assert!(!is_for_root(&bundle(&json!({ "namespaces": user, "uidMappings": mapped(1000, 1) }))));
    }
}
