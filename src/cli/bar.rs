//! How far long work has got, as a bar on a terminal.
//!
//! A bar is drawn on standard error and gone when it is done: what stays is the lines. Nothing is drawn where somebody
//! else than a person reads along.

use std::io::{self, IsTerminal as _};

use indicatif::{ProgressBar, ProgressStyle};

use super::messages;

const STYLE: &str = "{msg} [{bar:20}] {decimal_bytes} of {decimal_total_bytes}";

/// A bar; it goes away when it is dropped.
pub(super) struct Bar(ProgressBar);

impl Bar {
    /// Whether bars are drawn at all: on a terminal that can move back to the beginning of a line, for people.
    pub(super) fn is_wanted() -> bool {
        let is_able = std::env::var_os("TERM").is_some_and(|term| !term.is_empty() && term != "dumb");
        let is_seen = io::stdout().is_terminal() && io::stderr().is_terminal();
        is_able && is_seen && messages::are_for_people()
    }

    /// Begins one for so many bytes.
    pub(super) fn new(total: u64, message: String) -> Self {
        let style = ProgressStyle::with_template(STYLE).map(|style| style.progress_chars("=> "));
        let bar = ProgressBar::new(total).with_message(message);
        Bar(bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())))
    }

    /// Draws how much is done.
    pub(super) fn at(&self, bytes: u64) {
        self.0.set_position(bytes.min(self.0.length().unwrap_or(bytes)));
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
