//! `poststop`: undoes what the other hooks did. It works as often as it is called, and without anything to undo.

use super::Error;
use super::argv::{Arguments, Pin, Ports};
use super::cni::Attachment;
use super::container::Container;
use super::directory::Directory;
use super::error::Failures;
use super::namespace::Namespace;
use super::record::Record;
use super::state::State;
use super::{host, pins, rules};

/// Undoes all that was done for a container, and leaves nothing behind the last one.
pub fn detach(arguments: &Arguments, state: &State) -> Result<(), Error> {
    let container = Container::new(arguments, state)?;
    let Some(directory) = Directory::existing(&arguments.run)? else { return Ok(()) };
    let mut failures = Failures::default();
    match directory.record(&container)? {
        // It is not this one that came to its end.
        Some(record) if record.refused && record.task.is_alive() => {
            failures.note(directory.write_record(&Record { refused: false, ..record }));
        }
        Some(record) => failures.note(undo(&directory, &record)),
        None => failures.note(directory.remove_bundle(&container.project, &container.bundle)),
    }
    failures.note(host::tidy(directory));
    failures.result()
}

/// Undoes what a record speaks of. The record goes last, and only if all of it could be undone.
pub fn undo(directory: &Directory, record: &Record) -> Result<(), Error> {
    let mut failures = Failures::default();
    let namespace = network_namespace(directory, record)?;
    let netns = namespace.as_ref().map(Namespace::path).unwrap_or_default();
    let (cni_id, ports) = (record.container.cni_id(), record.ports());
    for attached in record.attached.iter().rev() {
        let network = &attached.network;
        let ports: &[Ports] = if network.default_route { &ports } else { &[] };
        let (cni_path, until) = (&*record.cni_path, directory.until);
        let attachment = Attachment { cni_id: &cni_id, cni_path, network, ports, until };
        failures.note(attachment.delete(&netns, attached.result.as_ref()));
        failures.note(host::remove_interfaces(attached));
        failures.note(host::forget_tuning(attached, &cni_id));
    }
    if !record.attached.is_empty() {
        let networks = record.attached.iter().map(|attached| attached.network.name());
        failures.note(rules::forget(networks, &cni_id, directory.until));
    }
    failures.note(pins::unpin(directory, record));
    failures.result()?;
    directory.remove_record(&record.container)
}

/// The network namespace of the container, if it is still there: that of its process, or the one that others share.
fn network_namespace(directory: &Directory, record: &Record) -> Result<Option<Namespace>, Error> {
    if record.task.is_alive() {
        let namespace = Namespace::of(record.task, "net").ok();
        if let Some(namespace) = namespace.filter(|namespace| namespace.inode == record.namespace) {
            return Ok(Some(namespace));
        }
    }
    pins::pinned(directory, record, Pin::Net)
}
