//! Archives of `docker save`, made by hand.

use bundlegen::image::{DockerArchive, Layout};

use super::*;

/// An archive under construction.
pub struct Docker {
    pub tar: Tar,
    pub list: Vec<Value>,
}

impl Docker {
    pub fn new() -> Self {
        Docker { tar: Tar::new(), list: Vec::new() }
    }

    pub fn bytes(mut self, name: &str, bytes: &[u8]) -> Self {
        self.tar = self.tar.raw(Head::new(b'0', name).size(bytes.len() as u64), bytes);
        self
    }

    /// Lists an image whose layers are in the archive.
    pub fn list(mut self, tags: &[&str], config: &str, layers: &[&str]) -> Self {
        let tags = if tags.is_empty() { Value::Null } else { json!(tags) };
        self.list.push(json!({"Config": config, "RepoTags": tags, "Layers": layers}));
        self
    }

    /// Adds an image as Docker before 25 does.
    pub fn image(self, tags: &[&str], layers: &[Blob]) -> Self {
        let config = Store::configuration("amd64", layers).to_string();
        let config_name = format!("{}.json", Digest::sha256(config.as_bytes()).hex());
        let mut this = self.bytes(&config_name, config.as_bytes());
        let mut names = Vec::new();
        for layer in layers {
            let id = Digest::sha256(format!("{config_name}{}", names.len()).as_bytes()).hex().to_owned();
            this.tar = this.tar.dir(&format!("{id}/"));
            this = this.bytes(&format!("{id}/VERSION"), b"1.0").bytes(&format!("{id}/json"), b"{}");
            names.push(format!("{id}/layer.tar"));
            this = this.bytes(names.last().unwrap(), &layer.bytes);
        }
        this.list(tags, &config_name, &names.iter().map(String::as_str).collect::<Vec<_>>())
    }

    pub fn end(mut self) -> Vec<u8> {
        let list = json!(self.list).to_string();
        self = self.bytes("manifest.json", list.as_bytes()).bytes("repositories", b"{}");
        self.tar.end()
    }
}

fn layers() -> [Blob; 2] {
    let upper = Tar::new().file("etc/name", "app").file("upper", "").end();
    [layer("lower"), plain(upper)]
}

#[test]
fn an_image_gets_the_manifest_that_docker_gives_it() {
    let bytes = Docker::new().image(&["app:1", "team/app:latest"], &layers()).end();
    let config = Store::configuration("amd64", &layers()).to_string();
    let [lower, upper] = layers();
    let want = format!(
        "{{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"config\":{{\"mediaType\":\
         \"application/vnd.oci.image.config.v1+json\",\"digest\":\"{}\",\"size\":{}}},\"layers\":[{{\"mediaType\":\
         \"application/vnd.oci.image.layer.v1.tar\",\"digest\":\"{}\",\"size\":{}}},{{\"mediaType\":\
         \"application/vnd.oci.image.layer.v1.tar\",\"digest\":\"{}\",\"size\":{}}}]}}",
        Digest::sha256(config.as_bytes()),
        config.len(),
        lower.diff_id,
        lower.bytes.len(),
        upper.diff_id,
        upper.bytes.len()
    );
    let digest = Digest::sha256(want.as_bytes());
    for bytes in [bytes.clone(), gzipped(&bytes)] {
        let file = File::new(&bytes);
        // By its digest first: nobody has asked for a name before.
        let archive = DockerArchive::open(&file.path()).unwrap().unwrap();
        assert_eq!(
            archive.manifest(&digest).unwrap().map(|m| String::from_utf8(m).unwrap()),
            Some(want.clone())
        );
        assert_eq!(archive.names(), ["app:1", "team/app:latest"]);
        for name in ["app:1", "team/app", &format!("x@{digest}")] {
            assert_eq!(found(&archive, name), digest.to_string(), "{name}");
        }
        assert!(find(&archive, "app").unwrap().is_none());
        assert!(find(&archive, &format!("x@{}", Digest::sha256(b""))).unwrap().is_none());
    }
    // The same image by the list of OCI beside it.
    let mut store = Store::new();
    let config = store.blob(support::CONFIG, config.as_bytes());
    for layer in layers() {
        store.blob(support::TAR, &layer.bytes);
    }
    let manifest = store.blob(support::MANIFEST, want.as_bytes());
    store.name("app:1", manifest);
    let mut docker = Docker { tar: packed(&store), list: Vec::new() };
    let names = layers().map(|layer| format!("blobs/sha256/{}", &layer.diff_id[7..]));
    docker = docker.list(
        &["app:1"],
        &format!("blobs/sha256/{}", hex(&config)),
        &names.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    let both = File::new(&docker.end());
    let old = File::new(&bytes);
    let tree = unpacked(&*old.open("x.tar").unwrap(), "app");
    assert_eq!(tree["etc/name"].rsplit(' ').next(), Some(&*Digest::sha256(b"app").to_string()));
    for name in ["x.tar", "oci-archive:x.tar", "docker-archive:x.tar", "docker-archive:x.tar:app:1"] {
        let source = both.open(name).unwrap();
        assert_eq!(found(&*source, "app:1"), digest.to_string(), "{name}");
        assert_eq!(unpacked(&*source, "app"), tree, "{name}");
    }
}

#[test]
fn layers_may_be_compressed() {
    let (lower, upper) = (layer("lower"), Tar::new().file("upper", "").end());
    let layers = [lower, gzip(&upper), support::zstd(&Tar::new().file("top", "").end())];
    let file = File::new(&Docker::new().image(&["app"], &layers).end());
    let source = file.open("docker-archive:x.tar").unwrap();
    let image = find(&*source, "app").unwrap().unwrap();
    let types: Vec<_> = image.layers.iter().map(|layer| layer.media_type.as_str()).collect();
    assert_eq!(types, [support::TAR, &format!("{}+gzip", support::TAR), &format!("{}+zstd", support::TAR)]);
    assert_eq!(image.layers[1].digest, Digest::sha256(&layers[1].bytes));
    // The digest of a layer is enough to get it.
    let fresh = DockerArchive::open(&file.path()).unwrap().unwrap();
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut fresh.blob(&image.layers[2], 3).unwrap().unwrap(), &mut bytes).unwrap();
    assert_eq!(bytes, layers[2].bytes[3..]);
    let mut store = Store::new();
    store.name("app", store.image("amd64", &layers));
    let layout = Layout::open(store.path()).unwrap().unwrap();
    assert_eq!(unpacked(&*source, "app"), unpacked(&layout, "app"));
}

