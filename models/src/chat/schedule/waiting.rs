//! Who is next: the sequences that wait, by priority and by tenant.
//!
//! # Between tenants
//! Every tenant has a counter of what was computed for it, divided by its weight, and the smallest is next (a virtual token counter: Sheng
//! et al., OSDI 2024). Whoever was away is lifted to the least of those present, so that nobody saves up. A tenant that asks for more than
//! its share waits behind its own requests, not before those of others; nothing is held back while there is room.
//!
//! # Between priorities
//! Interactive requests go first, always, but for a twentieth of what is computed while requests of a batch wait: these are slow on a busy
//! engine and never stand still.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::chat::{Priority, Tenant};

/// The part of the work that is left to batches while interactive requests wait.
const BATCH_SHARE: f64 = 0.05;

/// Where a sequence stands in line.
#[derive(Debug, Clone)]
pub(crate) struct Ticket {
    pub(crate) tenant: Tenant,
    pub(crate) priority: Priority,
    /// Smaller came earlier.
    pub(crate) order: u64,
}

/// What waits, with the accounts of all tenants that have anything waiting or running.
#[derive(Debug)]
pub(crate) struct Waiting<S> {
    accounts: BTreeMap<Arc<str>, Account<S>>,
    /// Sequences of both priorities that wait or run.
    present: Present,
    /// What batches may still compute while there are interactive requests.
    batch_credit: f64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Present {
    interactive: usize,
    batch: usize,
}

impl Present {
    const fn of(&mut self, priority: Priority) -> &mut usize {
        match priority {
            Priority::Interactive => &mut self.interactive,
            Priority::Batch => &mut self.batch,
        }
    }
}

#[derive(Debug)]
struct Account<S> {
    counter: f64,
    weight: f64,
    /// Sequences that wait or run.
    present: usize,
    queues: Queues<S>,
}

/// The sequences of a tenant, the earliest first.
#[derive(Debug)]
struct Queues<S> {
    interactive: BTreeMap<u64, S>,
    batch: BTreeMap<u64, S>,
}

impl<S> Queues<S> {
    const fn of(&self, priority: Priority) -> &BTreeMap<u64, S> {
        match priority {
            Priority::Interactive => &self.interactive,
            Priority::Batch => &self.batch,
        }
    }

    const fn of_mut(&mut self, priority: Priority) -> &mut BTreeMap<u64, S> {
        match priority {
            Priority::Interactive => &mut self.interactive,
            Priority::Batch => &mut self.batch,
        }
    }
}

impl<S> Default for Waiting<S> {
    fn default() -> Self {
        Self { accounts: BTreeMap::new(), present: Present::default(), batch_credit: 0.0 }
    }
}

impl<S> Waiting<S> {
    /// A sequence has come that was not here before.
    pub(crate) fn arrive(&mut self, ticket: &Ticket) {
        let present = self.accounts.values().filter(|account| account.present > 0);
        let least = present.map(|account| account.counter).reduce(f64::min).unwrap_or(0.0);
        let account = self.accounts.entry(Arc::clone(&ticket.tenant.name)).or_insert_with(|| Account {
            counter: 0.0,
            weight: 1.0,
            present: 0,
            queues: Queues { interactive: BTreeMap::new(), batch: BTreeMap::new() },
        });
        account.weight = f64::from(ticket.tenant.weight.get());
        if account.present == 0 {
            account.counter = account.counter.max(least);
        }
        account.present += 1;
        *self.present.of(ticket.priority) += 1;
    }

    /// A sequence has ended.
    pub(crate) fn leave(&mut self, ticket: &Ticket) {
        if let Some(account) = self.accounts.get_mut(&ticket.tenant.name) {
            account.present = account.present.saturating_sub(1);
        }
        let present = self.present.of(ticket.priority);
        *present = present.saturating_sub(1);
        // An account at or below the least would be lifted to it: it says no more than none.
        let present = self.accounts.values().filter(|account| account.present > 0);
        let least = present.map(|account| account.counter).reduce(f64::min).unwrap_or(f64::INFINITY);
        self.accounts.retain(|_, account| account.present > 0 || account.counter > least);
    }

