//! Shows a fault to people: its place, what is wrong, and the line with carets below it.

use std::fmt::{self, Write};

use super::snippet::Snippet;
use super::{Fault, Note, Severity};

/// Whether what is shown has colours, which only a terminal understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// Text alone.
    Plain,
    /// With the colours of ANSI terminals (ECMA-48, select graphic rendition).
    Colour,
}

/// What is painted, by the code of its colour.
#[derive(Clone, Copy)]
enum Tone {
    Error = 31,
    Warning = 33,
    /// Line numbers, and marks of other places.
    Margin = 36,
    Place = 1,
}

impl Fault {
    /// The fault as a block of lines, the last of them without a line break.
    pub fn show(&self, paint: Paint) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _infallible = self.write(paint, &mut text);
        text
    }

    fn write(&self, paint: Paint, out: &mut impl Write) -> fmt::Result {
        if let Some(place) = &self.place {
            paint.write(Tone::Place, &format!("{place}:"), out)?;
            out.write_char(' ')?;
        }
        if self.severity == Severity::Warning {
            paint.write(Tone::Warning, "warning:", out)?;
            out.write_char(' ')?;
        }
        if !self.key.is_empty() {
            write!(out, "{}: ", self.key)?;
        }
        out.write_str(&self.message)?;
        if let Some(snippet) = &self.snippet {
            let mark = if self.severity == Severity::Error { Tone::Error } else { Tone::Warning };
            snippet.write(paint, mark, out)?;
        }
        let margin = self.snippet.as_ref().map_or(1, Snippet::margin);
        self.notes.iter().try_for_each(|note| note.write(paint, margin, out))
    }
}

impl fmt::Display for Fault {
    /// As a block of lines without colours.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(Paint::Plain, f)
    }
}

impl Note {
    /// Writes it below a snippet whose line number is `margin` wide.
    fn write(&self, paint: Paint, margin: usize, out: &mut impl Write) -> fmt::Result {
        out.write_char('\n')?;
        match &self.place {
            Some(place) => paint.write(Tone::Place, &format!("{place}:"), out)?,
            None => paint.write(Tone::Margin, &format!("{:margin$} =", ""), out)?,
        }
        write!(out, " {}", self.message)?;
        match &self.snippet {
            Some(snippet) => snippet.write(paint, Tone::Margin, out),
            None => Ok(()),
        }
    }
}

impl Snippet {
    /// How wide the line number is.
    fn margin(&self) -> usize {
        self.number.to_string().len()
    }

    fn write(&self, paint: Paint, mark: Tone, out: &mut impl Write) -> fmt::Result {
        let Self { number, line, below } = self;
        let margin = self.margin();
        let begin = |number: &str, out: &mut _| paint.write(Tone::Margin, &format!("\n{number:margin$} |"), out);
        begin("", out)?;
        begin(&number.to_string(), out)?;
        write!(out, " {line}")?;
        begin("", out)?;
        out.write_char(' ')?;
        paint.write(mark, below, out)
    }
}

impl Paint {
    fn write(self, tone: Tone, text: &str, out: &mut impl Write) -> fmt::Result {
        match self {
            Self::Plain => out.write_str(text),
            Self::Colour => write!(out, "\u{1b}[{}m{text}\u{1b}[0m", tone as u8),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::fault::{At, Beside, Report};
    use crate::source::SourceFile;

    use super::*;

    fn fault() -> Fault {
        let files = [SourceFile::new("a.toml", "x = 1\ny = 2\n")];
        let mut report = Report::new(&files);
        let beside = vec![Beside::place(At::new(0, 0..1), "it was here first"), Beside::reason("there is only one")];
        report.warn(At::new(0, 6..7), "y", "one too many", beside);
        report.into_findings().remove(0)
    }

    #[test]
    fn other_places_are_drawn_and_reasons_listed() {
        let expected = "a.toml:2:1: warning: y: one too many\n  |\n2 | y = 2\n  | ^\na.toml:1:1: it was here first\n  |\n1 | x = 1\n  | ^\n  = there is only one";
        assert_eq!(fault().show(Paint::Plain), expected);
        assert_eq!(fault().to_string(), expected);
    }

    #[test]
    fn colours_change_nothing_but_the_colour() {
        let coloured = fault().show(Paint::Colour);
        assert!(coloured.contains("\u{1b}[33m^\u{1b}[0m"), "{coloured:?}");
        let without = coloured
            .split('\u{1b}')
            .map(|piece| piece.split_once('m').filter(|_| piece.starts_with('[')).map_or(piece, |(_, text)| text));
        assert_eq!(without.collect::<String>(), fault().show(Paint::Plain));
    }
}
