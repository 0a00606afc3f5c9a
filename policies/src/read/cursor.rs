//! Walks a TOML tree with its places. A table hands out each key once and at the end reports those that nobody
//! asked for; a value that has the wrong shape reports itself and reads as absent.

use std::fmt::Display;
use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::fault::{At, Report, accepted, did_you_mean};

mod number;
mod time;

/// A value and where it was written.
#[derive(Clone, Debug)]
pub(crate) struct Located<T> {
    pub(crate) value: T,
    pub(crate) at: At,
    /// The path of its key, for messages.
    pub(crate) key: String,
}

/// A TOML table that is being read.
pub(crate) struct Table<'t> {
    pub(crate) key: String,
    pub(crate) at: At,
    /// What nobody has taken yet.
    entries: Vec<Value<'t>>,
    /// The keys that were asked for, taken or not.
    known: Vec<&'static str>,
}

/// A TOML value that is being read.
pub(crate) struct Value<'t> {
    /// The last part of its path: its key, or empty for an element of a list.
    pub(crate) name: &'t str,
    pub(crate) name_at: At,
    pub(crate) key: String,
    pub(crate) at: At,
    tree: &'t DeValue<'t>,
}

impl<'t> Table<'t> {
    pub(crate) fn new(key: String, at: At, tree: &'t DeTable<'t>) -> Self {
        let entry = |(name, value): (&'t Spanned<std::borrow::Cow<'t, str>>, &'t Spanned<DeValue<'t>>)| {
            let (name, name_at) = (name.get_ref().as_ref(), At::new(at.file, name.span()));
            let key = if key.is_empty() { quoted(name) } else { format!("{key}.{}", quoted(name)) };
            Value { name, name_at, key, at: At::new(at.file, value.span()), tree: value.get_ref() }
        };
        let entries = tree.iter().map(entry).collect();
        Self { key, at, entries, known: Vec::new() }
    }

    /// The value of `name`, if it is there. The name counts as known from here on.
    pub(crate) fn take(&mut self, name: &'static str) -> Option<Value<'t>> {
        #[cfg(test)]
        crate::schema::recorded::key(&self.key, name);
        self.known.push(name);
        let place = self.entries.iter().position(|entry| entry.name == name)?;
        Some(self.entries.swap_remove(place))
    }

    /// The string at `name`, if there is one, left for whoever takes it.
    pub(crate) fn peek(&self, name: &str) -> Option<Located<String>> {
        let entry = self.entries.iter().find(|entry| entry.name == name)?;
        let DeValue::String(text) = entry.tree else { return None };
        Some(Located { value: text.as_ref().into(), at: entry.at, key: entry.key.clone() })
    }

    /// The value of `name`, whose absence is a fault.
    pub(crate) fn require(&mut self, name: &'static str, report: &mut Report<'_>) -> Option<Value<'t>> {
        let value = self.take(name);
        if value.is_none() {
            report.fault(self.at, self.key.as_str(), format!("missing key `{name}`"));
        }
        value
    }

    /// What `read` makes of the value of `name`, whose absence is a fault. `None` if there is a fault.
    pub(crate) fn required<T>(
        &mut self,
        name: &'static str,
        report: &mut Report<'_>,
        read: impl FnOnce(Value<'t>, &mut Report<'_>) -> Option<T>,
    ) -> Option<T> {
        self.require(name, report).and_then(|value| read(value, report))
    }

    /// What `read` makes of the value of `name`, and `Some(None)` if it is not there. `None` if there is a fault.
    pub(crate) fn optional<T>(
        &mut self,
        name: &'static str,
        report: &mut Report<'_>,
        read: impl FnOnce(Value<'t>, &mut Report<'_>) -> Option<T>,
    ) -> Option<Option<T>> {
        match self.take(name) {
            Some(value) => read(value, report).map(Some),
            None => Some(None),
        }
    }

