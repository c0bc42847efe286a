//! From `build` of a service to the commands that make its image, for the programs that build.
//!
//! Options are those that `buildah`, `podman` and `docker buildx` have in common. Nothing is run here.

use std::fmt;
use std::path::Path;
use std::rc::Rc;

use crate::image::Platform;
use crate::load::in_project;
use crate::shell::{line, quoted};
use crate::yaml::{Node, Value};

/// How an image is built.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// The service it is for.
    pub service: Rc<str>,
    /// What it is called, as the file has it.
    pub image: Rc<str>,
    /// The services whose images it is built of.
    pub needs: Vec<Rc<str>>,
    /// The keys of `build` that no command says.
    pub left_out: Vec<Rc<str>>,
    context: String,
    /// A path, or `-` where it comes on the standard input.
    dockerfile: Option<String>,
    inline: Option<Rc<str>>,
    options: Vec<Word>,
}

/// A part of a command.
#[derive(Clone, Debug)]
enum Word {
    Plain(String),
    /// A context by its name, and the service that makes it.
    OfService(Rc<str>, Rc<str>),
}

/// A program that builds images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// `buildah build`.
    Buildah,
    /// `podman build`.
    Podman,
    /// `docker buildx build`.
    Docker,
}

impl Tool {
    /// All of them, the first one that is installed is taken: those that need no daemon go first.
    pub const ALL: [Tool; 3] = [Tool::Buildah, Tool::Podman, Tool::Docker];

    /// The name of the program.
    pub fn program(self) -> &'static str {
        match self {
            Tool::Buildah => "buildah",
            Tool::Podman => "podman",
            Tool::Docker => "docker",
        }
    }
}

/// A program with its arguments. Its text is a line for a shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The program, and its arguments.
    pub words: Vec<String>,
    /// What it reads.
    pub input: Option<Rc<str>>,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(input) = &self.input {
            write!(f, "printf %s {} | ", quoted(input))?;
        }
        f.write_str(&line(self.words.iter().map(String::as_str)))
    }
}

impl Recipe {
    /// Reads `build`. Paths start at the directory of the project.
    pub(super) fn new(service: &Rc<str>, image: &Rc<str>, build: &Node, directory: &Path) -> Self {
        let text = |key: &str| build.get(key).and_then(Node::as_str).filter(|text| !text.is_empty());
        let context = place(text("context").unwrap_or("."), directory);
        let inline = text("dockerfile_inline").map(Rc::from);
        let dockerfile = match (&inline, text("dockerfile")) {
            (Some(_), _) => Some("-".to_owned()),
            (None, Some(path)) if is_address(&context) => Some(path.to_owned()),
            (None, path) => path.map(|path| place(path, Path::new(&context))),
        };
        let mut recipe = Recipe {
            service: Rc::clone(service),
            image: Rc::clone(image),
            needs: Vec::new(),
            left_out: Vec::new(),
            context,
            dockerfile,
            inline,
            options: Vec::new(),
        };
        for entry in build.entries() {
            recipe.option(&entry.key, &entry.value, directory);
        }
        recipe
    }

    /// Takes over what a key of `build` says.
    fn option(&mut self, key: &Rc<str>, value: &Node, directory: &Path) {
        let is_on = || value.as_str().is_some_and(|text| text == "true");
        match &**key {
            "target" | "network" | "shm_size" => {
                if let Some(text) = value.as_str().filter(|text| !text.is_empty()) {
                    self.push(format!("--{}={text}", key.replace('_', "-")));
                }
            }
            "no_cache" if is_on() => self.push("--no-cache".to_owned()),
            "pull" if is_on() => self.push("--pull".to_owned()),
            "context" | "dockerfile" | "dockerfile_inline" | "no_cache" | "pull" => {}
            "args" => self.pairs("--build-arg", value),
            "labels" => self.pairs("--label", value),
            "ssh" => self.pairs("--ssh", value),
            "extra_hosts" => {
                for host in value.items().iter().filter_map(Node::as_str) {
                    self.push(format!("--add-host={}", host.replacen('=', ":", 1)));
                }
            }
            "additional_contexts" => {
                for entry in value.entries() {
                    self.context(&entry.key, entry.value.as_str().unwrap_or_default(), directory);
                }
            }
            _ => self.left_out.push(Rc::clone(key)),
        }
    }

    fn push(&mut self, word: String) {
        self.options.push(Word::Plain(word));
    }

    /// Names with values; a name alone is that of a variable, which the program looks up.
    fn pairs(&mut self, option: &str, value: &Node) {
        for entry in value.entries() {
            let value = match (&entry.value.value, entry.value.as_str()) {
                (Value::Null, _) | (_, None) => String::new(),
                (_, Some(text)) => format!("={text}"),
            };
            self.push(format!("{option}={}{value}", entry.key));
        }
    }

    fn context(&mut self, name: &Rc<str>, text: &str, directory: &Path) {
        if let Some(service) = text.strip_prefix("service:") {
            self.needs.push(service.into());
            self.options.push(Word::OfService(Rc::clone(name), service.into()));
        } else {
            self.push(format!("--build-context={name}={}", place(text, directory)));
        }
    }

    /// The commands that put the image into an OCI layout, under its name. `image_of` knows the images of other
    /// services.
    pub fn calls(
        &self,
        tool: Tool,
        platform: &Platform,
        layout: &Path,
        image_of: &dyn Fn(&str) -> Option<Rc<str>>,
    ) -> Vec<Call> {
        let layout = layout.display();
        let head: &[&str] = if tool == Tool::Docker { &["buildx", "build"] } else { &["build"] };
        let mut words = vec![tool.program().to_owned()];
        words.extend(head.iter().map(|&word| word.to_owned()));
        words.push(format!("--platform={platform}"));
        words.extend(self.dockerfile.iter().map(|path| format!("--file={path}")));
        let scheme = if tool == Tool::Docker { "docker-image" } else { "container-image" };
        words.extend(self.options.iter().map(|word| match word {
            Word::Plain(word) => word.clone(),
            Word::OfService(name, service) => {
                let image = image_of(service).unwrap_or_else(|| Rc::clone(service));
                format!("--build-context={name}={scheme}://{image}")
            }
        }));
        words.push(format!("--tag={}", self.image));
        if tool == Tool::Docker {
            words.push(format!("--output=type=oci,tar=false,dest={layout}"));
        }
        words.push(self.context.clone());
        let build = Call { words, input: self.inline.clone() };
        if tool == Tool::Docker {
            return vec![build];
        }
        let program = tool.program().to_owned();
        let push =
            [program, "push".to_owned(), self.image.to_string(), format!("oci:{layout}:{}", self.image)];
        vec![build, Call { words: push.into(), input: None }]
    }
}

/// Whether a context is on another machine.
fn is_address(context: &str) -> bool {
    context.contains("://") || ["github.com/", "git@"].iter().any(|start| context.starts_with(start))
}

/// A context as a program finds it from the working directory; never one of its options.
fn place(text: &str, directory: &Path) -> String {
    if is_address(text) {
        return text.to_owned();
    }
    let path = in_project(text, directory).to_string_lossy().into_owned();
    if path.starts_with('-') { format!("./{path}") } else { path }
}
