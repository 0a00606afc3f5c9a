//! What templates expect of Python, where they are written and tried out.

use minijinja::value::Kwargs;
use minijinja::{Environment, Error, ErrorKind, Value};
use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

/// Gives values the methods that they have in Python, and writes JSON as Python does.
pub(super) fn imitate(environment: &mut Environment<'_>) {
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment.add_filter("tojson", to_json);
}

/// JSON with a space behind each comma and colon, or indented by so many; letters as they are.
fn to_json(value: &Value, options: Kwargs) -> Result<String, Error> {
    let indent: Option<usize> = options.get("indent")?;
    match indent {
        Some(spaces) => written(value, PrettyFormatter::with_indent(" ".repeat(spaces.min(MOST_INDENTED)).as_bytes())),
        None => written(value, Spaced),
    }
}

/// More spaces than that are no indentation.
const MOST_INDENTED: usize = 16;

fn written(value: &Value, formatter: impl Formatter) -> Result<String, Error> {
    let mut json = Vec::new();
    let fault = |error: String| Error::new(ErrorKind::BadSerialization, error);
    value.serialize(&mut Serializer::with_formatter(&mut json, formatter)).map_err(|error| fault(error.to_string()))?;
    String::from_utf8(json).map_err(|error| fault(error.to_string()))
}

/// Writes a space behind each comma and colon.
struct Spaced;

impl Formatter for Spaced {
    fn begin_array_value<W: ?Sized + std::io::Write>(&mut self, writer: &mut W, first: bool) -> std::io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + std::io::Write>(&mut self, writer: &mut W, first: bool) -> std::io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + std::io::Write>(&mut self, writer: &mut W) -> std::io::Result<()> {
        writer.write_all(b": ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_written_as_python_writes_it_and_indented_if_asked() {
        let mut environment = Environment::new();
        imitate(&mut environment);
        let shown = |template: &str| {
            environment.render_str(template, minijinja::context! { v => Value::from(minijinja::value::Serde(serde_json::json!({ "b": ["<é>", 1], "a": {} }))) }).unwrap()
        };
        assert_eq!(shown("{{ v | tojson }}"), r#"{"b": ["<é>", 1], "a": {}}"#);
        assert_eq!(shown("{{ v.b | tojson(indent=2) }}"), "[\n  \"<é>\",\n  1\n]");
        assert_eq!(shown("{{ ' x '.strip() }}{{ 'a,b'.split(',')[-1] }}"), "xb");
    }
}
