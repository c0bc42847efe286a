//! When registries are asked, by a fake one that counts.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use bundlegen::diag::Diagnostics;
use bundlegen::image::{Error, Image, Layout, Reference, Source};
use bundlegen::load::Environment;
use bundlegen::project::{Anew, Elsewhere, Reach, Search};
use bundlegen::render::{Colour, render};
use bundlegen::source::Sources;
use bundlegen::{Input, Locked};

use crate::project::{Project, digest, layout};
use crate::support::Store;

/// Layouts that play the registry and the store.
#[derive(Debug, Default)]
struct Fake {
    registry: Option<PathBuf>,
    store: Option<PathBuf>,
    asked: RefCell<Vec<String>>,
    fetched: RefCell<Vec<String>>,
}

impl Elsewhere for Fake {
    fn repository(&self, reference: &Reference) -> Result<Box<dyn Source>, Error> {
        self.asked.borrow_mut().push(reference.familiar());
        let registry = self.registry.as_deref().unwrap_or(Path::new("/nonexistent"));
        Ok(Box::new(Layout::open(registry)?.unwrap()))
    }

    fn store(&self) -> Result<Option<Box<dyn Source>>, Error> {
        let Some(path) = &self.store else { return Ok(None) };
        Ok(Layout::open(path)?.map(|layout| Box::new(layout) as Box<dyn Source>))
    }

    fn fetch(&self, _: &dyn Source, reference: &Reference, _: &Image) -> Result<Box<dyn Source>, Error> {
        self.fetched.borrow_mut().push(reference.familiar());
        self.repository(reference).inspect(|_| drop(self.asked.borrow_mut().pop()))
    }
}

/// Looks for images as `lock` does, and writes what was found; else what was said.
fn lock(project: &Project, fake: &Rc<Fake>, reach: Reach, anew: Anew) -> Result<Locked, String> {
    let (mut d, mut sources) = (Diagnostics::default(), Sources::default());
    let directory = project.0.path().to_owned();
    let environment = Environment::load(&mut d, &mut sources, BTreeMap::new(), &[]).unwrap();
    let mut input = Input::new(vec![project.path("compose.yaml")], directory, environment);
    let elsewhere = Rc::clone(fake) as Rc<dyn Elsewhere>;
    input.search = Search { reach, anew, elsewhere: Some(elsewhere), ..Search::default() };
    let locked = bundlegen::lock(&mut d, &mut sources, &input);
    let locked = locked.map_err(|_| render(&d, &sources, 1000, Colour::None))?;
    fs::write(project.path("bundlegen.lock"), locked.text.as_deref().unwrap_or_default()).unwrap();
    Ok(locked)
}

fn service(rest: &str) -> Project {
    Project::new(&format!("name: shop\nservices:\n  web: {{{rest}, network_mode: none}}\n"))
}

/// What was asked of the registry in three runs: the first one, one with the lock of that, and an upgrade.
fn asked(rest: &str, registry: &Store) -> [usize; 3] {
    let project = service(rest);
    [Anew::None, Anew::None, Anew::All].map(|anew| {
        let fake = Rc::new(Fake { registry: Some(registry.path().to_owned()), ..Fake::default() });
        let _refused = lock(&project, &fake, Reach::Network, anew);
        fake.asked.borrow().len()
    })
}

#[test]
fn a_pull_policy_says_when_a_registry_is_asked() {
    let registry = layout("pushed", &["app", "shop-web"]);
    let app = digest(registry.path(), "app");
    let table = [
        ("image: app", [1, 0, 1]),
        ("image: app, pull_policy: missing", [1, 0, 1]),
        ("image: app, pull_policy: if_not_present", [1, 0, 1]),
        ("image: app, pull_policy: always", [1, 1, 1]),
        ("image: app, pull_policy: daily", [1, 1, 1]),
        ("image: app, pull_policy: weekly", [1, 1, 1]),
        ("image: app, pull_policy: every_12h", [1, 1, 1]),
        ("image: app, pull_policy: never", [0, 0, 0]),
        ("image: app, pull_policy: build", [0, 0, 0]),
        // What is built is not what a registry has, unless somebody says so.
        ("image: app, build: .", [0, 0, 0]),
        ("image: app, build: ., pull_policy: missing", [1, 0, 1]),
        // A name that nobody has chosen is not asked for: whoever took it there is a stranger.
        ("build: .", [0, 0, 0]),
        ("build: ., pull_policy: always", [0, 0, 0]),
        ("x-bundlegen: {rootfs: .}, image: app, command: [x]", [0, 0, 0]),
    ];
    for (rest, want) in table {
        assert_eq!(asked(rest, &registry), want, "{rest}");
    }
    // It has one content.
    assert_eq!(asked(&format!("image: 'app@{app}', pull_policy: always"), &registry), [1, 0, 0]);
}

