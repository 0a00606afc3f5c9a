//! Log lines: on standard error, for a human on a terminal, as JSON for a collector otherwise.
//!
//! Standard output stays free for what a command prints. Nothing is redacted here: what must not be logged is a type
//! whose `Debug` prints `[redacted]`, so that no line can be forgotten.

use std::io::{self, IsTerminal as _};

use thiserror::Error;
use tracing::Subscriber;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, fmt};

use crate::config::{LogFormat, LogSettings};

/// Logging could not be set up.
#[derive(Debug, Error)]
pub enum LoggingError {
    /// The filter does not parse.
    #[error("log filter {filter:?} is not usable ({source})")]
    Filter {
        /// The filter.
        filter: String,
        /// Why.
        source: tracing_subscriber::filter::ParseError,
    },
    /// The process already logs elsewhere.
    #[error("logging is already set up in this process")]
    AlreadySet(#[from] tracing_subscriber::util::TryInitError),
}

/// The shape of a line, once the kind of standard error is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Coloured,
    Plain,
    Json,
}

/// Starts logging for the whole process; call once, before anything is logged.
///
/// # Errors
/// When the process already has a logger.
pub fn init(settings: &LogSettings) -> Result<(), LoggingError> {
    let shape = shape(settings.format, Terminal::of_process());
    match shape {
        Shape::Json => subscriber_json(settings, io::stderr)?.try_init()?,
        Shape::Coloured | Shape::Plain => subscriber_human(settings, shape, io::stderr)?.try_init()?,
    }
    Ok(())
}

/// What standard error is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Terminal {
    /// One that shows colours.
    Colour,
    /// One whose user does not want them (<https://no-color.org>).
    NoColour,
    /// None, but a file or a pipe.
    Absent,
}

impl Terminal {
    fn of_process() -> Self {
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        match (io::stderr().is_terminal(), no_colour) {
            (false, _) => Self::Absent,
            (true, true) => Self::NoColour,
            (true, false) => Self::Colour,
        }
    }
}

fn shape(format: LogFormat, terminal: Terminal) -> Shape {
    match (format, terminal) {
        (LogFormat::Json, _) | (LogFormat::Auto, Terminal::Absent) => Shape::Json,
        (LogFormat::Human | LogFormat::Auto, Terminal::Colour) => Shape::Coloured,
        (LogFormat::Human, Terminal::Absent) | (LogFormat::Human | LogFormat::Auto, Terminal::NoColour) => Shape::Plain,
    }
}

fn filter(settings: &LogSettings) -> Result<EnvFilter, LoggingError> {
    let filter = settings.filter.as_str();
    EnvFilter::builder().parse(filter).map_err(|source| LoggingError::Filter { filter: filter.to_owned(), source })
}

fn subscriber_human<W>(
    settings: &LogSettings,
    shape: Shape,
    writer: W,
) -> Result<impl Subscriber + Send + Sync + 'static, LoggingError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    Ok(fmt().with_env_filter(filter(settings)?).with_ansi(shape == Shape::Coloured).with_writer(writer).finish())
}

/// The event's fields stand at the top level and the fields of its innermost span (the request's) in `span`:
/// collectors index the first without unpacking, and a request's every line carries its id.
fn subscriber_json<W>(settings: &LogSettings, writer: W) -> Result<impl Subscriber + Send + Sync + 'static, LoggingError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    Ok(fmt()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_env_filter(filter(settings)?)
        .with_writer(writer)
        .finish())
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::Value;

    use super::*;

    /// Collects what would have gone to standard error.
    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Sink {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    fn settings(filter: &str) -> LogSettings {
        LogSettings { filter: filter.parse().unwrap(), ..LogSettings::default() }
    }

    #[test]
    fn auto_is_human_on_a_terminal_and_json_otherwise() {
        assert_eq!(shape(LogFormat::Auto, Terminal::Colour), Shape::Coloured);
        assert_eq!(shape(LogFormat::Auto, Terminal::NoColour), Shape::Plain);
        assert_eq!(shape(LogFormat::Auto, Terminal::Absent), Shape::Json);
        assert_eq!(shape(LogFormat::Human, Terminal::Absent), Shape::Plain);
        assert_eq!(shape(LogFormat::Json, Terminal::Colour), Shape::Json);
    }

    #[test]
    fn a_json_line_is_one_object_with_its_fields_and_its_span() {
        let sink = Sink::default();
        let writer = sink.clone();
        let subscriber = subscriber_json(&settings("info"), move || writer.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            let _request = tracing::info_span!("request", request_id = "r-1").entered();
            tracing::info!(status = 200, "done\nwith a line break");
            tracing::debug!("not asked for");
        });
        let text = sink.text();
        assert_eq!(text.lines().count(), 1, "{text}");
        let line: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["message"], "done\nwith a line break");
        assert_eq!(line["status"], 200);
        assert_eq!(line["span"]["request_id"], "r-1");
    }

    #[test]
    fn a_human_line_has_no_colour_codes_off_a_terminal() {
        let sink = Sink::default();
        let writer = sink.clone();
        let subscriber = subscriber_human(&settings("warn"), Shape::Plain, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(port = 8443, "busy");
            tracing::info!("not asked for");
        });
        let text = sink.text();
        assert!(text.contains("WARN") && text.contains("busy port=8443"), "{text}");
        assert!(!text.contains('\u{1b}') && !text.contains("not asked for"), "{text}");
    }
}
