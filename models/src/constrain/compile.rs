//! From a grammar's source to a pattern.

use std::fmt;
use std::thread;

use llguidance::api::TopLevelGrammar;
use llguidance::toktrie::{InferenceCapabilities, TokEnv};
use llguidance::{Matcher, ParserFactory};
use quick_cache::sync::Cache;

use super::bounds::{STACK, check_conjunctions, check_length, check_nesting, check_piece, check_regex, limits};
use super::error::{GrammarError, VocabularyError, first_line};
use super::gbnf;
use super::schema;
use super::vocabulary::Vocabulary;
use super::{Grammar, Pattern};
use crate::tokenizer::Tokenizer;

/// How many compiled grammars are kept: applications ask for the same few again and again.
const KEPT: usize = 64;

/// Compiles the grammars of one tokenizer.
pub struct Constrainer {
    factory: ParserFactory,
    vocabulary: TokEnv,
    /// What came of it, good or bad.
    kept: Cache<Grammar, Result<Pattern, GrammarError>>,
}

impl Constrainer {
    /// For answers that any of the `stop_tokens` ends.
    ///
    /// # Errors
    /// When none of them is a token.
    pub fn new(tokenizer: &Tokenizer, stop_tokens: &[u32]) -> Result<Self, VocabularyError> {
        let vocabulary = Vocabulary::of(tokenizer, stop_tokens)?;
        let can_force = vocabulary.tokenize_is_canonical();
        let capabilities = InferenceCapabilities { ff_tokens: can_force, ..InferenceCapabilities::default() };
        let slices = llguidance::earley::SlicedBiasComputer::general_slices();
        let factory = ParserFactory::new(&vocabulary, capabilities, &slices);
        let mut factory = factory.map_err(|error| VocabularyError(first_line(&error.to_string())))?;
        factory.quiet();
        *factory.limits_mut() = limits();
        Ok(Self { factory, vocabulary, kept: Cache::new(KEPT) })
    }

    /// What came of a grammar lately, if it was compiled.
    pub fn kept(&self, grammar: &Grammar) -> Option<Result<Pattern, GrammarError>> {
        self.kept.get(grammar)
    }

    /// Compiles a grammar, unless it did lately. Takes a moment, and for a large one some tenths of a second: this is for threads that may
    /// block.
    ///
    /// # Errors
    /// What is wrong with it, or not supported.
    pub fn compile(&self, grammar: &Grammar) -> Result<Pattern, GrammarError> {
        if let Some(compiled) = self.kept(grammar) {
            return compiled;
        }
        let compiled = thread::scope(|scope| {
            let builder = thread::Builder::new().name("tw-grammar".to_owned()).stack_size(STACK);
            let thread = builder.spawn_scoped(scope, || self.compile_here(grammar));
            let thread = thread.map_err(|error| GrammarError::new(format!("there is no thread to compile it: {error}")))?;
            thread.join().unwrap_or_else(|_| Err(GrammarError::new("the library failed on it")))
        });
        self.kept.insert(grammar.clone(), compiled.clone());
        compiled
    }

    /// Tokens that spell these bytes, in whatever way.
    pub fn spell(&self, bytes: &[u8]) -> Vec<u32> {
        self.vocabulary.tok_trie().greedy_tokenize(bytes)
    }

    fn compile_here(&self, grammar: &Grammar) -> Result<Pattern, GrammarError> {
        match grammar {
            Grammar::JsonSchema(source) => {
                check_length("the schema", source.len())?;
                let schema = schema::prepared(source)?;
                let top = TopLevelGrammar::from_json_schema(schema.clone());
                self.parse(top).map_err(|error| schema::located(&schema, error))
            }
            Grammar::Regex(regex) => {
                check_regex(regex)?;
                self.parse(TopLevelGrammar::from_regex(regex))
            }
            Grammar::Choice(texts) => {
                check_length("the choice", texts.iter().map(String::len).sum())?;
                texts.iter().try_for_each(|text| check_piece(text))?;
                self.parse(TopLevelGrammar::from_lark(one_of(texts)?))
            }
            Grammar::Calls(source) => {
                check_length("the functions", source.len())?;
                self.parse(TopLevelGrammar::from_lark(source.clone()))
            }
            Grammar::Lark(source) => {
                check_length("the grammar", source.len())?;
                check_nesting(source)?;
                // No expression and no text goes over the end of a line.
                source.lines().try_for_each(check_piece)?;
                check_conjunctions(source.matches(['&', '~']).count())?;
                let source = if gbnf::is_gbnf(source) { gbnf::to_lark(source)? } else { source.clone() };
                self.parse(TopLevelGrammar::from_lark(source))
            }
        }
    }

    fn parse(&self, grammar: TopLevelGrammar) -> Result<Pattern, GrammarError> {
        let matcher = Matcher::new(self.factory.create_parser(grammar));
        // A grammar that allows nothing at all shows at its first token.
        let fault = match matcher.get_error() {
            Some(error) => Some(error),
            None => matcher.deep_clone().compute_mask_or_eos().err().map(|error| error.to_string()),
        };
        fault.map_or(Ok(Pattern::new(matcher)), |error| Err(GrammarError::new(first_line(&error))))
    }
}

impl fmt::Debug for Constrainer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Constrainer").field("kept", &self.kept.len()).finish_non_exhaustive()
    }
}

/// A grammar of these texts.
fn one_of(texts: &[String]) -> Result<String, GrammarError> {
    if texts.iter().all(String::is_empty) {
        return Err(GrammarError::new("the choice has no text in it: name at least one that is not empty"));
    }
    Ok(format!("start: {}\n", texts.iter().map(|text| gbnf::literal(text)).collect::<Vec<_>>().join(" | ")))
}
