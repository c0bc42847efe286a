//! Where what changed comes from, where the bundles after the change were just compiled.

use super::{Change, Group, Sign};
use crate::lower::origin::Origin;
use crate::review::Made;
use crate::review::place::Place;

/// Says the places, and puts what the image brings to the image, if that is another one.
pub(super) fn origins(changes: &mut [Change], bundle: &str, made: Option<Made>) {
    let Some(made) = made else { return };
    let new_image = changes.iter().any(|change| change.kind == "image" && change.group == Group::Image);
    for change in changes {
        let [before, after] = &change.pointers;
        if let Some(pointer) = after.first() {
            change.place = Place::of(&made, bundle, pointer);
            if new_image && matches!(made.origin(bundle, pointer), Some(Origin::Image { .. })) {
                change.group = Group::Image;
            }
        } else if let Some(pointer) = before.first().filter(|_| change.sign == Sign::Removed) {
            let around = Place::of(&made, bundle, without_items(pointer));
            change.place = around.filter(|place| matches!(place, Place::File { .. }));
        }
    }
}

/// A pointer up to the list that it counts items of: those are others now.
fn without_items(pointer: &str) -> &str {
    let mut at = pointer;
    let mut top = pointer;
    while let Some((above, last)) = at.rsplit_once('/') {
        if last.parse::<usize>().is_ok() {
            top = above;
        }
        at = above;
    }
    top
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_left_out() {
        assert_eq!(without_items("/mounts/3"), "/mounts");
        assert_eq!(without_items("/hooks/createRuntime/0/args/5"), "/hooks/createRuntime");
        assert_eq!(without_items("/annotations/a~1b"), "/annotations/a~1b");
    }
}
