//! Takes an answer apart into text and calls, as it comes.
//!
//! What may be the beginning of a marker is held back until it is one or is not. Within a call the grammar has seen to it that there is
//! nothing unexpected, so that brackets and strings are all that is looked at.

use super::Style;

/// A piece of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Text, for whoever asked.
    Text(String),
    /// A call of this function begins.
    Call(String),
    /// More of the arguments of the call that began last.
    Arguments(String),
}

/// Takes one answer apart.
#[derive(Debug)]
pub(crate) struct Listener {
    style: Style,
    place: Place,
    /// What is not told yet: what may be a marker, or the head of a call.
    held: String,
    /// Whether there was anything but space so far.
    has_spoken: bool,
    has_called: bool,
}

/// Where the answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In text.
    Text,
    /// In text that is no call, whatever it looks like.
    PlainText,
    /// Behind a marker that is not confirmed.
    Marked,
    /// Before a call, or in its head: the name of the function.
    Head,
    /// In the arguments.
    Arguments(Nesting),
}

/// How deep in JSON.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Nesting {
    depth: usize,
    is_in_string: bool,
    is_escaped: bool,
}

impl Nesting {
    /// Goes over a letter; true if it closes the value.
    fn closes(&mut self, letter: char) -> bool {
        if self.is_escaped {
            self.is_escaped = false;
        } else if self.is_in_string {
            self.is_escaped = letter == '\\';
            self.is_in_string = letter != '"';
        } else {
            match letter {
                '"' => self.is_in_string = true,
                '{' | '[' => self.depth += 1,
                '}' | ']' => {
                    self.depth = self.depth.saturating_sub(1);
                    return self.depth == 0;
                }
                _ => {}
            }
        }
        false
    }
}

impl Listener {
    pub(crate) const fn new(style: Style) -> Self {
        Self { style, place: Place::Text, held: String::new(), has_spoken: false, has_called: false }
    }

    /// Whether any function was called.
    pub(crate) const fn has_called(&self) -> bool {
        self.has_called
    }

    /// Hears more.
    pub(crate) fn push(&mut self, text: &str) -> Vec<Heard> {
        let mut heard = Vec::new();
        match self.place {
            Place::PlainText => add_text(&mut heard, text.to_owned()),
            Place::Text => {
                self.held.push_str(text);
                self.look_for_marker(&mut heard);
            }
            Place::Marked => self.held.push_str(text),
            Place::Head | Place::Arguments(_) => self.follow(text, &mut heard),
        }
        heard
    }

    /// The text from a marker on, if one has come that is not confirmed.
    pub(crate) fn marked(&self) -> Option<&str> {
        (self.place == Place::Marked).then_some(self.held.as_str())
    }

    /// It is a call.
    pub(crate) fn confirm(&mut self) -> Vec<Heard> {
        self.place = Place::Head;
        let (held, mut heard) = (std::mem::take(&mut self.held), Vec::new());
        // What stands between a marker and a call is looked over for its first brace.
        let after = self.style.marker().and_then(|marker| held.strip_prefix(marker)).unwrap_or(&held);
        self.follow(after, &mut heard);
        heard
    }

    /// It is text, and so is all that follows.
    pub(crate) fn refuse(&mut self) -> Vec<Heard> {
        self.place = Place::PlainText;
        self.finish()
    }

    /// What is held back, when there is no more. Of a call that was cut off, nothing.
    pub(crate) fn finish(&mut self) -> Vec<Heard> {
        let (held, mut heard) = (std::mem::take(&mut self.held), Vec::new());
        if matches!(self.place, Place::Text | Place::PlainText | Place::Marked) {
            add_text(&mut heard, held);
        }
        heard
    }

    fn look_for_marker(&mut self, heard: &mut Vec<Heard>) {
        let Some(marker) = self.style.marker() else { return self.look_for_brace(heard) };
        let (at, place) = match self.held.find(marker) {
            Some(at) => (at, Place::Marked),
            None => (beginning_of(marker, &self.held), Place::Text),
        };
        let kept = self.held.split_off(at);
        add_text(heard, std::mem::replace(&mut self.held, kept));
        self.place = place;
    }

    /// A brace is a call where it is the first of an answer.
    fn look_for_brace(&mut self, heard: &mut Vec<Heard>) {
        let begun = self.held.trim_start();
        if begun.starts_with('{') && !self.has_spoken {
            self.held = begun.to_owned();
            self.place = Place::Marked;
        } else if !begun.is_empty() || self.has_spoken {
            self.has_spoken = true;
            add_text(heard, std::mem::take(&mut self.held));
        }
    }

