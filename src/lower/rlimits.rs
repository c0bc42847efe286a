//! `process.rlimits`: limits of the process.

use oci_spec::runtime as oci;

use super::Context;
use super::origin::{Origin, Origins};

/// The limits of `ulimits`, by name. Without any, the process has those of whoever starts the runtime; Docker's
/// daemon has its own.
pub fn rlimits(context: &Context, o: &mut Origins) -> Option<Vec<oci::PosixRlimit>> {
    let mut ulimits = context.written().ulimits.clone();
    ulimits.sort_by_key(|ulimit| ulimit.kind.value.to_string());
    let rlimits = ulimits.iter().enumerate().map(|(index, ulimit)| {
        let at = format!("/process/rlimits/{index}");
        o.set(format!("{at}/type"), Origin::Written(ulimit.kind.span));
        o.set(format!("{at}/soft"), Origin::Written(ulimit.soft.span));
        o.set(format!("{at}/hard"), Origin::Written(ulimit.hard.span));
        let builder = oci::PosixRlimitBuilder::default().typ(ulimit.kind.value.oci());
        let builder = builder.soft(limit(ulimit.soft.value)).hard(limit(ulimit.hard.value));
        // Every field has a default, so the builder cannot fail.
        builder.build().unwrap_or_default()
    });
    let rlimits: Vec<_> = rlimits.collect();
    (!rlimits.is_empty()).then_some(rlimits)
}

/// -1 is `RLIM_INFINITY`, the largest number there is.
fn limit(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}
