//! `bundlegen completions`.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::{Cli, Outcome, complain, say};

/// For which shell.
#[derive(Clone, Copy, Debug, Args)]
pub struct CompletionsArgs {
    /// The shell that is to complete what is typed
    #[arg(value_name = "SHELL", value_enum)]
    pub shell: Shell,
}

pub(super) fn run(args: CompletionsArgs) -> Outcome {
    let mut script = Vec::new();
    // Nobody types what is hidden.
    let all = Cli::command().disable_help_subcommand(true);
    let typed: Vec<_> = all.get_subcommands().filter(|command| !command.is_hide_set()).cloned().collect();
    let options: Vec<_> = all.get_arguments().cloned().collect();
    let mut command = clap::Command::new("bundlegen").args(options).subcommands(typed);
    clap_complete::generate(args.shell, &mut command, "bundlegen", &mut script);
    match String::from_utf8(script) {
        Ok(script) => {
            say(&script);
            Outcome::Done
        }
        Err(error) => {
            complain(&format!("error: the script is not text: {error}\n"));
            Outcome::Failed
        }
    }
}
