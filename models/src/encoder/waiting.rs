//! The sequences that wait, in the order in which they are due, and the batch that is made of them.
//!
//! # Whose turn it is
//! Requests share the engine by start-time fair queueing (Goyal, Vin and Cheng, SIGCOMM 1996), counted in tokens: a request's sequences
//! are due one behind the other, and what has just come is due now. So a request of a thousand texts goes on whenever there is room, and
//! one of a single text is in the next batch.
//!
//! # What does not fit
//! A sequence that does not fit into what is left of a batch is passed over for later ones that do; [`MOST_PASSED`] times, and then nothing
//! overtakes it any more.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::TokenSequence;

/// How often a sequence may be passed over. It is near the front then, where the next batch begins.
const MOST_PASSED: u32 = 8;

/// How many sequences a batch passes over in search of ones that fit. The larger it is, the longer forming a batch may take, and the
/// less there is to be gained.
const LOOK_AHEAD: usize = 64;

/// An input of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The request's number.
    pub(super) request: u64,
    /// The input's place in it.
    pub(super) index: usize,
}

/// A checked sequence, and who waits for its output.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sequence {
    pub(super) tokens: TokenSequence,
    /// More than one where the same was asked for several times.
    pub(super) owners: Vec<Place>,
    turn: Turn,
    passed: u32,
    company: Company,
}

/// When a sequence is due, and when it came.
type Turn = (u64, u64);

/// Whether a sequence may share a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Company {
    Any,
    /// A batch with it has failed, and one of the batch is to blame.
    None,
}

/// A request's position in the order.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Line {
    /// When its next sequence is due, unless that is past.
    next: u64,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    sequences: BTreeMap<Turn, Sequence>,
    came: u64,
    /// When the last sequence of the last batch was due.
    now: u64,
}

/// What a sequence means for the batch that is being formed.
enum Fit {
    /// It is in.
    Takes,
    /// A later one may still be.
    Passed,
    /// Nothing more.
    Ends,
}

impl Waiting {
    /// Appends a sequence to its request's line.
    pub(super) fn push(&mut self, line: &mut Line, owner: Place, tokens: TokenSequence) {
        let due = line.next.max(self.now);
        line.next = due + tokens.len() as u64;
        let turn = (due, self.came);
        self.came += 1;
        self.sequences.insert(turn, Sequence { tokens, owners: vec![owner], turn, passed: 0, company: Company::Any });
    }

    /// Takes back the sequences of a batch that failed, to be computed one by one.
    pub(super) fn put_back(&mut self, batch: Vec<Sequence>) {
        for sequence in batch {
            self.sequences.insert(sequence.turn, Sequence { company: Company::None, ..sequence });
        }
    }

    /// Forgets owners that `wants` does not hold for, and sequences without any.
    pub(super) fn retain(&mut self, wants: impl Fn(&Place) -> bool) {
        self.sequences.retain(|_, sequence| {
            sequence.owners.retain(&wants);
            !sequence.owners.is_empty()
        });
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.sequences.is_empty()
    }

    /// Takes out the next batch: at most `budget` different tokens, or one sequence. Sequences with the same tokens become one.
    /// Those that `is_known` holds for are taken out too, and cost no room.
    pub(super) fn batch(&mut self, budget: usize, mut is_known: impl FnMut(&TokenSequence) -> bool) -> Vec<Sequence> {
        let mut forming = Forming { room: budget, ..Forming::default() };
        let (mut taken, mut passed, mut overtaken) = (Vec::new(), Vec::new(), 0);
        for (turn, sequence) in &self.sequences {
            let fit = if is_known(&sequence.tokens) { Fit::Takes } else { forming.offer(sequence) };
            match fit {
                Fit::Takes => {
                    taken.push(*turn);
                    overtaken = passed.len();
                }
                Fit::Passed => passed.push(*turn),
                Fit::Ends => break,
            }
            if forming.is_full() || passed.len() == LOOK_AHEAD {
                break;
            }
        }
        for turn in passed.iter().take(overtaken) {
            self.sequences.entry(*turn).and_modify(|sequence| sequence.passed += 1);
        }
        self.take(&taken)
    }

    fn take(&mut self, turns: &[Turn]) -> Vec<Sequence> {
        let mut batch: Vec<Sequence> = Vec::with_capacity(turns.len());
        let mut places: HashMap<TokenSequence, usize> = HashMap::new();
        for sequence in turns.iter().filter_map(|turn| self.sequences.remove(turn)) {
            self.now = self.now.max(sequence.turn.0);
            let same = places.get(&sequence.tokens).and_then(|place| batch.get_mut(*place));
            if let Some(same) = same {
                same.owners.extend(sequence.owners);
            } else {
                places.insert(sequence.tokens.clone(), batch.len());
                batch.push(sequence);
            }
        }
        batch
    }
}

/// A batch that is being formed.
#[derive(Default)]
struct Forming<'w> {
    room: usize,
    tokens: HashSet<&'w TokenSequence>,
    is_closed: bool,
}

