//! What `config.json` calls at run time: attaching a container to its networks and pinning its namespaces.
//!
//! A hook knows its arguments and the state that the runtime gives it on standard input, and nothing else: no Compose
//! file, no bundle, and no environment but the one in `config.json`. It imports nothing of the compiler; [`argv`] is
//! what both share.
//!
//! What it did stands in a record, written before it is done: whatever stops a hook half way, the next one knows what
//! to undo. All of it happens under one lock.

pub mod argv;
mod attach;
mod cni;
mod conflict;
mod container;
mod detach;
mod directory;
mod error;
mod external;
mod host;
mod namespace;
mod netlink;
mod pins;
mod plugin;
mod ports;
mod record;
mod rules;
mod started;
mod state;
mod sweep;
mod task;
mod user_network;

use std::io::Read;

use argv::Arguments;
pub use error::Error;
use state::State;
pub use task::leave_terminal;

/// Runs `bundlegen hook ARGS`; the state of the container is on `stdin`.
pub fn run(args: impl IntoIterator<Item = String>, stdin: impl Read) -> Result<(), Error> {
    let mut args = args.into_iter();
    let (topic, verb) = (args.next(), args.next());
    match (topic.as_deref(), verb.as_deref()) {
        (Some("network"), Some("attach")) => attach::attach(&Arguments::parse(args)?, &State::read(stdin)?),
        (Some("network"), Some("started")) => {
            started::started(&Arguments::parse(args)?, &State::read(stdin)?)
        }
        (Some("network"), Some("detach")) => detach::detach(&Arguments::parse(args)?, &State::read(stdin)?),
        (Some("network"), Some("sweep")) => sweep::sweep(args),
        (Some("user-network"), verb) => user_network::run(verb, args, stdin),
        _ => Err(Error::Usage),
    }
}
