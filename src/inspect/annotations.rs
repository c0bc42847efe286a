//! `annotations`: what was handed on to a supervisor, and the user's own.

use serde_json::Map;

use super::{Bundle, Draft};
use crate::lower::annotations::OWN_PREFIX;

pub(super) fn annotations(draft: &mut Draft, bundle: &Bundle) {
    let mut own = Map::new();
    for (key, value) in bundle.map("/annotations") {
        if !key.starts_with(OWN_PREFIX) {
            own.insert(key.clone(), value.clone());
        }
    }
    draft.set("annotations", own);
}
