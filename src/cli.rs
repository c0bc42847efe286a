//! The command line: the only user of `clap`, and the only reader of arguments, environment and working directory.
#![allow(
    clippy::disallowed_methods,
    reason = "the environment and the working directory become explicit inputs here"
)]

mod bar;
mod build;
mod check;
mod completions;
mod config;
mod diff;
mod discovery;
mod explain;
mod graph;
mod hook;
mod inspect;
mod lint;
mod lock;
mod messages;
mod prepare;
mod project;
mod registries;
mod request;
mod schema;
mod search;
mod state;
mod store;

use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};

use crate::compose::value::absolute_path::AbsolutePath;
use crate::compose::value::cgroup_manager::CgroupManager;
use crate::compose::value::idmap::{HostUser, IdMap};
use crate::compose::value::init::InitPath;
use crate::compose::value::runtime::RuntimeVersion;
use crate::diag::Invalid;
use crate::image::Platform;
pub use completions::CompletionsArgs;
pub use diff::{DiffArgs, DiffFormat};
pub use hook::HookArgs;
pub use lint::{LintArgs, LintFormat};
pub use messages::{MessageArgs, MessageFormat, When};
use messages::{complain, say, show};
pub use registries::{MirrorOf, RegistryArgs};
pub use schema::{SchemaArgs, SchemaOf};
pub use search::ImageSource;
pub use state::{StateArgs, StateError};
pub use store::{ListArgs, ListFormat, PruneArgs, StoreArgs, StoreCommand, VerifyArgs};

/// Compile a Compose file into OCI bundles that runc and crun execute, with no daemon
#[derive(Debug, Parser)]
#[command(name = "bundlegen", version, max_term_width = 100)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a comment here would become that of the command")]
    pub messages: MessageArgs,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Compile the Compose file and write the bundles
    ///
    /// Reads the Compose file, its env files and the lock, and writes one bundle for each service, beside a list of
    /// checksums. An image that the lock lacks is looked for in the project, never on the network. Nothing is written
    /// when there is an error. The output depends on the inputs alone: not on the machine, the user, the time or the
    /// directory.
    Build(CompileArgs),
    /// Compare the bundles on disk with what `build` would write
    ///
    /// Writes nothing. Says for each file that differs whether it is out of date, edited by hand, missing or extra,
    /// and which command mends it. Images are known from the lock alone.
    Check(ProjectArgs),
    /// Find the images and write down which they are
    ///
    /// Writes bundlegen.lock, and nothing else: for each image of the project its digests, and what bundles take from it.
    /// An image that the lock has stays as it is, unless `--upgrade` or its `pull_policy` asks for it anew. Others are
    /// looked for in the project, and then in the registry that their name says. A line for each image says what
    /// became of it.
    Lock(LockArgs),
    /// Print the project as Compose understands it
    ///
    /// Merges the files, replaces the variables, writes out short forms, fills in defaults and makes paths absolute,
    /// as `docker compose config` does. Compose reads the output again as the same project.
    Config(ConfigArgs),
    /// Make the bundles ready to run on this host
    ///
    /// Verifies the checksums, unpacks the root file systems from the images, and creates the directories of volumes
    /// and of bind mounts in short form. An image is found by the digest that the bundles name: in what is named here,
    /// beside the bundles, among what was fetched before, or in its registry. Secrets that come from variables are
    /// taken from the environment. A second run does nothing.
    Prepare(PrepareArgs),
    /// Say where the values of a bundle come from
    ///
    /// Compiles the project, writes nothing, and names for every value of the service's `config.json` the place in a
    /// file, the part of the image or the default that decided it. A value that is not listed belongs to the nearest
    /// one around it that is.
    Explain(ExplainArgs),
    /// Print the project as a picture
    ///
    /// A flowchart of Mermaid, which GitHub and others draw in a Markdown text: services, networks, mounts, published ports,
    /// and who waits for whom.
    Graph(ProjectArgs),
    /// Say what is risky about the bundles
    ///
    /// Compiles the project, writes nothing, and holds every bundle to the rules that `--rules` lists. An image that the
    /// lock does not have is no error here: what it would bring is not looked at. What is meant can be allowed in the
    /// Compose file, with a reason. Findings alone are no failure, unless `--deny` names them.
    Lint(LintArgs),
    /// Say what changed in bundles, in words
    ///
    /// Compares two sets of bundles by service, mount, variable, port and so on, and says what changed with what it means
    /// for the risk. Each side is a directory of bundles, one bundle, or a revision of git, of which the output directory
    /// is read. Without the second, the first is compared with what `build` would write now, and places in the Compose
    /// file are said; without both, so are the bundles on disk.
    Diff(DiffArgs),
    /// Print bundles as a Compose file
    ///
    /// Says in the words of Compose what the `config.json` of a bundle says: mounts, limits, confinement, and what was
    /// handed on. Building the result again, with the lock beside it, gives the same `config.json`.
    Inspect(InspectArgs),
    /// Look after the images that are kept on this host
    ///
    /// `lock` and `prepare` keep what they fetch from a registry, for all projects of the user.
    Store(StoreArgs),
    /// Print what has a shell complete the commands, options and values
    ///
    /// The script goes to where the shell looks for those of programs, such as
    /// ~/.local/share/bash-completion/completions/bundlegen for bash.
    Completions(CompletionsArgs),
    /// Print a JSON Schema, for editors and other programs
    ///
    /// That of a Compose file with `x-bundlegen` says what a build takes. An editor that knows it completes keys and marks
    /// what is wrong.
    Schema(SchemaArgs),
    /// Attach containers to their networks: what the hooks of bundles call
    #[command(hide = true)]
    Hook(HookArgs),
}

