//! The log as a Parquet file: one row a decision, its candidates and attempts as lists of structs.
//!
//! Columns are written one by one, from the table in `columns`, which the file's schema is made from too: there is no second list of them that could be
//! another. Engines read lists by the names `list` and `element`, as the format asks.

use std::{fmt::Write as _, io::Write, sync::Arc};

use parquet::{
    basic::Compression,
    data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type},
    errors::ParquetError,
    file::{
        properties::WriterProperties,
        writer::{SerializedColumnWriter, SerializedFileWriter},
    },
    schema::parser::parse_message_type,
};
use tradewind_policies::decision::Decision;

use super::columns::{Column, Kind, Presence, Value, of_attempts, of_candidates, of_decisions};

/// So many decisions are a group of rows: some ten megabytes in memory.
const GROUP: usize = 8192;

/// A Parquet file cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The file system.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The format.
    #[error(transparent)]
    Parquet(#[from] ParquetError),
    /// A record lacks what every record has.
    #[error("a decision has no `{0}`")]
    Missing(&'static str),
}

/// Writes the decisions, and tells how many there were.
///
/// # Errors
/// [`ExportError`]; what was written by then is no Parquet file.
pub fn export<W: Write + Send>(mut decisions: impl Iterator<Item = Decision>, out: W) -> Result<u64, ExportError> {
    let table = Table { decisions: of_decisions(), candidates: of_candidates(), attempts: of_attempts() };
    let schema = Arc::new(parse_message_type(&table.schema())?);
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_created_by(concat!("tradewind ", env!("CARGO_PKG_VERSION")).to_owned());
    let mut writer = SerializedFileWriter::new(out, schema, Arc::new(properties.build()))?;
    let mut count = 0;
    loop {
        let group: Vec<Decision> = decisions.by_ref().take(GROUP).collect();
        if group.is_empty() {
            break;
        }
        table.write(&group, &mut writer)?;
        count += group.len() as u64;
    }
    writer.into_inner()?.flush()?;
    Ok(count)
}

struct Table {
    decisions: Vec<Column<Decision>>,
    candidates: Vec<Column<tradewind_policies::decision::Candidate>>,
    attempts: Vec<Column<tradewind_policies::decision::Attempt>>,
}

impl Table {
    /// In the language of Parquet's own schemas.
    fn schema(&self) -> String {
        let mut text = "message decision {\n".to_owned();
        self.decisions.iter().for_each(|column| column.declare(&mut text));
        declare_list("candidates", &self.candidates, &mut text);
        declare_list("attempts", &self.attempts, &mut text);
        text.push('}');
        text
    }

    fn write<W: Write + Send>(&self, rows: &[Decision], writer: &mut SerializedFileWriter<W>) -> Result<(), ExportError> {
        let mut group = writer.next_row_group()?;
        let mut written = Vec::new();
        written.extend(self.decisions.iter().map(|column| column.of_rows(rows)));
        written.extend(self.candidates.iter().map(|column| column.of_lists(rows, |decision| &decision.candidates)));
        written.extend(self.attempts.iter().map(|column| column.of_lists(rows, |decision| &decision.attempts)));
        for column in written {
            let column = column?;
            let mut open = group.next_column()?.ok_or_else(|| ParquetError::General("a column too many".into()))?;
            column.write(&mut open)?;
            open.close()?;
        }
        group.close()?;
        Ok(())
    }
}

fn declare_list<R>(name: &str, columns: &[Column<R>], text: &mut String) {
    let _infallible = writeln!(text, "required group {name} (LIST) {{ repeated group list {{ required group element {{");
    columns.iter().for_each(|column| column.declare(text));
    text.push_str("} } }\n");
}

impl<R> Column<R> {
    fn declare(&self, text: &mut String) {
        let presence = match self.presence {
            Presence::Always => "required",
            Presence::Sometimes => "optional",
        };
        let name = self.name;
        let _infallible = match self.kind {
            Kind::Flag => writeln!(text, "{presence} boolean {name};"),
            Kind::Number => writeln!(text, "{presence} int64 {name};"),
            Kind::Real => writeln!(text, "{presence} double {name};"),
            Kind::Moment => writeln!(text, "{presence} int64 {name} (TIMESTAMP(MICROS,true));"),
            Kind::Text => writeln!(text, "{presence} binary {name} (STRING);"),
        };
    }

    /// One value a row.
    fn of_rows(&self, rows: &[R]) -> Result<Written, ExportError> {
        let mut written = Written::new(self.kind);
        for row in rows {
            written.push(self, row, 0, 0)?;
        }
        if self.presence == Presence::Always {
            written.defined.clear();
        }
        written.repeated.clear();
        Ok(written)
    }

    /// One value for each element of a list in each row.
    fn of_lists<'r, O>(&self, rows: &'r [O], list: fn(&'r O) -> &'r Vec<R>) -> Result<Written, ExportError>
    where
        R: 'r,
    {
        let mut written = Written::new(self.kind);
        for row in rows {
            let elements = list(row);
            if elements.is_empty() {
                written.defined.push(0);
                written.repeated.push(0);
            }
            for (place, element) in elements.iter().enumerate() {
                written.push(self, element, 1, i16::from(place > 0))?;
            }
        }
        Ok(written)
    }
}

/// The values of a column in a group of rows, with their levels as Parquet has them: how much of the path to a value is there, and at which level it
/// repeats.
struct Written {
    values: Values,
    /// Empty where every row has a value.
    defined: Vec<i16>,
    /// Empty outside of lists.
    repeated: Vec<i16>,
}

enum Values {
    Flags(Vec<bool>),
    Numbers(Vec<i64>),
    Reals(Vec<f64>),
    Texts(Vec<ByteArray>),
}

impl Written {
    const fn new(kind: Kind) -> Self {
        let values = match kind {
            Kind::Flag => Values::Flags(Vec::new()),
            Kind::Number | Kind::Moment => Values::Numbers(Vec::new()),
            Kind::Real => Values::Reals(Vec::new()),
            Kind::Text => Values::Texts(Vec::new()),
        };
        Self { values, defined: Vec::new(), repeated: Vec::new() }
    }

    /// The value of a row or an element, whose own presence is `level`.
    fn push<R>(&mut self, column: &Column<R>, row: &R, level: i16, repeated: i16) -> Result<(), ExportError> {
        let value = (column.read)(row);
        let is_missing = value.is_none();
        self.repeated.push(repeated);
        match (&mut self.values, value) {
            (_, None) => {}
            (Values::Flags(flags), Some(Value::Flag(flag))) => flags.push(flag),
            (Values::Numbers(numbers), Some(Value::Number(number) | Value::Moment(number))) => numbers.push(number),
            (Values::Reals(reals), Some(Value::Real(real))) => reals.push(real),
            (Values::Texts(texts), Some(Value::Text(text))) => texts.push(text.as_ref().into()),
            (_, Some(_)) => return Err(ExportError::Missing(column.name)),
        }
        match column.presence {
            Presence::Always if is_missing => return Err(ExportError::Missing(column.name)),
            Presence::Always => self.defined.push(level),
            Presence::Sometimes => self.defined.push(level + i16::from(!is_missing)),
        }
        Ok(())
    }

    fn write(&self, column: &mut SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        let defined = (!self.defined.is_empty()).then_some(self.defined.as_slice());
        let repeated = (!self.repeated.is_empty()).then_some(self.repeated.as_slice());
        match &self.values {
            Values::Flags(values) => column.typed::<BoolType>().write_batch(values, defined, repeated),
            Values::Numbers(values) => column.typed::<Int64Type>().write_batch(values, defined, repeated),
            Values::Reals(values) => column.typed::<DoubleType>().write_batch(values, defined, repeated),
            Values::Texts(values) => column.typed::<ByteArrayType>().write_batch(values, defined, repeated),
        }?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use parquet::{
        file::reader::{FileReader, SerializedFileReader},
        record::{Field, RowAccessor},
    };

    use super::*;

    const LINE: &str = include_str!("testdata/decision.jsonl");

    #[test]
    fn what_is_exported_is_read_back_with_its_lists() {
        let full = Decision::from_line(LINE.as_bytes()).unwrap();
        let refused =
            Decision { id: "none".into(), candidates: vec![], attempts: vec![], route: None, usage: None, ..full.clone() };
        let rows = [full.clone(), refused, full];
        let mut file = Vec::new();
        assert_eq!(export(rows.into_iter(), &mut file).unwrap(), 3);
        let reader = SerializedFileReader::new(bytes::Bytes::from(file)).unwrap();
        let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
        let field = |row: usize, name: &str| {
            rows[row].get_column_iter().find(|(column, _)| *column == name).map(|(_, field)| field.clone()).unwrap()
        };
        assert_eq!(field(0, "received_at"), Field::TimestampMicros(1_800_000_000_123_456));
        assert_eq!((field(0, "route"), field(1, "route")), (Field::Str("chat".into()), Field::Null));
        assert_eq!((field(2, "prompt_tokens"), field(1, "prompt_tokens")), (Field::Long(1880), Field::Null));
        assert_eq!((field(0, "shadow"), field(0, "shadow_fate")), (Field::Str("next".into()), Field::Str("sent".into())));
        let list = |row: usize, name: &str| match field(row, name) {
            Field::ListInternal(list) => list.elements().to_vec(),
            other => panic!("{other:?}"),
        };
        assert_eq!((list(0, "candidates").len(), list(1, "candidates").len(), list(2, "attempts").len()), (3, 0, 2));
        let Field::Group(far) = &list(2, "candidates")[1] else { panic!("an element is a struct") };
        assert_eq!(far.get_string(0).unwrap(), "far");
        let stage = far.get_column_iter().find(|(column, _)| *column == "excluded_stage").unwrap().1;
        assert_eq!(*stage, Field::Str("residency".into()));
    }

    #[test]
    fn a_log_without_records_is_a_table_without_rows() {
        let mut file = Vec::new();
        assert_eq!(export(std::iter::empty(), &mut file).unwrap(), 0);
        let reader = SerializedFileReader::new(bytes::Bytes::from(file)).unwrap();
        assert_eq!(reader.metadata().file_metadata().num_rows(), 0);
    }
}
