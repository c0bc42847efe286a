//! `linux.maskedPaths` and `linux.readonlyPaths`: kernel interfaces a container may not read or write.

use super::Context;
use super::defaults::{MASKED_PATHS, PATHS_FROM, READONLY_PATHS};
use super::origin::{Origin, Origins};

/// A list of paths, or none.
type Paths = Option<Vec<String>>;

/// The masked and the read-only paths; a privileged container has none of either, and neither has one with
/// `systempaths=unconfined`, as in Docker.
pub fn paths(context: &Context, o: &mut Origins) -> (Paths, Paths) {
    if context.privileged().or(context.service.security.system_paths).is_some() {
        return (None, None);
    }
    o.set("/linux/maskedPaths", Origin::Default(PATHS_FROM));
    o.set("/linux/readonlyPaths", Origin::Default(PATHS_FROM));
    let list = |paths: &[&str]| Some(paths.iter().map(ToString::to_string).collect());
    (list(MASKED_PATHS), list(READONLY_PATHS))
}