/// Which Compose project is meant.
#[derive(Clone, Debug, Default, Args)]
pub struct ComposeArgs {
    /// A Compose file; several are merged, the later over the earlier, and `-` is standard input [default:
    /// what `COMPOSE_FILE` names, else compose.yaml, compose.yml, docker-compose.yml or docker-compose.yaml here or in
    /// a directory above, with the override file beside it]
    #[arg(short, long, value_name = "FILE")]
    pub file: Vec<PathBuf>,
    /// Where relative paths start, and where `.env` is [default: the directory of the first Compose file]
    #[arg(long, value_name = "DIR")]
    pub project_directory: Option<PathBuf>,
    /// The name of the project [default: as Compose finds it]
    #[arg(short, long, value_name = "NAME")]
    pub project_name: Option<String>,
    /// A file with variables, in place of `.env`; of several, the later over the earlier
    #[arg(long, value_name = "FILE")]
    pub env_file: Vec<PathBuf>,
    /// A profile to turn on; `*` is all of them
    #[arg(long, value_name = "PROFILE")]
    pub profile: Vec<String>,
}

/// The Compose project and what a build needs beside it.
#[derive(Debug, Args)]
pub struct ProjectArgs {
    /// The Compose files, as with `-f`
    #[arg(value_name = "FILE", conflicts_with = "file")]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a comment here would become that of the command")]
    pub build: BuildArgs,
}

/// What is compiled, and from which images.
#[derive(Debug, Args)]
pub struct CompileArgs {
    #[command(flatten)]
    #[allow(missing_docs, reason = "a comment here would become that of the command")]
    pub project: ProjectArgs,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a comment here would become that of the command")]
    pub images: ImageArgs,
    /// Take the images from the lock alone, which must be complete and have nothing that is not needed
    #[arg(long, conflicts_with_all = ["images", "image"])]
    pub locked: bool,
    /// Say nothing but what is wrong
    #[arg(short, long)]
    pub quiet: bool,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a comment here would become that of the command")]
    pub state: StateArgs,
}

/// Where images come from.
#[derive(Debug, Args)]
pub struct ImageArgs {
    /// An OCI image layout or archive with the images [default: images beside the Compose file]
    #[arg(long, value_name = "PATH")]
    pub images: Option<PathBuf>,
    /// An image and where it comes from, such as `app=oci-archive:app.tar`; it goes before all other places
    #[arg(long, value_name = "NAME=SOURCE", value_parser = value::<ImageSource>)]
    pub image: Vec<ImageSource>,
}

