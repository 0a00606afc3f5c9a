//! Which tokens of which sequences the next step computes.
//!
//! Every answer that is being generated gets its token in every step, whatever else there is to do; what time is left is spent on prompts,
//! piece by piece, those first that are begun (Orca: Yu et al., OSDI 2022; chunked prefill: Agrawal et al., OSDI 2024).
//!
//! # Room in the cache
//! A sequence is admitted when there are blocks for what it has, a block for each that runs already, and a few more. How long its answer may
//! become is not reserved, since most are far shorter. When blocks run out nevertheless, the youngest sequence of the least priority is put
//! aside and computed again later. Its blocks can still be found, so that this costs little unless they are needed indeed.

mod cached;
mod law;
mod pool;
mod reading;
mod waiting;

pub(crate) use self::cached::Cached;
pub(crate) use self::law::{Decoding, Law};
pub(crate) use self::pool::{Pool, Prefix};
pub(crate) use self::reading::{first_share, overtakes};
pub(crate) use self::waiting::{Ticket, Waiting};
use super::{CacheUse, Priority};

/// A sequence that was put aside is left alone for so many steps.
const UNDISTURBED: u64 = 64;

/// So many tokens of an answer are computed in one step, whatever else there is to do: one, and those that must follow it.
const GENERATED_AT_ONCE: usize = 16;

/// Of so many blocks, one is kept free when sequences are admitted.
const WATERMARK: usize = 100;

/// What a token costs a tenant that is generated; one that is read costs 1.
const GENERATED: f64 = 2.0;

/// What runs or waits: a sequence of tokens, and something of the caller's that goes with it.
#[derive(Debug)]
pub(crate) struct Sequence<A> {
    pub(crate) ticket: Ticket,
    pub(crate) cached: Cached,
    /// The step in which it was put aside last.
    put_aside: Option<u64>,
    /// Whether it runs although others of a higher priority wait, because it was its turn.
    is_due: bool,
    /// Whether it takes no step until its answer is read.
    pub(crate) is_held: bool,
    /// So many of its tokens are charged. What is computed again is not.
    charged: usize,
    pub(crate) answer: A,
}

impl<A> Sequence<A> {
    pub(crate) const fn new(ticket: Ticket, cached: Cached, answer: A) -> Self {
        Self { ticket, cached, put_aside: None, is_due: false, is_held: false, charged: 0, answer }
    }

    /// How many of the next `tokens` are to be charged.
    fn charge(&mut self, tokens: usize) -> f64 {
        let end = self.cached.computed() + tokens;
        let new = end.saturating_sub(self.charged.max(self.cached.computed()));
        self.charged = self.charged.max(end);
        new as f64
    }

    /// Whether its answer is being generated, rather than something of it read.
    pub(crate) fn is_generated(&self) -> bool {
        self.cached.left() == 1 || self.cached.is_answer() && self.cached.left() <= GENERATED_AT_ONCE
    }

    /// The greater, the sooner it is put aside.
    const fn dispensable(&self) -> (Priority, u64) {
        (self.ticket.priority, self.ticket.order)
    }
}

/// How much a step may compute.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Tokens.
    pub(crate) tokens: usize,
    /// Sequences.
    pub(crate) rows: usize,
}

/// What a step computes of a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Share {
    /// Which of those that run.
    pub(crate) place: usize,
    /// How many of its tokens.
    pub(crate) tokens: usize,
}

/// The sequences of an engine, and the blocks that they share.
#[derive(Debug)]
pub(crate) struct Schedule<A> {
    limits: Limits,
    pool: Pool,
    waiting: Waiting<Sequence<A>>,
    running: Vec<Sequence<A>>,
    /// Those that had to give up their blocks while they were held.
    parked: Vec<Sequence<A>>,
    steps: u64,
}

impl<A> Schedule<A> {
    pub(crate) fn new(limits: Limits, pool: Pool) -> Self {
        Self { limits, pool, waiting: Waiting::default(), running: Vec::new(), parked: Vec::new(), steps: 0 }
    }

    pub(crate) const fn pool(&self) -> &Pool {
        &self.pool
    }

    pub(crate) fn cache_use(&self) -> CacheUse {
        CacheUse { blocks: self.pool.layout().blocks, free: self.pool.available(), steps: self.steps }
    }

    pub(crate) const fn limits(&self) -> Limits {
        self.limits
    }

    pub(crate) fn running(&self) -> &[Sequence<A>] {
        &self.running
    }

    pub(crate) const fn waiting(&self) -> &Waiting<Sequence<A>> {
        &self.waiting
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.running.is_empty() && self.parked.is_empty() && self.waiting.len() == 0
    }

    /// Whether all sequences are held.
    pub(crate) fn is_held(&self) -> bool {
        self.waiting.len() == 0 && self.running.iter().all(|sequence| sequence.is_held)
    }

    /// Holds some, and lets all others go on. One that is held keeps its blocks while nobody else needs them.
    pub(crate) fn hold(&mut self, is_held: impl Fn(&A) -> bool) {
        for sequence in &mut self.running {
            sequence.is_held = is_held(&sequence.answer);
        }
        let released: Vec<_> = self.parked.extract_if(.., |sequence| !is_held(&sequence.answer)).collect();
        for mut sequence in released {
            sequence.is_held = false;
            self.waiting.push(&sequence.ticket.clone(), sequence);
        }
    }

    /// Blocks that are left to those that run when one more is admitted.
    fn spare(&self) -> usize {
        match self.running.len() {
            0 => 0,
            running => running + self.pool.layout().blocks.div_ceil(WATERMARK),
        }
    }

