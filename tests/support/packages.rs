//! Debian packages as layers: what `apt-get` downloads once is an archive of files already.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The archives of packages in their order, uncompressed; or why they cannot be had.
pub fn archives(packages: &[&str]) -> Result<Vec<Vec<u8>>, String> {
    let archive = |package: PathBuf| {
        let output = Command::new("dpkg-deb").arg("--fsys-tarfile").arg(&package).output();
        let output = output.map_err(|error| format!("dpkg-deb: {error}"))?;
        let errors = || format!("{}: {}", package.display(), String::from_utf8_lossy(&output.stderr));
        if output.status.success() { Ok(output.stdout) } else { Err(errors()) }
    };
    downloaded(packages)?.into_iter().map(archive).collect()
}

/// The packages, which are downloaded once.
fn downloaded(packages: &[&str]) -> Result<Vec<PathBuf>, String> {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("packages");
    fs::create_dir_all(&cache).unwrap();
    let missing: Vec<_> =
        packages.iter().copied().filter(|package| find(&cache, package).is_none()).collect();
    if !missing.is_empty() {
        download(&missing, &cache)?;
    }
    let found = |package: &&str| find(&cache, package).ok_or(format!("{package} was not downloaded"));
    packages.iter().map(found).collect()
}

fn find(cache: &Path, package: &str) -> Option<PathBuf> {
    let names = fs::read_dir(cache).unwrap().map(|entry| entry.unwrap().path());
    let prefix = format!("{package}_");
    names.filter(|path| path.extension().is_some_and(|end| end == "deb")).find(|path| {
        path.file_name().is_some_and(|name| name.to_str().is_some_and(|name| name.starts_with(&prefix)))
    })
}

/// Downloads into a directory beside the cache, as another test may look there for what is half written.
fn download(packages: &[&str], cache: &Path) -> Result<(), String> {
    let into = tempfile::tempdir_in(cache).unwrap();
    let apt = |args: &[&str]| {
        let output = Command::new("apt-get").args(args).arg("-q").current_dir(into.path()).output();
        let output = output.map_err(|error| format!("apt-get: {error}"))?;
        let errors = || format!("{}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr));
        if output.status.success() { Ok(()) } else { Err(errors()) }
    };
    let wanted = [&["download"], packages].concat();
    // What is known of packages may be nothing, or old.
    apt(&wanted).or_else(|_| apt(&["update"]).and_then(|()| apt(&wanted)))?;
    for entry in fs::read_dir(into.path()).unwrap().map(Result::unwrap) {
        fs::rename(entry.path(), cache.join(entry.file_name())).unwrap();
    }
    Ok(())
}
