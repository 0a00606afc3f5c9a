//! How large a grammar may be.

use llguidance::api::ParserLimits;

use super::error::GrammarError;

/// Bytes of stack for threads that compile grammars or compute masks: the library's recursion follows the nesting of what it is given.
/// Only what is used of it takes memory.
pub const STACK: usize = 256 << 20;

/// Bytes of a grammar's source.
const LONGEST: usize = 64 << 10;

/// Bytes of an expression, or of a text that is given: what is a few bytes here may be thousands of states, and each of them as long.
const LONGEST_PIECE: usize = 4 << 10;

/// Brackets within brackets.
const DEEPEST: usize = 64;

/// Refuses what is too long to be compiled in reasonable time.
pub(super) fn check_length(what: &str, length: usize) -> Result<(), GrammarError> {
    check(what, length, LONGEST)
}

/// The same, for an expression.
pub(super) fn check_regex(regex: &str) -> Result<(), GrammarError> {
    check_piece(regex)?;
    check_nesting(regex)
}

/// Refuses an expression or a text that is too long.
pub(super) fn check_piece(piece: &str) -> Result<(), GrammarError> {
    check("an expression or a text in it", piece.len(), LONGEST_PIECE)
}

fn check(what: &str, length: usize, most: usize) -> Result<(), GrammarError> {
    if length <= most {
        return Ok(());
    }
    Err(GrammarError::new(format!("{what} has {length} bytes, and {most} are the most that are taken")))
}

/// Refuses brackets within brackets within brackets. Those in literals count as well: nobody has that many.
pub(super) fn check_nesting(source: &str) -> Result<(), GrammarError> {
    let (mut depth, mut deepest) = (0_usize, 0);
    for byte in source.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    if deepest <= DEEPEST {
        return Ok(());
    }
    Err(GrammarError::new(format!("brackets are nested {deepest} deep, and {DEEPEST} is the deepest that is taken")))
}

/// Expressions that a text must match all at once. What they cost multiplies, and the library counts it too late.
const MOST_CONJUNCTIONS: usize = 4;

/// Refuses too many of them.
pub(super) fn check_conjunctions(count: usize) -> Result<(), GrammarError> {
    if count <= MOST_CONJUNCTIONS {
        return Ok(());
    }
    let reason =
        format!("{count} expressions would have to match at the same time, and {MOST_CONJUNCTIONS} are the most that are taken");
    Err(GrammarError::new(reason))
}

/// What the library may spend, on a grammar and on a mask. By its authors' figures: at most some ten milliseconds for a mask, and some tens
/// for a grammar, of which the largest schemas that are in use need half.
pub(super) fn limits() -> ParserLimits {
    ParserLimits {
        initial_lexer_fuel: 500_000,
        max_grammar_size: 250_000,
        step_lexer_fuel: 100_000,
        step_max_items: 20_000,
        // A kilobyte or two each.
        max_lexer_states: 20_000,
        verbose_errors: false,
        ..ParserLimits::default()
    }
}