    /// How many take part in steps.
    fn rows(&self) -> usize {
        self.running.iter().filter(|sequence| !sequence.is_held).count()
    }

    /// Takes a sequence in.
    pub(crate) fn push(&mut self, sequence: Sequence<A>) {
        let ticket = sequence.ticket.clone();
        self.waiting.arrive(&ticket);
        self.waiting.push(&ticket, sequence);
    }

    /// Ends all sequences that are not wanted any more.
    pub(crate) fn remove_if(&mut self, mut unwanted: impl FnMut(&A) -> bool) {
        let mut removed = self.waiting.remove_if(|sequence| unwanted(&sequence.answer));
        removed.extend(self.running.extract_if(.., |sequence| unwanted(&sequence.answer)));
        removed.extend(self.parked.extract_if(.., |sequence| unwanted(&sequence.answer)));
        for mut sequence in removed {
            sequence.cached.release(&mut self.pool);
            self.waiting.leave(&sequence.ticket);
        }
    }

    /// Decides what the next step computes. Nothing, only if there is nothing to do but for those that are held.
    pub(crate) fn plan(&mut self, law: &Law) -> Vec<Share> {
        self.steps += 1;
        self.make_way();
        self.make_room();
        let mut shares = Vec::new();
        let mut decoding = Decoding::default();
        let mut budget = self.limits.tokens;
        for (place, sequence) in self.running.iter_mut().enumerate() {
            // Those that were held come back to more than there are rows for: the earliest first.
            let has_row = shares.len() < self.limits.rows && budget > 0;
            if has_row && !sequence.is_held && sequence.is_generated() && sequence.cached.has_room(&self.pool) {
                let tokens = sequence.cached.left().min(budget);
                let new = sequence.charge(tokens);
                self.waiting.charge(&sequence.ticket, GENERATED * new);
                shares.push(Share { place, tokens });
                budget -= tokens;
                decoding.rows += 1.0;
                decoding.attended += tokens as f64 * sequence.cached.computed() as f64;
            }
        }
        self.read_prompts(law, decoding, &mut shares);
        shares
    }

    /// The step is done.
    pub(crate) fn advance(&mut self, shares: &[Share]) {
        for share in shares {
            if let Some(sequence) = self.running.get_mut(share.place) {
                sequence.cached.advance(share.tokens, &mut self.pool);
            }
        }
    }

    /// The sequence at this place of those that run.
    pub(crate) fn at(&mut self, place: usize) -> Option<&mut Sequence<A>> {
        self.running.get_mut(place)
    }

    /// The cache is empty: all sequences are to be computed anew.
    pub(crate) fn forget_cache(&mut self) {
        self.pool = Pool::new(self.pool.layout());
        for mut sequence in std::mem::take(&mut self.running) {
            sequence.cached.forget();
            sequence.is_held = false;
            self.waiting.push(&sequence.ticket.clone(), sequence);
        }
    }

    /// Sees to it that the answers that are being generated have room for a token more, and puts sequences aside where there is none.
    fn make_room(&mut self) {
        let mut place = 0;
        while let Some(sequence) = self.running.get_mut(place) {
            if sequence.is_held || sequence.cached.grow(&mut self.pool) {
                place += 1;
            } else if let Some(aside) = self.most_dispensable(UNDISTURBED, |_| true) {
                self.put_aside(aside);
                place -= usize::from(aside < place);
            } else {
                // It has to wait until others have ended.
                place += 1;
            }
        }
        let stands_still = |sequence: &Sequence<A>| sequence.is_held || !sequence.cached.has_room(&self.pool);
        if self.rows() > 0
            && self.running.iter().all(stands_still)
            && let Some(aside) = self.most_dispensable(0, |_| true)
        {
            self.put_aside(aside);
            self.make_room();
        }
    }

    /// The youngest running sequence of the least priority, of those that may go and were not put aside in the last `undisturbed` steps.
    fn most_dispensable(&self, undisturbed: u64, may_go: impl Fn(&Sequence<A>) -> bool) -> Option<usize> {
        let is_rested = |sequence: &Sequence<A>| sequence.put_aside.is_none_or(|step| step + undisturbed <= self.steps);
        let running = self.running.iter().enumerate();
        let candidates = running.filter(|(_, sequence)| may_go(sequence) && is_rested(sequence));
        candidates.max_by_key(|(_, sequence)| sequence.dispensable()).map(|(place, _)| place)
    }

    fn put_aside(&mut self, place: usize) {
        let mut sequence = self.running.remove(place);
        sequence.cached.release(&mut self.pool);
        sequence.put_aside = Some(self.steps);
        if sequence.is_held {
            self.parked.push(sequence);
        } else {
            self.waiting.push(&sequence.ticket.clone(), sequence);
        }
    }

    /// Puts a batch's sequence aside where it takes the place of one that somebody waits for, and one that is held where it takes the
    /// blocks of any that waits.
    fn make_way(&mut self) {
        let spare = self.spare();
        let needed = self.waiting.peek().map_or(0, |next| self.pool.blocks_for(next.cached.tokens().len()) + spare);
        if needed > self.pool.available()
            && let Some(place) = self.most_dispensable(0, |sequence| sequence.is_held)
        {
            self.put_aside(place);
        }
        let is_full = self.rows() >= self.limits.rows;
        if is_full && self.waiting.waits(Priority::Interactive) && self.waiting.preferred() == Priority::Interactive {
            let is_batch = |sequence: &Sequence<A>| sequence.ticket.priority == Priority::Batch && !sequence.is_due;
            if let Some(place) = self.most_dispensable(UNDISTURBED, is_batch) {
                self.put_aside(place);
            }
        }
    }
}
