//! Items under equal keys, both in the order in which they came.

use std::collections::HashMap;
use std::hash::Hash;

/// Items under equal keys, both in the order in which they came.
pub(super) struct Groups<K, T> {
    pub(super) groups: Vec<(K, Vec<T>)>,
    places: HashMap<K, usize>,
}

impl<K, T> Default for Groups<K, T> {
    fn default() -> Self {
        Self { groups: Vec::new(), places: HashMap::new() }
    }
}

impl<K: Clone + Eq + Hash, T> Groups<K, T> {
    /// Adds an item under a key.
    pub(super) fn add(&mut self, key: K, item: T) {
        let place = *self.places.entry(key.clone()).or_insert(self.groups.len());
        match self.groups.get_mut(place) {
            Some((_, items)) => items.push(item),
            None => self.groups.push((key, vec![item])),
        }
    }
}
