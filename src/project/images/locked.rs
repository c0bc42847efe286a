//! What the lock says of an image that was found.

use std::collections::BTreeMap;

use crate::compose::value::duration::Duration;
use crate::image;
use crate::lock::{self, Blob, LockedImage};

pub(super) fn locked(image: &image::Image) -> LockedImage {
    let blob = |descriptor: &image::Descriptor| Blob {
        digest: descriptor.digest.to_string(),
        size: descriptor.size,
    };
    let from = &image.configuration;
    LockedImage {
        index: image.index.as_ref().map(|index| index.digest.to_string()),
        manifest: blob(&image.manifest),
        config: blob(&image.config),
        layers: image.layers.iter().map(blob).collect(),
        configuration: lock::Configuration {
            architecture: from.architecture.clone(),
            variant: from.variant.clone(),
            os: from.os.clone(),
            author: from.author.clone(),
            created: from.created.clone(),
            entrypoint: from.entrypoint.clone(),
            cmd: from.cmd.clone(),
            env: from.env.clone(),
            user: from.user.clone(),
            working_dir: from.working_dir.clone(),
            volumes: from.volumes.clone(),
            exposed_ports: from.exposed_ports.clone(),
            labels: from.labels.clone(),
            stop_signal: from.stop_signal.clone(),
            healthcheck: from.healthcheck.as_ref().map(healthcheck),
        },
        users: BTreeMap::new(),
        groups: BTreeMap::new(),
    }
}

fn healthcheck(check: &image::Healthcheck) -> lock::Healthcheck {
    let span = |nanoseconds: i64| (nanoseconds != 0).then(|| Duration(nanoseconds).to_string());
    lock::Healthcheck {
        test: check.test.clone(),
        interval: span(check.interval),
        timeout: span(check.timeout),
        start_period: span(check.start_period),
        start_interval: span(check.start_interval),
        retries: u64::try_from(check.retries).ok().filter(|retries| *retries > 0),
    }
}