    fn follow(&mut self, text: &str, heard: &mut Vec<Heard>) {
        let mut arguments = String::new();
        for letter in text.chars() {
            match &mut self.place {
                Place::Arguments(nesting) => {
                    arguments.push(letter);
                    if nesting.closes(letter) {
                        self.place = Place::Head;
                        heard.push(Heard::Arguments(std::mem::take(&mut arguments)));
                    }
                }
                _ if self.held.is_empty() && letter != '{' => {}
                _ => {
                    self.held.push(letter);
                    if let Some(name) = self.name() {
                        self.held.clear();
                        self.has_called = true;
                        self.place = Place::Arguments(Nesting::default());
                        heard.push(Heard::Call(name));
                    }
                }
            }
        }
        if !arguments.is_empty() {
            heard.push(Heard::Arguments(arguments));
        }
    }

    /// The name of the function, if the head of the call is complete.
    fn name(&self) -> Option<String> {
        let head = self.held.strip_suffix(' ')?.strip_suffix(':')?;
        let (call, _) = head.rsplit_once(',').filter(|(_, key)| key.trim().trim_matches('"') == self.style.arguments())?;
        let call: serde_json::Value = serde_json::from_str(&format!("{call}}}")).ok()?;
        Some(call.get("name")?.as_str()?.to_owned())
    }
}

fn add_text(heard: &mut Vec<Heard>, text: String) {
    if !text.is_empty() {
        heard.push(Heard::Text(text));
    }
}

/// Where the longest ending of a text begins that is the beginning of the marker.
fn beginning_of(marker: &str, text: &str) -> usize {
    let places = text.char_indices().map(|(at, _)| at);
    places.into_iter().find(|at| text.get(*at..).is_some_and(|ending| marker.starts_with(ending))).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is heard of an answer that comes in pieces of so many letters, with neighbours of a kind joined.
    fn heard(style: Style, answer: &str, piece: usize) -> Vec<Heard> {
        let mut listener = Listener::new(style);
        let letters: Vec<char> = answer.chars().collect();
        let mut heard = Vec::new();
        for piece in letters.chunks(piece) {
            heard.extend(listener.push(&piece.iter().collect::<String>()));
            if listener.marked().is_some() {
                heard.extend(listener.confirm());
            }
        }
        heard.extend(listener.finish());
        heard.into_iter().fold(Vec::new(), |mut joined, next| {
            match (joined.last_mut(), next) {
                (Some(Heard::Text(text)), Heard::Text(more)) | (Some(Heard::Arguments(text)), Heard::Arguments(more)) => {
                    text.push_str(&more)
                }
                (_, next) => joined.push(next),
            }
            joined
        })
    }

    #[test]
    fn calls_are_told_from_text_however_they_are_cut() {
        let text = |text: &str| Heard::Text(text.to_owned());
        let call = |name: &str| Heard::Call(name.to_owned());
        let arguments = |json: &str| Heard::Arguments(json.to_owned());
        let tricky = r#"{"a": "}{\"", "b": [{}, "é"]}"#;
        let cases = [
            (
                Style::Hermes,
                format!(
                    "a <tool <b\n<tool_call>\n{{\"name\": \"f \\\" g\", \"arguments\": {tricky}}}\n</tool_call>\n<tool_call>{{\"name\": \"h\", \"arguments\": {{}}}}</tool_call>"
                ),
                vec![text("a <tool <b\n"), call("f \" g"), arguments(tricky), call("h"), arguments("{}")],
            ),
            (
                Style::Mistral,
                format!("[TOOL_CALLS][{{\"name\": \"f\", \"arguments\": {tricky}}}, {{\"name\": \"g\", \"arguments\": {{}}}}]"),
                vec![call("f"), arguments(tricky), call("g"), arguments("{}")],
            ),
            (
                Style::Llama,
                format!(" {{\"name\": \"arguments\", \"parameters\": {tricky}}}"),
                vec![call("arguments"), arguments(tricky)],
            ),
            (Style::Llama, "a {\"name\": 1}".to_owned(), vec![text("a {\"name\": 1}")]),
            (Style::Hermes, "ends with <tool_".to_owned(), vec![text("ends with <tool_")]),
        ];
        for (style, answer, expected) in cases {
            for piece in [1, 2, 3, 7, 1000] {
                assert_eq!(heard(style, &answer, piece), expected, "in pieces of {piece}");
            }
        }
    }

    #[test]
    fn what_is_no_call_after_all_is_text() {
        let mut listener = Listener::new(Style::Hermes);
        assert!(listener.push("<tool_call>").is_empty());
        assert_eq!(listener.marked(), Some("<tool_call>"));
        assert_eq!(listener.refuse(), [Heard::Text("<tool_call>".to_owned())]);
        assert_eq!(listener.push("<tool_call>x"), [Heard::Text("<tool_call>x".to_owned())]);
        assert!(!listener.has_called());
    }
}
