//! Attacks, each run as a whole: an image, `build`, `prepare`, and a look at what was not to be touched.

use std::path::Path;

use serde_json::Value;

use super::ground::{COMPOSE, Ground, Run, Who, everybody};
use crate::support::{Blob, Store, Tar, gzip};

type Make = Box<dyn Fn(&str, &mut Store)>;
type Look = Box<dyn Fn(&Ground)>;

/// What is to become of an attack.
pub enum Want {
    /// It is refused, with these words.
    Refused(&'static str),
    /// It does no harm; a look at the root shows what it did.
    Contained(Look),
    /// It does no harm, whether or not it is refused.
    Any,
}

pub struct Case {
    what: String,
    compose: String,
    make: Make,
    want: Want,
}

impl Case {
    /// Gets the path of the directory outside, and names an image `app:1`.
    pub fn new(what: &str, want: Want, make: impl Fn(&str, &mut Store) + 'static) -> Case {
        Case { what: what.to_owned(), compose: COMPOSE.to_owned(), make: Box::new(make), want }
    }

    pub fn layers(what: &str, want: Want, layers: impl Fn(&str) -> Vec<Tar> + 'static) -> Case {
        Case::new(what, want, move |outside, store| {
            let blobs: Vec<_> = layers(outside).into_iter().map(|layer| gzip(&layer.end())).collect();
            let manifest = store.image("amd64", &blobs);
            store.name("app:1", manifest);
        })
    }

    pub fn blobs(what: &str, want: Want, blobs: impl Fn() -> Vec<Blob> + 'static) -> Case {
        Case::new(what, want, move |_, store| {
            let manifest = store.image("amd64", &blobs());
            store.name("app:1", manifest);
        })
    }

    pub fn descriptor(what: &str, want: Want, make: impl Fn(&mut Store) -> Value + 'static) -> Case {
        Case::new(what, want, move |_, store| {
            let descriptor = make(store);
            store.name("app:1", descriptor);
        })
    }

    pub fn compose(mut self, compose: &str) -> Case {
        compose.clone_into(&mut self.compose);
        self
    }

    /// A service with further attributes.
    pub fn with(self, attributes: &str) -> Case {
        let compose = COMPOSE.replace("command:", &format!("{attributes}, command:"));
        self.compose(&compose)
    }

    fn run(&self, who: Who) {
        let ground = Ground::new(who);
        let mut store = Store::new();
        (self.make)(&ground.outside(), &mut store);
        let mut before = ground.seen();
        let mut run = ground.build(&self.compose, &store);
        if run.code == 0 {
            ground.plant();
            before = ground.seen();
            run = ground.prepare(&store);
        } else {
            before.retain(|path, _| path != &ground.at("project"));
        }
        let what = format!("{} ({who:?})", self.what);
        let mut after = ground.seen();
        after.retain(|path, _| before.contains_key(path) || !is_input(path));
        for (path, was) in &before {
            assert_eq!(after.get(path), Some(was), "{what}: {}\n{}", path.display(), run.said);
        }
        let new: Vec<_> = after.keys().filter(|path| !before.contains_key(*path)).collect();
        assert!(new.is_empty(), "{what}: {new:?}\n{}", run.said);
        self.judge(&what, &ground, &run);
    }

    fn judge(&self, what: &str, ground: &Ground, run: &Run) {
        match &self.want {
            Want::Any => {}
            Want::Contained(look) => {
                assert_eq!(run.code, 0, "{what}: {}", run.said);
                look(ground);
            }
            Want::Refused(words) => {
                assert_ne!(run.code, 0, "{what}: {}", run.said);
                assert!(
                    words.split('|').any(|words| unwrapped(&run.said).contains(words)),
                    "{what}: {words}\n{}",
                    run.said
                );
                assert!(!ground.root().exists(), "{what}: there is a root");
            }
        }
    }
}

/// Without the line breaks and rules of a diagnostic.
fn unwrapped(text: &str) -> String {
    let words: Vec<_> =
        text.split_whitespace().filter(|word| !matches!(*word, "│" | "|" | "×" | "╰─▶")).collect();
    words.join(" ")
}

fn is_input(path: &Path) -> bool {
    path.ends_with("project/compose.yaml") || path.ends_with("project")
}

pub fn run(cases: &[Case]) {
    for case in cases {
        for who in everybody() {
            case.run(*who);
        }
    }
}

pub fn refused(words: &'static str) -> Want {
    Want::Refused(words)
}

/// Contained, and these names are in the root with these contents; a name with `/` at its end is no link.
pub fn contained(files: &'static [(&'static str, &'static str)]) -> Want {
    Want::Contained(Box::new(move |ground| {
        for (path, text) in files {
            let path =
                ground.root().join(path.replace("{outside}", ground.outside().trim_start_matches('/')));
            let found = std::fs::read_to_string(&path);
            assert_eq!(found.unwrap_or_else(|error| error.to_string()), *text, "{}", path.display());
        }
    }))
}