#[test]
fn one_service_can_ask_for_the_image_of_another() {
    let registry = layout("pushed", &["app"]);
    let project = Project::new(
        "services:\n  web: {image: app, network_mode: none}\n  worker: {image: 'app:latest', network_mode: none, \
         pull_policy: always}\n",
    );
    let fake = Rc::new(Fake { registry: Some(registry.path().to_owned()), ..Fake::default() });
    lock(&project, &fake, Reach::Network, Anew::None).unwrap();
    lock(&project, &fake, Reach::Network, Anew::None).unwrap();
    assert_eq!(*fake.asked.borrow(), ["app:latest", "app:latest"]);
    assert_eq!(*fake.fetched.borrow(), ["app:latest"], "the users are known the second time");
}

#[test]
fn the_project_goes_before_the_registry() {
    let (here, registry) = (layout("here", &["app"]), layout("pushed", &["app", "other"]));
    let project = service("image: app, pull_policy: always");
    project.link("images", &here);
    let fake = Rc::new(Fake { registry: Some(registry.path().to_owned()), ..Fake::default() });
    lock(&project, &fake, Reach::Network, Anew::None).unwrap();
    assert!(fake.asked.borrow().is_empty() && project.lock().contains(&digest(here.path(), "app")));
    project.unlink("images");
    lock(&project, &fake, Reach::Network, Anew::None).unwrap();
    assert!(project.lock().contains(&digest(registry.path(), "app")));
    let missing = service("image: nowhere");
    let error = lock(&missing, &fake, Reach::Network, Anew::None).unwrap_err();
    assert!(error.contains("does not have the image `nowhere:latest`"), "{error}");
}

#[test]
fn a_build_asks_no_registry() {
    let registry = layout("pushed", &["app"]);
    let project = service("image: app");
    let fake = Rc::new(Fake { registry: Some(registry.path().to_owned()), ..Fake::default() });
    let error = lock(&project, &fake, Reach::Local, Anew::All).unwrap_err();
    assert!(error.contains("run `bundlegen lock`, which asks the registry"), "{error}");
    assert!(fake.asked.borrow().is_empty());
}

#[test]
fn what_cannot_be_looked_for_stays_as_it_is() {
    let here = layout("here", &["app"]);
    let project = service("image: app, pull_policy: never");
    project.link("images", &here);
    let fake = Rc::new(Fake::default());
    lock(&project, &fake, Reach::Network, Anew::None).unwrap();
    project.unlink("images");
    let locked = lock(&project, &fake, Reach::Network, Anew::All).unwrap();
    let why = &locked.kept["docker.io/library/app:latest"];
    assert!(why.ends_with("and `pull_policy` is `never`"), "{why}");
    assert_eq!(locked.before.unwrap().images, locked.after.images);
}

#[test]
fn users_are_looked_up_wherever_the_same_image_is() {
    let (registry, other) = (layout("pushed", &["app"]), layout("other", &["app"]));
    let project = service("image: app");
    let fake = Fake { registry: Some(registry.path().to_owned()), ..Fake::default() };
    lock(&project, &Rc::new(fake), Reach::Network, Anew::None).unwrap();
    let before = project.lock();
    project.write("compose.yaml", "services:\n  web: {image: app, user: www, network_mode: none}\n");
    // Nobody has it, or has another one under the name.
    project.link("images", &other);
    let without = Rc::new(Fake::default());
    let error = lock(&project, &without, Reach::Local, Anew::None).unwrap_err();
    let said = "the lock does not say who the user `www` is in `docker.io/library/app:latest`";
    assert!(error.contains(said) && error.contains("run `bundlegen lock`"), "{error}");
    project.unlink("images");
    // The store, the project by its digest, and the registry, in the reaches that go there.
    let stored = Fake { store: Some(registry.path().to_owned()), ..Fake::default() };
    let stored = lock(&project, &Rc::new(stored), Reach::Local, Anew::None).unwrap();
    project.write("bundlegen.lock", &before);
    project.link("images", &registry);
    let here = lock(&project, &without, Reach::Local, Anew::None).unwrap();
    project.unlink("images");
    project.write("bundlegen.lock", &before);
    let fake = Rc::new(Fake { registry: Some(registry.path().to_owned()), ..Fake::default() });
    let fetched = lock(&project, &fake, Reach::Network, Anew::None).unwrap();
    assert_eq!(*fake.fetched.borrow(), ["app:latest"]);
    assert_eq!((&stored.text, &here.text), (&here.text, &fetched.text));
    assert!(stored.text.unwrap().contains("www:\n        uid: 33"));
}