    /// So much was computed for a sequence.
    pub(crate) fn charge(&mut self, ticket: &Ticket, amount: f64) {
        if let Some(account) = self.accounts.get_mut(&ticket.tenant.name) {
            account.counter += amount / account.weight;
        }
        match ticket.priority {
            _ if self.present.batch == 0 || self.present.interactive == 0 => self.batch_credit = 0.0,
            Priority::Interactive => self.batch_credit += amount * BATCH_SHARE / (1.0 - BATCH_SHARE),
            Priority::Batch => self.batch_credit -= amount,
        }
    }

    /// Puts a sequence in line, at the place of its ticket.
    pub(crate) fn push(&mut self, ticket: &Ticket, sequence: S) {
        if let Some(account) = self.accounts.get_mut(&ticket.tenant.name) {
            account.queues.of_mut(ticket.priority).insert(ticket.order, sequence);
        }
    }

    /// Takes the next sequence out of the line if it `fits`; if it does not, nobody behind it is tried, or it would wait for ever.
    pub(crate) fn pop_if(&mut self, fits: impl FnOnce(&mut S) -> bool) -> Option<S> {
        let mut next = self.next()?.first_entry()?;
        fits(next.get_mut()).then(|| next.remove())
    }

    /// The next in line.
    pub(crate) fn peek(&mut self) -> Option<&S> {
        self.next()?.first_key_value().map(|(_, next)| next)
    }

    fn next(&mut self) -> Option<&mut BTreeMap<u64, S>> {
        let preferred = self.preferred();
        let priority = if self.waits(preferred) { preferred } else { preferred.other() };
        let waiting = self.accounts.values_mut().filter_map(|account| {
            let (first, _) = account.queues.of(priority).first_key_value()?;
            Some((account.counter, *first, account.queues.of_mut(priority)))
        });
        let next = waiting.min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        next.map(|(_, _, queue)| queue)
    }

    /// Whose turn it is, if there are both.
    pub(crate) const fn preferred(&self) -> Priority {
        if self.batch_credit > 0.0 { Priority::Batch } else { Priority::Interactive }
    }

    /// Whether anything of this priority waits.
    pub(crate) fn waits(&self, priority: Priority) -> bool {
        self.accounts.values().any(|account| !account.queues.of(priority).is_empty())
    }

    /// Takes out what is no longer wanted.
    pub(crate) fn remove_if(&mut self, mut unwanted: impl FnMut(&S) -> bool) -> Vec<S> {
        let mut removed = Vec::new();
        for account in self.accounts.values_mut() {
            for queue in [&mut account.queues.interactive, &mut account.queues.batch] {
                removed.extend(queue.extract_if(.., |_, sequence| unwanted(sequence)).map(|(_, sequence)| sequence));
            }
        }
        removed
    }

