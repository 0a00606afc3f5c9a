//! Which prompts a step reads on, and how much of each.

use super::law::{Decoding, Law};
use super::{Schedule, Sequence, Share};
use crate::chat::Priority;

/// How many prompts may be read in part at the same time: more would all be ready later.
const PARTIAL: usize = 2;

/// A prompt overtakes one of which so many times as much is unread: whoever asks a short question does not wait for a book to be read.
const TIMES_SHORTER: usize = 4;

/// Whether a prompt of so many tokens is read before another one that is begun, and of which so many are unread.
pub(crate) const fn overtakes(tokens: usize, unread: usize) -> bool {
    tokens.saturating_mul(TIMES_SHORTER) <= unread
}

/// What the first of several prompts may take of what a step reads. The others go on meanwhile.
pub(crate) const fn first_share(budget: usize) -> usize {
    budget.div_ceil(2)
}

impl<A> Schedule<A> {
    /// Spends what the step has left on prompts.
    pub(super) fn read_prompts(&mut self, law: &Law, decoding: Decoding, shares: &mut Vec<Share>) {
        let mut allowance = law.allowance(decoding);
        let generated: usize = shares.iter().map(|share| share.tokens).sum();
        let mut budget = self.limits.tokens.saturating_sub(generated);
        self.let_overtake();
        let (preferred, begun) = (self.waiting.preferred(), self.begun());
        let mut open = begun.len();
        let mut is_shared = open > 1 && begun.iter().all(|place| self.is_of(*place, preferred));
        let mut begun = begun.into_iter().peekable();
        while budget > 0 {
            let next = begun.next_if(|place| self.is_of(*place, preferred)).or_else(|| {
                let is_next = begun.peek().is_none() || self.waiting.waits(preferred);
                let admitted = if is_next && open < PARTIAL { self.admit(usize::MAX) } else { None };
                open += usize::from(admitted.is_some());
                admitted.or_else(|| begun.next())
            });
            let Some(place) = next else { break };
            let Some(sequence) = self.running.get_mut(place) else { break };
            let (computed, left) = (sequence.cached.computed(), sequence.cached.left());
            let tokens = if std::mem::take(&mut is_shared) {
                allowance.spend_half(computed, left, first_share(budget))
            } else {
                allowance.spend(computed, left, budget)
            };
            if tokens == 0 {
                break;
            }
            shares.push(Share { place, tokens });
            let new = sequence.charge(tokens);
            self.waiting.charge(&sequence.ticket, new);
            budget -= tokens;
            open -= usize::from(tokens == left);
        }
    }

    /// Admits the next that waits beside a prompt that is begun, if it is so much shorter that it overtakes.
    fn let_overtake(&mut self) {
        if let [only] = self.begun()[..]
            && let Some(unread) = self.running.get(only).map(|sequence| sequence.cached.left())
        {
            self.admit(unread);
        }
    }

    /// Where those run whose prompts are read in part, in the order in which they are read on: of two, the shorter first.
    fn begun(&self) -> Vec<usize> {
        let preferred = self.waiting.preferred();
        let is_begun = |sequence: &Sequence<A>| !sequence.is_generated() && sequence.cached.has_room(&self.pool);
        let running = self.running.iter().enumerate().filter(|(_, sequence)| !sequence.is_held && is_begun(sequence));
        let rank =
            |sequence: &Sequence<A>| (sequence.ticket.priority != preferred, sequence.cached.left(), sequence.ticket.order);
        let mut begun: Vec<_> = running.map(|(place, sequence)| (rank(sequence), place)).collect();
        begun.sort_unstable();
        begun.into_iter().map(|(_, place)| place).collect()
    }

    fn is_of(&self, place: usize, priority: Priority) -> bool {
        self.running.get(place).is_some_and(|sequence| sequence.ticket.priority == priority)
    }

    /// Lets the next sequence that waits run, if there is room and it overtakes a prompt of which so much is unread, and says where.
    fn admit(&mut self, unread: usize) -> Option<usize> {
        let place = self.running.len();
        if self.rows() >= self.limits.rows {
            return None;
        }
        let spare = self.spare();
        let (pool, preferred) = (&mut self.pool, self.waiting.preferred());
        let may_run = |next: &mut Sequence<A>| overtakes(next.cached.left(), unread) && next.cached.admit(pool, spare);
        let mut sequence = self.waiting.pop_if(may_run)?;
        sequence.is_due = preferred == Priority::Batch;
        self.running.push(sequence);
        Some(place)
    }
}
