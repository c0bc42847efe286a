//! What lies in an output directory and is not output: run-time state of the host, never read, written, removed or
//! reported by a build.
//!
//! The text of `.gitignore` is the one list; what `disk` passes over is read from it.

/// The name of the list in every output directory.
pub const GITIGNORE_NAME: &str = ".gitignore";

/// Where `disk` puts new content until all of it is there.
pub const STAGING: &str = ".bundlegen-new";

const GITIGNORE: &str = "\
# run-time state: `bundlegen prepare` makes it, `bundlegen build` leaves it alone
/*/rootfs
/*/.rootfs.*
/*/private
/volumes
/.bundlegen-new
";

/// The text of `.gitignore`. Only anchored patterns with at most one `*`, at the end of a part: what
/// [`is_run_time`] understands.
pub fn gitignore() -> &'static str {
    GITIGNORE
}

/// Whether a path, given as its parts, is run-time state or below it.
pub fn is_run_time<'a>(parts: impl Iterator<Item = &'a str>) -> bool {
    let parts: Vec<_> = parts.collect();
    patterns().any(|pattern| covers(pattern, &parts))
}

fn patterns() -> impl Iterator<Item = &'static str> {
    GITIGNORE.lines().filter_map(|line| line.strip_prefix('/'))
}

fn covers(pattern: &str, parts: &[&str]) -> bool {
    let mut parts = parts.iter();
    pattern.split('/').all(|want| parts.next().is_some_and(|part| matches(want, part)))
}

fn matches(want: &str, part: &str) -> bool {
    want.strip_suffix('*').map_or(want == part, |start| part.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_what_is_passed_over() {
        for (path, state) in [
            ("web/rootfs", true),
            ("web/rootfs/etc/passwd", true),
            ("web/.rootfs.1a2b", true),
            ("web/private/key", true),
            ("volumes", true),
            ("volumes/data/x", true),
            (".bundlegen-new/0", true),
            ("rootfs", false),
            ("web/etc/rootfs", false),
            ("web/volumes", false),
            ("web/rootfs2", false),
            ("web", false),
            (".gitignore", false),
        ] {
            assert_eq!(is_run_time(path.split('/')), state, "{path}");
        }
        assert!(is_run_time([STAGING].into_iter()));
    }
}
