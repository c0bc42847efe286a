//! What a process says: findings and remarks on standard error, results on standard output.
//!
//! How it says so is decided once, for the whole process: what is said deep inside a command has the same shape as
//! what its end says.

use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::OnceLock;

use clap::{Args, ColorChoice, ValueEnum};

use super::Outcome;
use crate::diag::Diagnostics;
use crate::printable::printable;
use crate::render::{Colour, Level, Message, messages, render};
use crate::source::Sources;

/// How messages look.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct MessageArgs {
    /// The shape of what is said on standard error
    #[arg(long, global = true, value_name = "FORMAT", value_enum, default_value = "human")]
    #[arg(help_heading = "Messages")]
    pub message_format: MessageFormat,
    /// Whether messages have colours; `auto` is for a terminal, unless `NO_COLOR` is set, or anywhere with
    /// `CLICOLOR_FORCE`
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value = "auto")]
    #[arg(help_heading = "Messages")]
    pub color: When,
}

/// The shape of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum MessageFormat {
    /// With the lines that are wrong
    #[default]
    Human,
    /// In one line: `file:line:column: error[code]: message`
    Short,
    /// In one line, as a JSON object
    Json,
}

/// When there are colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// Where a person reads along
    #[default]
    Auto,
    /// Also in a file or a pipe
    Always,
    /// Nowhere
    Never,
}

static CHOSEN: OnceLock<MessageArgs> = OnceLock::new();

/// Settles for this process how messages look.
pub(super) fn choose(args: MessageArgs) {
    // A second call would be a mistake of ours, and the first one has been heard.
    let _settled = CHOSEN.set(args);
}

fn chosen() -> MessageArgs {
    CHOSEN.get().copied().unwrap_or_default()
}

/// Whether a person reads what is said.
pub(super) fn are_for_people() -> bool {
    chosen().message_format == MessageFormat::Human
}

/// The columns of a report. Nothing asks the terminal: the same input gives the same text everywhere.
const WIDTH: usize = 100;

/// Shows everything found, on standard error.
pub(super) fn show(d: &Diagnostics, sources: &Sources) {
    let text = match chosen().message_format {
        MessageFormat::Human => render(d, sources, WIDTH, colour(chosen().color)),
        format => messages(d, sources).iter().map(|message| line(format, message)).collect(),
    };
    let _gone = io::stderr().write_all(text.as_bytes());
}

fn line(format: MessageFormat, message: &Message) -> String {
    match format {
        MessageFormat::Json => message.json(),
        MessageFormat::Human | MessageFormat::Short => message.short(),
    }
}

/// Follows <https://no-color.org> and <https://bixense.com/clicolors>, as `clap` does for its own messages.
fn colour(when: When) -> Colour {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let forced = || std::env::var_os("CLICOLOR_FORCE").is_some_and(|value| !value.is_empty() && value != "0");
    let is_able = || std::env::var_os("TERM").is_none_or(|term| term != "dumb");
    let coloured = match when {
        When::Always => true,
        When::Never => false,
        When::Auto => !set("NO_COLOR") && (forced() || (io::stderr().is_terminal() && is_able())),
    };
    if coloured { Colour::Ansi } else { Colour::None }
}

/// Writes to standard error. A reader that has gone away is no reason to fail. Names of files may come from
/// strangers, and a terminal must not act on them.
pub(super) fn complain(text: &str) {
    let text = match chosen().message_format {
        MessageFormat::Human => printable(text).into_owned(),
        format => text.lines().map(|said| line(format, &Message::said(said))).collect(),
    };
    let _gone = io::stderr().write_all(text.as_bytes());
}

/// Writes to standard output, likewise.
pub(super) fn say(text: &str) {
    let _gone = io::stdout().write_all(printable(text).as_bytes());
}

/// How `clap` is to colour its own messages.
impl From<When> for ColorChoice {
    fn from(when: When) -> Self {
        match when {
            When::Auto => ColorChoice::Auto,
            When::Always => ColorChoice::Always,
            When::Never => ColorChoice::Never,
        }
    }
}

/// How messages are to look, from a command line that may have mistakes, so that these are told in that way too.
pub(super) fn wanted(words: &[OsString]) -> MessageArgs {
    fn of<T: ValueEnum + Default>(words: &[OsString], name: &str) -> T {
        let words = || words.iter().map(|word| word.to_str().unwrap_or("")).take_while(|word| *word != "--");
        let next = words().skip(1).chain([""]);
        let values = words().zip(next).filter_map(|(word, next)| match word.strip_prefix(name) {
            Some("") => Some(next),
            Some(rest) => rest.strip_prefix('='),
            None => None,
        });
        values.last().and_then(|value| T::from_str(value, false).ok()).unwrap_or_default()
    }
    MessageArgs { message_format: of(words, "--message-format"), color: of(words, "--color") }
}

/// Says what is wrong with a command line, or prints the help that was asked for.
pub(super) fn usage(error: &clap::Error, args: MessageArgs) -> Outcome {
    if args.message_format == MessageFormat::Human || !error.use_stderr() {
        let _gone = error.print();
    } else {
        let message = misused(&error.render().to_string());
        let _gone = io::stderr().write_all(line(args.message_format, &message).as_bytes());
    }
    if error.use_stderr() { Outcome::Misused } else { Outcome::Done }
}

/// The first paragraph says what is wrong, the others how it could be right.
fn misused(text: &str) -> Message {
    let mut paragraphs = text
        .split("\n\n")
        .map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|paragraph| !paragraph.is_empty());
    let first = paragraphs.next().unwrap_or_default();
    let message = first.strip_prefix("error: ").unwrap_or(&first).to_owned();
    let help = paragraphs.filter(|paragraph| !paragraph.starts_with("For more information"));
    let help = help.collect::<Vec<_>>().join("; ");
    Message { help: (!help.is_empty()).then_some(help), ..Message::new(Level::Error, message) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_command_line_says_how_it_is_told_so() {
        let wanted = |line: &str| {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            let args = wanted(&words);
            (args.message_format, args.color)
        };
        assert_eq!(wanted("bundlegen build --nonsense"), (MessageFormat::Human, When::Auto));
        assert_eq!(wanted("b --message-format json --color=never"), (MessageFormat::Json, When::Never));
        assert_eq!(wanted("b --message-format=short --message-format"), (MessageFormat::Human, When::Auto));
        assert_eq!(wanted("b -- --message-format json"), (MessageFormat::Human, When::Auto));
        assert_eq!(wanted("b --message-formats=json --colors always"), (MessageFormat::Human, When::Auto));
    }

    #[test]
    fn usage_is_one_message() {
        let text = "error: the following were not provided:\n  <SERVICE>\n\nUsage: b explain <SERVICE>\n\nFor more \
                    information, try '--help'.\n";
        let message = misused(text);
        assert_eq!(message.message, "the following were not provided: <SERVICE>");
        assert_eq!(message.help.as_deref(), Some("Usage: b explain <SERVICE>"));
    }
}
