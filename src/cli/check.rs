//! `bundlegen check`.

use std::fmt::Write;
use std::path::PathBuf;

use super::project::{Built, from_lock};
use super::{BuildArgs, ComposeArgs, Outcome, ProjectArgs, complain, say};
use crate::compose::value::runtime::RuntimeVersion;
use crate::disk::{Change, Error, Plan, diff, plan, plan_file};
use crate::project::Unused;
use crate::shell::line;

pub(super) fn run(args: &ProjectArgs) -> Outcome {
    let plans = match from_lock(&args.build, &args.files, Unused::Refused) {
        Ok(built) => compare(&built),
        Err(outcome) => return outcome,
    };
    match plans {
        Ok(plans) if plans.iter().all(Plan::is_empty) => {
            say("up to date\n");
            Outcome::Done
        }
        Ok(plans) => {
            say(&plans.iter().map(diff).collect::<String>());
            complain(&advice(args, &plans));
            Outcome::Wrong
        }
        Err(error) => {
            complain(&format!("error: {error}\n"));
            Outcome::Failed
        }
    }
}

fn compare(built: &Built) -> Result<Vec<Plan>, Error> {
    let bundles = plan(&built.compiled.tree, &built.bundles)?;
    let lock = built.compiled.lock.as_ref().map(|lock| plan_file(&built.lock, lock.clone().into_bytes()));
    Ok(lock.transpose()?.into_iter().chain([bundles]).collect())
}

/// What mends it: a build for what is ours, and the user's own hand for what is not.
fn advice(args: &ProjectArgs, plans: &[Plan]) -> String {
    let mut out = String::new();
    let changes =
        || plans.iter().flat_map(|plan| plan.changes().map(move |(path, change)| (plan, path, change)));
    if changes().any(|(_, _, change)| !matches!(change, Change::Foreign | Change::InTheWay(_))) {
        let _infallible = writeln!(out, "to mend it: {}", command(args));
    }
    for (plan, path, change) in changes() {
        if matches!(change, Change::Foreign | Change::InTheWay(_)) {
            let _infallible = writeln!(out, "to mend it, move it away: {}", plan.dir().join(path).display());
        }
    }
    out
}

/// The `build` with the same arguments.
fn command(args: &ProjectArgs) -> String {
    let mut words = vec!["bundlegen".to_owned(), "build".to_owned()];
    words.extend(args.files.iter().map(|file| file.display().to_string()));
    for (option, values) in options(&args.build) {
        words.extend(values.into_iter().flat_map(|value| [option.to_owned(), value]));
    }
    line(words.iter().map(String::as_str))
}

/// The options of a build with their values.
fn options(args: &BuildArgs) -> [(&'static str, Vec<String>); 17] {
    let paths = |paths: &[PathBuf]| paths.iter().map(|path| path.display().to_string()).collect();
    let path = |path: &Option<PathBuf>| paths(path.as_slice());
    let ComposeArgs { file, project_directory, project_name, env_file, profile } = &args.compose;
    [
        ("-f", paths(file)),
        ("--project-directory", path(project_directory)),
        ("-p", project_name.iter().cloned().collect()),
        ("--env-file", paths(env_file)),
        ("--profile", profile.clone()),
        ("--env", args.expected.clone()),
        ("-o", path(&args.output)),
        ("--platform", args.platform.iter().map(ToString::to_string).collect()),
        ("--cgroup-manager", args.cgroup_manager.iter().map(ToString::to_string).collect()),
        ("--init", args.init.iter().map(ToString::to_string).collect()),
        ("--target", args.target.iter().map(RuntimeVersion::option).collect()),
        ("--features", paths(&args.features)),
        ("--rootless", args.rootless.iter().map(ToString::to_string).collect()),
        ("--userns-map", args.userns_map.iter().map(ToString::to_string).collect()),
        ("--hook", args.hook.iter().map(ToString::to_string).collect()),
        ("--resolv-conf", args.resolv_conf.iter().map(ToString::to_string).collect()),
        ("--proot", args.proot.iter().map(ToString::to_string).collect()),
    ]
}
