//! A conversation that nobody holds, computed at start, so that the engine knows how quick it is before anybody asks.

use std::time::Duration;

use super::pass::Pass;
use super::schedule::{Cached, Limits, Pool, Prefix};
use super::{Message, Role, StartError, request};
use crate::decoder::{CacheLayout, Decoder};
use crate::load::{Estimates, Pace, Work};
use crate::queue::Clock;
use crate::template::ChatTemplate;
use crate::tokenizer::Tokenizer;

/// What is said in it: prose, of which a tokenizer makes what it makes of most texts.
const PROSE: &str = "The wind that blows from the east carried ships across the ocean, and whoever knew when it would come could say on which \
    day a ship would be in port. Merchants wrote down what they had seen, year after year, and made tables of it. ";

/// How often it is said: some three hundred tokens.
const REPEATED: usize = 5;

/// The steps: tokens of the conversation that are read, and answers that get a token. The first finds nothing in the machine's caches and is
/// not counted.
const STEPS: [(usize, usize); 11] = [(1, 0), (16, 0), (64, 0), (0, 1), (0, 1), (0, 4), (32, 0), (32, 4), (64, 0), (0, 8), (0, 2)];

/// Computes it `times` over.
///
/// # Errors
/// The model cannot be computed. It is better to know now than at the first request.
pub(super) fn rehearse(
    decoder: &mut dyn Decoder,
    tokens: &[u32],
    limits: Limits,
    times: usize,
    clock: &Clock,
) -> Result<Pace, StartError> {
    let mut steps = Vec::new();
    for _ in 0..times {
        steps.extend(once(decoder, tokens, limits, clock)?);
    }
    Ok(Pace::rehearsed(&steps))
}

/// The tokens of a conversation, if it is to be computed at all; and what it teaches of the length of prompts.
pub(super) fn conversation(
    tokenizer: &Tokenizer,
    template: &ChatTemplate,
    estimates: &mut Estimates,
    times: usize,
) -> Result<Vec<u32>, StartError> {
    let mut tokens = Vec::new();
    if times == 0 {
        return Ok(tokens);
    }
    for content in [PROSE.to_owned(), PROSE.repeat(REPEATED)] {
        let messages = [Message::new(Role::User, content)];
        let prompt = if template.is_none() {
            messages.iter().map(|message| message.content.as_str()).collect()
        } else {
            template.render(&messages, None)?
        };
        tokens = tokenizer.encode(&prompt)?;
        estimates.prompt.learn(request::bytes(&messages), tokens.len());
    }
    Ok(tokens)
}

/// The steps that there is room for, and how long they took.
fn once(decoder: &mut dyn Decoder, tokens: &[u32], limits: Limits, clock: &Clock) -> Result<Vec<(Work, Duration)>, StartError> {
    let mut cast = Cast::new(decoder.cache(), tokens, limits);
    let mut steps = Vec::new();
    for (read, answers) in STEPS {
        let Some(sequences) = cast.next(read, answers) else { continue };
        let work = Work::step(sequences.iter().map(|(sequence, tokens)| (sequence.computed(), *tokens)));
        let start = clock.now();
        Pass::forward(decoder, &sequences)?;
        steps.push((work, clock.now().saturating_duration_since(start)));
        cast.advance(read, answers);
    }
    steps.drain(..steps.len().min(1));
    Ok(steps)
}

/// Who takes part.
struct Cast {
    pool: Pool,
    /// The conversation that is read.
    prompt: Cached,
    /// Answers that are generated, one token long at first.
    answers: Vec<Cached>,
}

impl Cast {
    /// As many as the cache has room for.
    fn new(layout: CacheLayout, tokens: &[u32], limits: Limits) -> Self {
        let mut pool = Pool::new(layout);
        let root = Prefix::root("");
        let room = tokens.len().min(layout.blocks.saturating_mul(layout.block_size));
        let mut prompt = Cached::new(tokens.get(..room).unwrap_or_default().to_vec(), root);
        prompt.admit(&mut pool, 0);
        let answer = |token: &u32| {
            let mut answer = Cached::new(vec![*token], root);
            answer.admit(&mut pool, 0).then_some(answer)
        };
        let most = STEPS.iter().map(|(_, answers)| *answers).max().unwrap_or(0).min(limits.rows);
        let answers = tokens.iter().take(most).filter_map(answer).collect();
        Self { pool, prompt, answers }
    }

    /// Those of a step that reads so many tokens and generates so many; none if there is no room for them.
    fn next(&mut self, read: usize, answers: usize) -> Option<Vec<(&Cached, usize)>> {
        let pool = &mut self.pool;
        let have_room = self.answers.get_mut(..answers)?.iter_mut().all(|answer| answer.grow(pool));
        let reader = (read > 0).then_some((&self.prompt, read));
        let is_possible = have_room && read <= self.prompt.left() && read + answers > 0;
        is_possible.then(|| reader.into_iter().chain(self.answers.iter().take(answers).map(|answer| (answer, 1))).collect())
    }

    fn advance(&mut self, read: usize, answers: usize) {
        self.prompt.advance(read, &mut self.pool);
        for answer in self.answers.iter_mut().take(answers) {
            answer.advance(1, &mut self.pool);
            let token = answer.tokens().last().copied();
            token.into_iter().for_each(|token| answer.push(token));
        }
    }
}
