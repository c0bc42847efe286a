//! How far fetching and unpacking have got, as a bar on a terminal.
//!
//! A bar is drawn on standard error and gone when it is done: what stays is the lines. Nothing is drawn where somebody
//! else than a person reads along.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _};

use indicatif::{ProgressBar, ProgressStyle};

use crate::image::Digest;
use crate::prepare::{Fetched, Progress};

const STYLE: &str = "{msg} [{bar:20}] {decimal_bytes} of {decimal_total_bytes}";

/// The bar that is drawn, if any.
pub(super) struct Bars {
    is_wanted: bool,
    bar: Option<ProgressBar>,
    /// How much of each blob is here.
    blobs: BTreeMap<Digest, u64>,
}

impl Bars {
    /// None is drawn.
    pub fn none() -> Self {
        Bars { is_wanted: false, bar: None, blobs: BTreeMap::new() }
    }

    /// Drawn on a terminal that can move back to the beginning of a line.
    pub fn for_terminal() -> Self {
        let is_able = std::env::var_os("TERM").is_some_and(|term| !term.is_empty() && term != "dumb");
        let is_seen = io::stdout().is_terminal() && io::stderr().is_terminal();
        Bars { is_wanted: is_able && is_seen, ..Bars::none() }
    }

    /// Draws a step; says whether there is nothing else to be said of it.
    pub fn take(&mut self, progress: &Progress) -> bool {
        match progress {
            Progress::Fetched(Fetched { blob, bytes }) => {
                self.blobs.insert(blob.clone(), *bytes);
                self.at(self.blobs.values().fold(0, |sum: u64, bytes| sum.saturating_add(*bytes)));
                return true;
            }
            Progress::Read { bytes } => {
                self.at(*bytes);
                return true;
            }
            Progress::Fetching { image, bytes, .. } => {
                self.draw(*bytes, format!("fetching {}", image.familiar()));
            }
            Progress::Unpacking { bundle, bytes, .. } => self.draw(*bytes, format!("{bundle}: unpacking")),
            _ => self.clear(),
        }
        self.is_wanted && self.bar.is_some()
    }

    fn draw(&mut self, total: u64, message: String) {
        self.clear();
        if self.is_wanted {
            let style = ProgressStyle::with_template(STYLE).map(|style| style.progress_chars("=> "));
            let bar = ProgressBar::new(total).with_message(message);
            self.bar = Some(bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())));
        }
    }

    fn at(&self, bytes: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(bytes.min(bar.length().unwrap_or(bytes)));
        }
    }

    /// Takes the bar away.
    pub fn clear(&mut self) {
        self.blobs.clear();
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}
