//! GBNF, llama.cpp's notation for grammars, as Lark.
//!
//! The two differ in spelling only: `root ::= item+` is `start: item+`, a class of characters `[a-z]` is an expression `/[a-z]/`, names may
//! have capitals and hyphens, and a rule goes on over lines until the next one begins.

use std::iter::Peekable;
use std::str::CharIndices;

use super::error::GrammarError;

/// Whether a grammar is written in it.
pub(super) fn is_gbnf(source: &str) -> bool {
    source.contains("::=")
}

/// A text as a literal of Lark. All but plain letters are written by their number, so that none has a meaning.
pub(super) fn literal(text: &str) -> String {
    let escaped: String = text
        .chars()
        .map(|letter| match letter {
            '"' | '\\' => format!("\\{letter}"),
            '\n' => "\\n".to_owned(),
            '\r' => "\\r".to_owned(),
            '\t' => "\\t".to_owned(),
            letter if letter.is_control() => format!("\\u{:04x}", u32::from(letter)),
            letter => letter.to_string(),
        })
        .collect();
    format!("\"{escaped}\"")
}

/// A piece of a grammar.
enum Piece {
    Name(String),
    Defines,
    Newline,
    /// Anything else, in Lark's spelling.
    Other(String),
}

/// Rewrites a grammar.
pub(super) fn to_lark(source: &str) -> Result<String, GrammarError> {
    let pieces = pieces(source)?;
    let mut lark = String::new();
    let mut pieces = pieces.into_iter().peekable();
    while let Some(piece) = pieces.next() {
        match piece {
            Piece::Name(name) if matches!(pieces.peek(), Some(Piece::Defines)) => {
                pieces.next();
                lark.push_str(&format!("\n{}:", rule(&name)));
            }
            Piece::Name(name) => lark.push_str(&format!(" {}", rule(&name))),
            Piece::Defines => return Err(GrammarError::new("in GBNF, `::=` stands behind the name of a rule")),
            Piece::Newline => {}
            Piece::Other(text) => lark.push_str(&text),
        }
    }
    lark.push('\n');
    Ok(lark)
}

/// The name of a rule. Lark knows rules by their small letters.
fn rule(name: &str) -> String {
    if name == "root" {
        return "start".to_owned();
    }
    let mut lark = String::from("r_");
    for letter in name.chars() {
        match letter {
            'a'..='z' | '0'..='9' => lark.push(letter),
            // Two names that differ in these alone stay different.
            letter => lark.push_str(&format!("_{:x}_", u32::from(letter))),
        }
    }
    lark
}

fn pieces(source: &str) -> Result<Vec<Piece>, GrammarError> {
    let mut letters = source.char_indices().peekable();
    let mut pieces = Vec::new();
    while let Some((at, letter)) = letters.next() {
        let rest = source.get(at..).unwrap_or_default();
        match letter {
            '#' => while letters.next_if(|(_, letter)| *letter != '\n').is_some() {},
            '\n' => pieces.push(Piece::Newline),
            _ if letter.is_whitespace() => {}
            _ if rest.starts_with("::=") => {
                letters.nth(1);
                pieces.push(Piece::Defines);
            }
            '"' => pieces.push(Piece::Other(format!(" {}", literal(&unescaped(quoted(&mut letters, '"')?)?)))),
            '[' => {
                let class = quoted(&mut letters, ']')?.replace('/', "\\/").replace('\n', "\\n");
                pieces.push(Piece::Other(format!(" /[{class}]/")));
            }
            '.' => pieces.push(Piece::Other(" /(?s:.)/".to_owned())),
            '(' => pieces.push(Piece::Other(" (".to_owned())),
            '|' => pieces.push(Piece::Other(" |".to_owned())),
            ')' | '*' | '+' | '?' => pieces.push(Piece::Other(letter.to_string())),
            '{' => pieces.push(Piece::Other(format!("{{{}}}", quoted(&mut letters, '}')?))),
            _ if is_of_name(letter) => {
                let mut name = String::from(letter);
                while let Some((_, letter)) = letters.next_if(|(_, letter)| is_of_name(*letter)) {
                    name.push(letter);
                }
                pieces.push(Piece::Name(name));
            }
            _ => return Err(GrammarError::new(format!("`{letter}` has no meaning in GBNF (at byte {at})"))),
        }
    }
    Ok(pieces)
}

const fn is_of_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_')
}

/// What stands before the closing sign, escapes as they are.
fn quoted(letters: &mut Peekable<CharIndices<'_>>, end: char) -> Result<String, GrammarError> {
    let mut text = String::new();
    while let Some((_, letter)) = letters.next() {
        match letter {
            _ if letter == end => return Ok(text),
            '\\' => {
                text.push(letter);
                text.extend(letters.next().map(|(_, escaped)| escaped));
            }
            _ => text.push(letter),
        }
    }
    Err(GrammarError::new(format!("a closing `{end}` is missing")))
}

fn unescaped(text: String) -> Result<String, GrammarError> {
    let mut plain = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        let escaped = if letter == '\\' { letters.next() } else { None };
        match escaped {
            None => plain.push(letter),
            Some('n') => plain.push('\n'),
            Some('r') => plain.push('\r'),
            Some('t') => plain.push('\t'),
            Some(kind @ ('x' | 'u' | 'U')) => {
                let digits = match kind {
                    'x' => 2,
                    'u' => 4,
                    _ => 8,
                };
                let number: String = letters.by_ref().take(digits).collect();
                let letter = u32::from_str_radix(&number, 16).ok().and_then(char::from_u32);
                plain.push(letter.ok_or_else(|| GrammarError::new(format!("`\\{kind}{number}` is no character")))?);
            }
            Some(other) => plain.push(other),
        }
    }
    Ok(plain)
}
