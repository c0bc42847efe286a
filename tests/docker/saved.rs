//! Images that `docker save` has written, and what is unpacked from them.

use std::path::Path;
use std::process::Command;

use bundlegen::image::{self, Image, Layout, Source, open_path};
use libtest_mimic::Failed;

use super::daemon::Docker;
use crate::containers::host::Host;

/// Holds the archive of two images that share a layer to the layout that Docker has them from.
pub fn compare(host: &Host, docker: &Docker) -> Result<(), Failed> {
    let dir = tempfile::tempdir()?;
    let archive = dir.path().join("saved.tar");
    docker.save(&["busybox:latest", "app:latest"], &archive)?;
    let layout = Layout::open(&host.images)?.ok_or("no layout")?;
    let saved = open_path(&archive)?.ok_or("no archive")?;
    let again = open_path(&archive)?.ok_or("no archive")?;
    for name in ["busybox", "app"] {
        let (want, found) = (find(&layout, name)?, find(&*saved, name)?);
        // Docker writes a configuration of its own, with what it knows of how the image was built.
        let says = |image: &Image| {
            let says = image.configuration.clone();
            (says.entrypoint, says.cmd, says.env, says.user, says.diff_ids)
        };
        if says(&want) != says(&found) {
            return Err(format!("{:?}\n{:?}", want.configuration, found.configuration).into());
        }
        if found.manifest != find(&*again, name)?.manifest {
            return Err(format!("{saved}: another manifest").into());
        }
        let (ours, theirs) = (dir.path().join(format!("{name}-ours")), dir.path().join(name));
        for (source, image, into) in [(&layout as &dyn Source, &want, &ours), (&*saved, &found, &theirs)] {
            std::fs::create_dir(into)?;
            image::unpack(source, image, into)?;
        }
        same(&ours, &theirs)?;
    }
    Ok(())
}

fn find(source: &dyn Source, name: &str) -> Result<Image, Failed> {
    let image = image::find(source, &name.parse()?, &"linux/amd64".parse()?)?;
    image.ok_or_else(|| format!("{name} is not in {source}").into())
}

/// Compares two trees with all that an archive of them says.
fn same(one: &Path, other: &Path) -> Result<(), Failed> {
    let list = |root: &Path| {
        let script =
            "find . -printf '%p %y %m %U %G %l %T@\\n' | sort && find . -type f | sort | xargs sha256sum";
        let output = Command::new("sh").args(["-c", script]).current_dir(root).output()?;
        String::from_utf8(output.stdout).map_err(Failed::from)
    };
    let (one, other) = (list(one)?, list(other)?);
    // The root itself is not of the image.
    let inside =
        |text: &str| text.lines().filter(|line| !line.starts_with(". ")).collect::<Vec<_>>().join("\n");
    if inside(&one) == inside(&other) { Ok(()) } else { Err(format!("{one}\n{other}").into()) }
}