    /// All of a priority, the earliest first.
    pub(crate) fn of(&self, priority: Priority) -> Vec<&S> {
        let mut all: Vec<_> = self.accounts.values().flat_map(|account| account.queues.of(priority)).collect();
        all.sort_unstable_by_key(|(order, _)| **order);
        all.into_iter().map(|(_, sequence)| sequence).collect()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.accounts.values().map(|account| account.queues.interactive.len() + account.queues.batch.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    /// Takes a tenant at its word: every sequence costs the amount that it is.
    struct Line {
        waiting: Waiting<(Ticket, f64)>,
        orders: u64,
    }

    impl Line {
        fn new() -> Self {
            Self { waiting: Waiting::default(), orders: 0 }
        }

        fn push(&mut self, tenant: &str, weight: u32, priority: Priority, cost: f64) {
            self.orders += 1;
            let tenant = Tenant { name: tenant.into(), weight: NonZeroU32::new(weight).unwrap() };
            let ticket = Ticket { tenant, priority, order: self.orders };
            self.waiting.arrive(&ticket);
            self.waiting.push(&ticket, (ticket.clone(), cost));
        }

        /// Serves the next, and says whose it was and what it cost.
        fn serve(&mut self) -> Option<(String, f64)> {
            let (ticket, cost) = self.waiting.pop_if(|_| true)?;
            self.waiting.charge(&ticket, cost);
            self.waiting.leave(&ticket);
            Some((ticket.tenant.name.to_string(), cost))
        }

        /// What each of the first `count` to be served cost, by tenant.
        fn costs(&mut self, count: usize) -> BTreeMap<String, f64> {
            let mut costs = BTreeMap::new();
            for (tenant, cost) in std::iter::from_fn(|| self.serve()).take(count) {
                *costs.entry(tenant).or_default() += cost;
            }
            costs
        }
    }

    #[test]
    fn a_flood_of_one_tenant_does_not_delay_another() {
        let mut line = Line::new();
        (0..100).for_each(|_| line.push("flood", 1, Priority::Interactive, 10.0));
        (0..5).for_each(|_| line.push("calm", 1, Priority::Interactive, 10.0));
        assert_eq!(line.costs(10)["calm"], 50.0);
        assert_eq!(line.costs(1000)["flood"], 950.0);
    }

    #[test]
    fn tenants_get_work_by_their_weights_however_it_is_cut_up() {
        let mut line = Line::new();
        (0..1000).for_each(|_| line.push("light", 1, Priority::Interactive, 1.0));
        (0..100).for_each(|_| line.push("heavy", 3, Priority::Interactive, 10.0));
        let costs = line.costs(200);
        assert!((2.5..3.5).contains(&(costs["heavy"] / costs["light"])), "{costs:?}");
    }

    #[test]
    fn whoever_was_away_has_saved_nothing_up_and_whoever_left_in_debt_still_has_it() {
        let mut line = Line::new();
        (0..50).for_each(|_| line.push("a", 1, Priority::Interactive, 10.0));
        line.costs(40);
        (0..50).for_each(|_| line.push("b", 1, Priority::Interactive, 10.0));
        assert_eq!(line.costs(10)["a"], 50.0);

        let mut line = Line::new();
        (0..20).for_each(|_| line.push("patient", 1, Priority::Interactive, 1.0));
        line.push("greedy", 1, Priority::Interactive, 5.0);
        while line.serve().unwrap().0 != "greedy" {}
        line.push("greedy", 1, Priority::Interactive, 5.0);
        assert!((0..4).all(|_| line.serve().unwrap().0 == "patient"));
    }

    #[test]
    fn batches_get_a_twentieth_while_others_wait_and_everything_when_none_do() {
        let mut line = Line::new();
        (0..400).for_each(|_| line.push("a", 1, Priority::Interactive, 1.0));
        (0..400).for_each(|_| line.push("b", 1, Priority::Batch, 1.0));
        let costs = line.costs(400);
        assert!((19.0..23.0).contains(&costs["b"]), "{costs:?}");
        assert_eq!(line.costs(1000).values().sum::<f64>(), 400.0);
    }

    #[test]
    fn what_does_not_fit_is_not_overtaken_and_keeps_its_place() {
        let mut line = Line::new();
        line.push("a", 1, Priority::Interactive, 100.0);
        line.push("a", 1, Priority::Interactive, 1.0);
        assert!(line.waiting.pop_if(|(_, cost)| *cost < 50.0).is_none());
        assert_eq!(line.waiting.len(), 2);
        assert_eq!(line.serve().unwrap().1, 100.0);
        assert_eq!(line.waiting.remove_if(|(_, cost)| *cost == 1.0).len(), 1);
        assert_eq!(line.waiting.len(), 0);
    }
}
