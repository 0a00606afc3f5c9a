//! Puts a policy in the place of another, for all requests that come from then on.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::Notify;
use tradewind_policies::Policy;

use super::LoadError;
use crate::{
    backend::Named,
    in_force::Board,
    snapshot::{Builder, Snapshot},
};

/// The place of the policy in force.
#[derive(Debug, Clone)]
pub struct Swap {
    builder: Builder,
    current: Arc<ArcSwap<Snapshot>>,
    /// Told whenever that is another.
    replaced: Arc<Notify>,
    board: Arc<Board>,
}

/// A policy that is ready to be put in force.
#[derive(Debug)]
pub(super) struct Prepared {
    snapshot: Snapshot,
    named: Named,
}

impl Swap {
    /// Replaces `current`, whose backends were built by `builder`, and writes so on the `board`.
    #[must_use]
    pub fn new(builder: Builder, current: Arc<ArcSwap<Snapshot>>, board: Arc<Board>) -> Self {
        Self { builder, current, replaced: Arc::new(Notify::new()), board }
    }

    /// Told whenever a policy came into force.
    #[must_use]
    pub fn replaced(&self) -> Arc<Notify> {
        Arc::clone(&self.replaced)
    }

    /// What is told of the policy in force.
    #[must_use]
    pub const fn board(&self) -> &Arc<Board> {
        &self.board
    }

    /// Puts `policy` in force, if it is not. Requests that have begun keep the policy that they began with.
    ///
    /// # Errors
    /// It cannot be set up; the one before stays in force.
    pub fn put_in_force(&self, policy: Policy) -> Result<(), LoadError> {
        if let Some(prepared) = self.prepare(policy)? {
            self.swap(prepared);
        }
        Ok(())
    }

    /// Sets `policy` up. Nothing, if it is in force already.
    pub(super) fn prepare(&self, policy: Policy) -> Result<Option<Prepared>, LoadError> {
        self.builder.engines().reread()?;
        let named = Named::of(&policy).map_err(LoadError::Local)?;
        let current = self.current.load();
        let snapshot = Snapshot::build(policy, &self.builder, Some(&current)).map_err(LoadError::Unbuildable)?;
        Ok((snapshot.policy.hash() != current.policy.hash()).then_some(Prepared { snapshot, named }))
    }

    pub(super) fn swap(&self, Prepared { snapshot, named }: Prepared) {
        let hash = snapshot.policy.hash();
        super::warn_of_stale_prices(&snapshot.policy);
        snapshot.warm();
        self.current.store(Arc::new(snapshot));
        self.builder.engines().follow(&named);
        self.replaced.notify_one();
        self.board.in_force(hash);
    }
}