impl<'w> Forming<'w> {
    fn offer(&mut self, sequence: &'w Sequence) -> Fit {
        let is_first = self.tokens.is_empty();
        if sequence.company == Company::None {
            self.is_closed = true;
            return if is_first { Fit::Takes } else { Fit::Ends };
        }
        if self.tokens.contains(&sequence.tokens) {
            return Fit::Takes;
        }
        if sequence.tokens.len() <= self.room || is_first {
            self.room = self.room.saturating_sub(sequence.tokens.len());
            self.tokens.insert(&sequence.tokens);
            return Fit::Takes;
        }
        if sequence.passed < MOST_PASSED { Fit::Passed } else { Fit::Ends }
    }

    fn is_full(&self) -> bool {
        self.is_closed || (self.room == 0 && !self.tokens.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Waiting sequences of these lengths, each of a request of its own, all different.
    fn waiting(lengths: &[usize]) -> Waiting {
        let mut waiting = Waiting::default();
        for (request, length) in (0..).zip(lengths) {
            push(&mut waiting, &mut Line::default(), request, *length);
        }
        waiting
    }

    fn push(waiting: &mut Waiting, line: &mut Line, request: u32, length: usize) {
        let mut tokens = vec![0; length];
        tokens[0] = request;
        waiting.push(line, Place { request: u64::from(request), index: 0 }, TokenSequence::of(tokens));
    }

    fn requests(batch: &[Sequence]) -> Vec<u64> {
        batch.iter().flat_map(|sequence| &sequence.owners).map(|owner| owner.request).collect()
    }

    fn batch(waiting: &mut Waiting, budget: usize) -> Vec<u64> {
        requests(&waiting.batch(budget, |_| false))
    }

    #[test]
    fn a_batch_is_filled_up_to_its_budget_with_what_fits() {
        let mut waiting = waiting(&[4, 9, 3, 2, 3]);
        assert_eq!(batch(&mut waiting, 10), [0, 2, 3]);
        assert_eq!(batch(&mut waiting, 10), [1]);
        assert_eq!(batch(&mut waiting, 10), [4]);
        assert!(waiting.is_empty());
    }

    #[test]
    fn what_is_longer_than_the_budget_is_a_batch_of_its_own() {
        let mut waiting = waiting(&[30, 2]);
        assert_eq!(batch(&mut waiting, 10), [0]);
        assert_eq!(batch(&mut waiting, 10), [1]);
    }

    #[test]
    fn a_sequence_is_overtaken_eight_times_and_then_ends_the_batch() {
        let mut waiting = waiting(&[[6; 12], [4; 12]].concat());
        let batches: Vec<Vec<u64>> = (0..14).map(|_| batch(&mut waiting, 10)).collect();
        for (place, batch) in (0..).zip(&batches) {
            match place {
                // A large one, and a small one that overtakes all other large ones.
                0..8 => assert_eq!(batch, &[place, 12 + place]),
                8..11 => assert_eq!(batch, &[place]),
                // It was the last of them.
                11 => assert_eq!(batch, &[11, 20]),
                _ => assert_eq!(batch, &[[21, 22].as_slice(), &[23]][place as usize - 12]),
            }
        }
        assert!(waiting.is_empty());
    }

    #[test]
    fn a_request_of_many_does_not_hold_up_one_of_few() {
        let mut waiting = Waiting::default();
        let mut many = Line::default();
        for _ in 0..100 {
            push(&mut waiting, &mut many, 1, 5);
        }
        // All the same: they would become one.
        for (place, sequence) in (0..).zip(waiting.sequences.values_mut()) {
            sequence.tokens.ids[1] = place;
        }
        assert_eq!(batch(&mut waiting, 10), [1, 1]);
        push(&mut waiting, &mut Line::default(), 2, 5);
        assert!(batch(&mut waiting, 10).contains(&2));
    }

    #[test]
    fn the_same_tokens_are_computed_once() {
        let mut waiting = waiting(&[4, 4]);
        push(&mut waiting, &mut Line::default(), 0, 4);
        let batch = waiting.batch(100, |_| false);
        assert_eq!(batch.len(), 2);
        assert_eq!(batch[0].owners.len(), 2);
    }

    #[test]
    fn what_is_known_takes_no_room() {
        let mut waiting = waiting(&[8, 8, 8]);
        assert_eq!(requests(&waiting.batch(8, |tokens| tokens.ids[0] < 2)), [0, 1, 2]);
    }

    #[test]
    fn a_batch_that_failed_is_divided() {
        let mut waiting = waiting(&[2, 2, 2]);
        let failed = waiting.batch(4, |_| false);
        assert_eq!(requests(&failed), [0, 1]);
        waiting.put_back(failed);
        assert_eq!(batch(&mut waiting, 100), [0]);
        assert_eq!(batch(&mut waiting, 100), [1]);
        assert_eq!(batch(&mut waiting, 100), [2]);
    }
}