#[test]
fn several_images_share_layers_by_links() {
    let shared = layer("shared");
    let base = Docker::new().image(&["base"], &[layer("shared")]);
    let first = base.list[0]["Layers"][0].as_str().unwrap().to_owned();
    let config =
        Store::configuration("amd64", &[shared, plain(Tar::new().file("top", "").end())]).to_string();
    let config_name = format!("{}.json", Digest::sha256(config.as_bytes()).hex());
    let mut docker = base.bytes(&config_name, config.as_bytes());
    docker.tar = docker.tar.symlink("linked/layer.tar", &format!("../{first}")).hard_link("hard.tar", &first);
    docker = docker.bytes("top/layer.tar", &Tar::new().file("top", "").end());
    docker = docker.list(&["app", "app:1"], &config_name, &["linked/layer.tar", "top/layer.tar"]);
    docker = docker.list(&[], &config_name, &["./hard.tar", "top//layer.tar"]);
    let file = File::new(&docker.end());
    let source = file.open("x.tar").unwrap();
    assert_eq!(source.to_string(), format!("the Docker archive {}", file.path().display()));
    let app = found(&*source, "app");
    assert_eq!(found(&*source, "app:1"), app);
    assert!(found(&*source, "base") != app);
    assert!(unpacked(&*source, "app:1").contains_key("etc/name"));
    assert_eq!(found(&*file.open("docker-archive:x.tar:@2").unwrap(), "anything"), app);
    assert_eq!(found(&*file.open("docker-archive:x.tar:docker.io/library/app:1").unwrap(), "anything"), app);
    let error = find(&*source, "redis").unwrap_err();
    assert!(error.contains("only base, app, app:1; choose one by its name"), "{error}");
}

#[test]
fn the_damage_of_one_image_is_not_that_of_another() {
    let mut docker = Docker::new().image(&["app"], &layers());
    docker = docker.list(&["broken"], "missing.json", &[]);
    docker.list.rotate_right(1);
    let file = File::new(&docker.end());
    let archive = DockerArchive::open(&file.path()).unwrap().unwrap();
    let app: Digest = found(&archive, "app").parse().unwrap();
    assert!(find(&archive, "broken").unwrap_err().contains("missing.json: not in the archive"));
    let fresh = DockerArchive::open(&file.path()).unwrap().unwrap();
    assert!(image::by_manifest(&fresh, &app).unwrap().is_some());
    assert!(
        image::by_manifest(&fresh, &Digest::sha256(b"")).unwrap_err().to_string().contains("missing.json")
    );
}