    /// The keys that were asked for so far, taken or not.
    pub(crate) fn known(&self) -> Vec<&'static str> {
        self.known.clone()
    }

    /// Every entry of a table whose keys are names that the operator chose.
    pub(crate) fn into_entries(self) -> Vec<Value<'t>> {
        #[cfg(test)]
        crate::schema::recorded::any_key(&self.key);
        self.entries
    }

    /// Reports every key that nobody asked for. Their values are kept out of snippets: a key in the wrong place
    /// may well be a secret's.
    pub(crate) fn finish(self, report: &mut Report<'_>) {
        for entry in self.entries {
            let hint = did_you_mean(entry.name, self.known.iter().copied());
            conceal(entry.at, entry.tree, report);
            report.fault(entry.name_at, entry.key.as_str(), format!("unknown key `{}`{hint}", shortened(entry.name)));
        }
    }

    /// Gives up on what nobody has taken: which keys belong here is not known, and their values may be secrets.
    pub(crate) fn abandon(&mut self, report: &mut Report<'_>) {
        for entry in self.entries.drain(..) {
            conceal(entry.at, entry.tree, report);
        }
    }
}

impl<'t> Value<'t> {
    /// The value as a table.
    pub(crate) fn table(self, report: &mut Report<'_>) -> Option<Table<'t>> {
        match self.tree {
            DeValue::Table(tree) => Some(Table::new(self.key, self.at, tree)),
            _ => self.mistyped("a table", "; accepted: `{ KEY = VALUE, … }`", report),
        }
    }

    /// The elements of a list.
    pub(crate) fn list(self, report: &mut Report<'_>) -> Option<Vec<Value<'t>>> {
        let DeValue::Array(elements) = self.tree else {
            let hint = match self.tree {
                DeValue::Table(_) if self.key == self.name => format!("; each of them begins with `[[{}]]`", self.name),
                DeValue::Table(_) => String::new(),
                _ => "; put it in brackets: `[…]`".to_owned(),
            };
            return self.mistyped("a list", &hint, report);
        };
        let element = |(place, element): (usize, &'t Spanned<DeValue<'t>>)| {
            let at = At::new(self.at.file, element.span());
            Value { name: "", name_at: at, key: format!("{}[{place}]", self.key), at, tree: element.get_ref() }
        };
        Some(elements.iter().enumerate().map(element).collect())
    }

    /// The value as a string.
    pub(crate) fn string(self, report: &mut Report<'_>) -> Option<Located<&'t str>> {
        let hint = if self.is_scalar() { "; put it in quotes" } else { "" };
        self.string_or(hint, report)
    }

    /// The value as a string, of which the caller takes those that `accepted` says.
    pub(super) fn string_such_as(self, accepted: &str, report: &mut Report<'_>) -> Option<Located<&'t str>> {
        self.string_or(&format!("; accepted: {accepted}"), report)
    }

    fn string_or(self, hint: &str, report: &mut Report<'_>) -> Option<Located<&'t str>> {
        match self.tree {
            DeValue::String(text) => Some(self.located(text.as_ref())),
            _ => self.mistyped("a string", hint, report),
        }
    }

    /// A string that parses as `T`.
    pub(crate) fn parsed<T>(self, report: &mut Report<'_>) -> Option<Located<T>>
    where
        T: FromStr,
        T::Err: Display,
    {
        let Located { value, at, key } = self.string_or(&accepted_of::<T>(), report)?;
        match value.parse() {
            Ok(value) => Some(Located { value, at, key }),
            Err(error) => {
                report.fault(at, key, error.to_string());
                None
            }
        }
    }

    /// A list of strings that parse as `T`. Elements that do not are reported and left out.
    pub(crate) fn parsed_list<T>(self, report: &mut Report<'_>) -> Option<Vec<Located<T>>>
    where
        T: FromStr,
        T::Err: Display,
    {
        let elements = self.list(report)?;
        Some(elements.into_iter().filter_map(|element| element.parsed(report)).collect())
    }

    /// A string that is one of these words, as what the word stands for.
    pub(crate) fn choice<T: Copy>(self, words: &[(&str, T)], report: &mut Report<'_>) -> Option<T> {
        #[cfg(test)]
        crate::schema::recorded::words(&self.key, words.iter().map(|(word, _)| *word));
        let hint = accepted(words.iter().map(|(word, _)| *word));
        let Located { value: written, at, key } = self.string_or(&hint, report)?;
        let found = words.iter().find(|(word, _)| *word == written);
        if found.is_none() {
            report.fault(at, key, format!("`{}` is not a choice{hint}", shortened(written)));
        }
        found.map(|(_, value)| *value)
    }

    /// A boolean.
    pub(crate) fn boolean(self, report: &mut Report<'_>) -> Option<bool> {
        match self.tree {
            DeValue::Boolean(value) => Some(*value),
            _ => self.mistyped("`true` or `false`", "", report),
        }
    }

    /// What `read` makes of the value, and `Some(None)` if it is `false`. `None` if there is a fault.
    pub(super) fn unless_false<T>(
        self,
        report: &mut Report<'_>,
        read: impl FnOnce(Self, &mut Report<'_>) -> Option<T>,
    ) -> Option<Option<T>> {
        match self.tree {
            DeValue::Boolean(false) => Some(None),
            DeValue::Boolean(true) => {
                report.fault(
                    self.at,
                    self.key,
                    "`true` does not say what; leave the key out for what is usual, or write a value",
                );
                None
            }
            _ => read(self, report).map(Some),
        }
    }

    pub(super) fn is_boolean(&self) -> bool {
        matches!(self.tree, DeValue::Boolean(_))
    }

    pub(super) fn is_list(&self) -> bool {
        matches!(self.tree, DeValue::Array(_))
    }

    pub(super) fn is_string(&self) -> bool {
        matches!(self.tree, DeValue::String(_))
    }

    /// What `read` makes of the value; if nothing, the value is kept out of snippets, for it may be a secret.
    pub(crate) fn shown_if<T>(self, report: &mut Report<'_>, read: impl FnOnce(Self, &mut Report<'_>) -> Option<T>) -> Option<T> {
        let (at, tree) = (self.at, self.tree);
        let value = read(self, report);
        if value.is_none() {
            conceal(at, tree, report);
        }
        value
    }

    fn located<T>(self, value: T) -> Located<T> {
        Located { value, at: self.at, key: self.key }
    }

    fn is_scalar(&self) -> bool {
        !matches!(self.tree, DeValue::Array(_) | DeValue::Table(_))
    }

    /// Reports that the value is not what it should be; `hint` adds what is accepted, unless `expected` says it all.
    pub(super) fn mistyped<T>(self, expected: &str, hint: &str, report: &mut Report<'_>) -> Option<T> {
        report.fault(self.at, self.key, format!("expected {expected}, found {}{hint}", described(self.tree)));
        None
    }
}

/// What `T` accepts, in the words with which it refuses an empty string.
fn accepted_of<T>() -> String
where
    T: FromStr,
    T::Err: Display,
{
    let refused = "".parse::<T>().err().map(|error| error.to_string()).unwrap_or_default();
    refused.find("; accepted: ").and_then(|start| refused.get(start..)).unwrap_or_default().to_owned()
}

/// Keeps a value out of snippets. The values of dotted keys are behind the place of their table, so each is hidden
/// by itself.
fn conceal(at: At, tree: &DeValue<'_>, report: &mut Report<'_>) {
    report.conceal(at);
    if let DeValue::Table(table) = tree {
        for value in table.values() {
            conceal(At::new(at.file, value.span()), value.get_ref(), report);
        }
    }
}

fn described(tree: &DeValue<'_>) -> &'static str {
    match tree {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// A key as it has to be written in TOML.
fn quoted(name: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let name = shortened(name);
    if !name.is_empty() && name.chars().all(bare) { name } else { format!("{name:?}") }
}

/// As much of a text as a message should carry.
pub(crate) fn shortened(text: &str) -> String {
    text.chars().take(80).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