/// Which images are written down.
#[derive(Debug, Args)]
pub struct LockArgs {
    /// The Compose files, as with `-f`
    #[arg(value_name = "FILE", conflicts_with = "file")]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a comment here would become that of the command")]
    pub compose: ComposeArgs,
    /// Look for all images anew, or for those of these services
    #[arg(long, value_name = "SERVICE", num_args = 0.., require_equals = true, value_delimiter = ',')]
    pub upgrade: Option<Vec<String>>,
    /// Build the images that the file says how to build, or those of these services, with the first of buildah, podman
    /// and docker that is installed, and put them where the images are
    #[arg(long, value_name = "SERVICE", num_args = 0.., require_equals = true, value_delimiter = ',')]
    pub build: Option<Vec<String>>,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a comment here would become that of the command")]
    pub images: ImageArgs,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a comment here would become that of the command")]
    pub registries: RegistryArgs,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a comment here would become that of the command")]
    pub state: StateArgs,
    /// A variable of the environment that is meant to have a say in the output
    #[arg(long = "env", value_name = "NAME")]
    pub expected: Vec<String>,
    /// The platform the images are for [default: linux/amd64]
    #[arg(long, value_name = "PLATFORM", value_parser = value::<Platform>)]
    pub platform: Option<Platform>,
    /// Say nothing but what is wrong
    #[arg(short, long)]
    pub quiet: bool,
}

/// What a build is told, but for the files and the images.
#[derive(Debug, Args)]
pub struct BuildArgs {
    #[command(flatten)]
    #[allow(missing_docs, reason = "a comment here would become that of the command")]
    pub compose: ComposeArgs,
    /// A variable of the environment that is meant to have a say in the output
    #[arg(long = "env", value_name = "NAME")]
    pub expected: Vec<String>,
    /// Where the bundles are [default: bundles beside the Compose file]
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// The platform the bundles are for [default: linux/amd64]
    #[arg(long, value_name = "PLATFORM", value_parser = value::<Platform>)]
    pub platform: Option<Platform>,
    /// Who makes the control groups of the containers: cgroupfs or systemd
    #[arg(long, value_name = "MANAGER", value_parser = value::<CgroupManager>)]
    pub cgroup_manager: Option<CgroupManager>,
    /// The init process for `init: true`, a static program of the host [default: /usr/bin/docker-init]
    #[arg(long, value_name = "PATH", value_parser = value::<InitPath>)]
    pub init: Option<InitPath>,
    /// A runtime the bundles are for, such as runc-1.2 or crun-1.14 [default: runc-1.1 and crun-1.8]
    #[arg(long, value_name = "RUNTIME", value_parser = value::<RuntimeVersion>)]
    pub target: Vec<RuntimeVersion>,
    /// A file with what `runc features` or `crun features` printed on the host the bundles are for
    #[arg(long, value_name = "FILE")]
    pub features: Vec<PathBuf>,
    /// The user who runs the bundles without root
    #[arg(long, value_name = "UID[:GID]", value_parser = value::<HostUser>)]
    pub rootless: Option<HostUser>,
    /// Users and groups of the containers, and which of the host they are; `u:` or `g:` before it is for one of both
    /// [default: that of the process is the one who runs the bundles]
    #[arg(long, value_name = "CONTAINER:HOST:SIZE", value_parser = value::<IdMap>)]
    pub userns_map: Vec<IdMap>,
    /// Where `bundlegen` is on the host that runs the bundles: it attaches containers to their networks
    /// [default: /usr/local/bin/bundlegen]
    #[arg(long, value_name = "PATH", value_parser = value::<AbsolutePath>)]
    pub hook: Option<AbsolutePath>,
    /// The host's file that is `/etc/resolv.conf` of services that name no server [default: /etc/resolv.conf]
    #[arg(long, value_name = "PATH", value_parser = value::<AbsolutePath>)]
    pub resolv_conf: Option<AbsolutePath>,
    /// A static `proot` of the host, which maps ports where a user without root has neither pasta nor slirp4netns
    #[arg(long, value_name = "PATH", value_parser = value::<AbsolutePath>)]
    pub proot: Option<AbsolutePath>,
    /// Take warnings for errors
    #[arg(long)]
    pub deny_warnings: bool,
}

/// Bundles on the disk.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// A bundle, or a directory of bundles
    #[arg(value_name = "BUNDLE", required = true)]
    pub bundles: Vec<PathBuf>,
}

/// A value of a bundle.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The service, by the name of its bundle
    #[arg(value_name = "SERVICE")]
    pub service: String,
    /// A value of its `config.json`: a JSON pointer, such as `/process/args/0`, or words, such as `process.args` and
    /// `mounts[/data]` [default: all of it]
    #[arg(value_name = "POINTER", default_value = "")]
    pub pointer: String,
    /// How it is printed
    #[arg(long, value_enum, default_value = "text")]
    pub format: ExplainFormat,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a comment here would become that of the command")]
    pub build: BuildArgs,
}

/// How origins are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExplainFormat {
    /// A table
    Text,
    /// A list of JSON objects
    Json,
}

