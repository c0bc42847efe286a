//! What `config.json` calls at run time: attaching a container to its networks and pinning its namespaces.
//!
//! A hook knows its arguments and the state that the runtime gives it on standard input, and nothing else: no Compose
//! file, no bundle, and no environment but the one in `config.json`. It imports nothing of the compiler; [`argv`] is
//! what both share.

pub mod argv;
