//! Somebody who changes the root while it is made (CVE-2018-15664): a directory is swapped for a link and back, as
//! fast as it goes.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::ground::{Ground, everybody};
use crate::support::{Blob, Head, Store, Tar, gzip};

/// Swaps what has a name in any of the places for a link, until it is told to stop; says how often that went well.
fn swap(places: &[PathBuf], link: &Path, stop: &AtomicBool) -> u32 {
    let mut swapped = 0;
    while !stop.load(Ordering::Relaxed) {
        for place in places {
            let done = renameat_with(CWD, place, CWD, link, RenameFlags::EXCHANGE);
            swapped += u32::from(done.is_ok());
        }
    }
    swapped
}

/// Entries of all kinds in a directory `d` and below it.
fn layers() -> Vec<Blob> {
    let lower = (0..300).fold(Tar::new().dir("d").dir("d/deep"), |tar, i| {
        let tar = tar.file(&format!("d/f{i}"), "x").dir(&format!("d/deep/{i}")).dir(&format!("d/{i}"));
        let tar = tar.symlink(&format!("d/l{i}"), "deep").hard_link(&format!("d/h{i}"), &format!("d/f{i}"));
        tar.head(Head::new(b'5', "d").mode(0o777))
    });
    let upper = (0..300).fold(Tar::new(), |tar, i| {
        let tar = tar.file("d/.wh.canary", "").file("d/deep/dir/.wh.canary", "").file("d/.wh.deep", "");
        tar.file(&format!("d/.wh.f{i}"), "").file("d/canary", "evil").file(&format!("d/deep/dir/{i}"), "evil")
    });
    vec![gzip(&lower.end()), gzip(&upper.end())]
}

#[test]
fn directories_that_become_links() {
    for who in everybody() {
        let ground = Ground::new(*who);
        let mut store = Store::new();
        let one = store.image("amd64", &layers());
        store.name("app:1", one);
        let compose = "services: {app: {image: 'app:1', network_mode: none, user: '0:0', command: [x], \
                       volumes: ['data:/d']}}\nvolumes: {data: {}}\n";
        ground.build(compose, &store).succeeds();
        ground.plant();
        // Beside the root, so that the two can change places.
        let link = ground.at("project/bundles/app/.rootfs-link");
        symlink(ground.outside(), &link).unwrap();
        let before = ground.seen();
        let bundle = ground.at("project/bundles/app");
        let places = [bundle.join(".rootfs.partial/d"), bundle.join("rootfs/d")];
        let stop = AtomicBool::new(false);
        let begin = Instant::now();
        thread::scope(|scope| {
            let swaps = scope.spawn(|| swap(&places, &link, &stop));
            let (mut runs, mut whole) = (0, 0);
            while runs < 3 || (begin.elapsed() < Duration::from_secs(4) && runs < 40) {
                let _others = fs::remove_dir_all(bundle.join("rootfs"));
                let _others = fs::remove_dir_all(ground.at("project/bundles/volumes"));
                whole += u32::from(ground.prepare(&store).code == 0);
                runs += 1;
            }
            stop.store(true, Ordering::Relaxed);
            let swapped = swaps.join().unwrap();
            assert!(swapped > 10, "{swapped} swaps in {runs} runs, of which {whole} went well");
        });
        let after = ground.seen();
        for (path, was) in &before {
            assert_eq!(after.get(path), Some(was), "{} ({who:?})", path.display());
        }
        assert_eq!(before.len(), after.len(), "{who:?}");
        let copied = fs::read_to_string(ground.at("project/bundles/volumes/data/canary"));
        assert!(copied.is_err() || copied.unwrap() == "evil", "a volume has what is outside");
    }
}
