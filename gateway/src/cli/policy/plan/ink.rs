//! Colours on a terminal, and none elsewhere.

use std::io::{IsTerminal, stdout};

use tradewind_policies::plan::Weight;

/// Whether what is printed is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    Plain,
    Coloured,
}

impl Ink {
    /// Colours where standard output is a terminal, and `NO_COLOR` (no-color.org) is not set.
    pub(super) fn of_stdout() -> Self {
        let is_unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        if stdout().is_terminal() && !is_unwanted { Self::Coloured } else { Self::Plain }
    }

    /// The text in the colour of its weight.
    pub(super) fn weigh(self, weight: Weight, text: &str) -> String {
        match weight {
            Weight::Gain => self.paint("32", text),
            Weight::Other => self.paint("33", text),
            Weight::Loss => self.paint("31", text),
            Weight::Warning => self.paint("1;31", text),
        }
    }

    /// The text of a heading.
    pub(super) fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Coloured => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        }
    }
}

/// The sign before a line.
pub(super) const fn sign(weight: Weight) -> char {
    match weight {
        Weight::Gain => '+',
        Weight::Other => '~',
        Weight::Loss => '-',
        Weight::Warning => '!',
    }
}