/// What is printed of a project.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// The services to print, with those they depend on; without `-f` and `COMPOSE_FILE`, what names a file is a Compose
    /// file
    #[arg(value_name = "SERVICE|FILE")]
    pub names: Vec<PathBuf>,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a comment here would become that of the command")]
    pub compose: ComposeArgs,
    /// How it is printed
    #[arg(long, value_enum, default_value = "yaml")]
    pub format: ConfigFormat,
    /// Leave variables as they are
    #[arg(long)]
    pub no_interpolate: bool,
    /// Leave paths as they are
    #[arg(long)]
    pub no_path_resolution: bool,
    /// Where to write it [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a comment here would become that of the command")]
    pub instead: Instead,
}

/// What is printed in place of the model.
#[derive(Debug, Args)]
#[group(multiple = false)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option of its own, as in Compose")]
pub struct Instead {
    /// Only look for mistakes, and print nothing
    #[arg(short, long)]
    pub quiet: bool,
    /// Print the names of the services
    #[arg(long)]
    pub services: bool,
    /// Print the names of the volumes
    #[arg(long)]
    pub volumes: bool,
    /// Print the names of the networks
    #[arg(long)]
    pub networks: bool,
    /// Print the images of the services
    #[arg(long)]
    pub images: bool,
    /// Print the profiles, also those that are off
    #[arg(long)]
    pub profiles: bool,
    /// Print the variables that the files see, with their values
    #[arg(long)]
    pub environment: bool,
    /// Print a digest of a service, or of all of them with `*`; it is not the one that Docker prints
    #[arg(long, value_name = "SERVICE")]
    pub hash: Option<String>,
}

/// How a model is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ConfigFormat {
    /// As YAML
    Yaml,
    /// As JSON
    Json,
}

/// The bundles to make ready.
#[derive(Debug, Args)]
pub struct PrepareArgs {
    /// Where the bundles are
    #[arg(value_name = "DIR", default_value = "bundles")]
    pub bundles: PathBuf,
    /// An OCI image layout or archive with images [default: images beside the bundles]
    #[arg(long, value_name = "PATH")]
    pub images: Option<PathBuf>,
    /// An image and where it comes from, such as `app=oci-archive:app.tar`; it goes before all other places
    #[arg(long, value_name = "NAME=SOURCE", value_parser = value::<ImageSource>)]
    pub image: Vec<ImageSource>,
    /// Ask no registry
    #[arg(long)]
    pub offline: bool,
    /// Say nothing but what is wrong or lacking
    #[arg(short, long)]
    pub quiet: bool,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a comment here would become that of the command")]
    pub registries: RegistryArgs,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a comment here would become that of the command")]
    pub state: StateArgs,
}

/// The value of an option, of a type that Compose files have too.
fn value<T: FromStr<Err = Invalid>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|invalid: Invalid| match invalid.help {
        Some(help) => format!("{}; {help}", invalid.message),
        None => invalid.message,
    })
}

/// What a run came to: the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done, or up to date: 0.
    Done,
    /// Errors in the input, or bundles that are not what they should be: 1.
    Wrong,
    /// Wrong usage: 2.
    Misused,
    /// The disk or another part of the system failed: 3.
    Failed,
}

impl Outcome {
    /// The exit code.
    pub fn code(self) -> u8 {
        match self {
            Outcome::Done => 0,
            Outcome::Wrong => 1,
            Outcome::Misused => 2,
            Outcome::Failed => 3,
        }
    }
}

/// Runs the process's own command line.
pub fn run() -> Outcome {
    let words: Vec<OsString> = std::env::args_os().collect();
    let wanted = messages::wanted(&words);
    let mut command = Cli::command().color(wanted.color.into());
    let parsed = command.try_get_matches_from_mut(words);
    let parsed = parsed
        .and_then(|matches| Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command)));
    match parsed {
        Ok(cli) => {
            messages::choose(cli.messages);
            execute(cli.command)
        }
        Err(error) => messages::usage(&error, wanted),
    }
}

fn execute(command: Command) -> Outcome {
    match command {
        Command::Build(args) => build::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Lock(args) => lock::run(&args),
        Command::Config(args) => config::run(&args),
        Command::Prepare(args) => prepare::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Graph(args) => graph::run(&args),
        Command::Lint(args) => lint::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Store(args) => store::run(&args),
        Command::Completions(args) => completions::run(args),
        Command::Schema(args) => schema::run(args),
        Command::Hook(args) => hook::run(&args),
    }
}
