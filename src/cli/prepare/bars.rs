//! How far fetching and unpacking have got, one step after another.

use std::collections::BTreeMap;

use crate::cli::bar::Bar;
use crate::image::Digest;
use crate::prepare::{Fetched, Progress};

/// The bar that is drawn, if any.
pub(super) struct Bars {
    is_wanted: bool,
    bar: Option<Bar>,
    /// How much of each blob is here.
    blobs: BTreeMap<Digest, u64>,
}

impl Bars {
    /// None is drawn.
    pub fn none() -> Self {
        Bars { is_wanted: false, bar: None, blobs: BTreeMap::new() }
    }

    /// Drawn where a person reads along.
    pub fn for_terminal() -> Self {
        Bars { is_wanted: Bar::is_wanted(), ..Bars::none() }
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
            self.bar = Some(Bar::new(total, message));
        }
    }

    fn at(&self, bytes: u64) {
        if let Some(bar) = &self.bar {
            bar.at(bytes);
        }
    }

    /// Takes the bar away.
    pub fn clear(&mut self) {
        self.blobs.clear();
        self.bar = None;
    }
}
