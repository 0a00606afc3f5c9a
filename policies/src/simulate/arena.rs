//! Lists that are looked up by an id of their own kind, so that a backend's number never finds a request.

use std::marker::PhantomData;
use std::ops::{Index, IndexMut};

/// A place in an [`Arena`] of its kind.
pub trait Id: Copy {
    /// The id of that place.
    fn new(place: usize) -> Self;
    /// The place, from 0.
    fn place(self) -> usize;
}

/// A list of `T` that is looked up by `I`. An id is only ever made for a place that exists, and nothing is removed.
#[derive(Clone, Debug, PartialEq)]
pub struct Arena<I, T> {
    items: Vec<T>,
    kind: PhantomData<I>,
}

impl<I: Id, T> Arena<I, T> {
    /// Appends an item.
    pub(super) fn push(&mut self, item: T) -> I {
        self.items.push(item);
        I::new(self.items.len() - 1)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The ids, in order.
    pub fn ids(&self) -> impl Iterator<Item = I> + use<I, T> {
        (0..self.items.len()).map(I::new)
    }

    /// The items, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.items.iter()
    }

    /// What `make` makes of each item, under the same ids.
    pub fn map<U>(&self, make: impl FnMut(&T) -> U) -> Arena<I, U> {
        self.items.iter().map(make).collect()
    }
}

impl<I, T> Default for Arena<I, T> {
    fn default() -> Self {
        Self { items: Vec::new(), kind: PhantomData }
    }
}

impl<I, T> FromIterator<T> for Arena<I, T> {
    fn from_iter<A: IntoIterator<Item = T>>(items: A) -> Self {
        Self { items: items.into_iter().collect(), kind: PhantomData }
    }
}

impl<I: Id, T> Index<I> for Arena<I, T> {
    type Output = T;

    #[expect(clippy::expect_used, reason = "the simulator's own invariant: ids are made by `push` and `ids` alone")]
    fn index(&self, id: I) -> &T {
        self.items.get(id.place()).expect("the id is a place, because nothing else makes ids and nothing is removed")
    }
}

impl<I: Id, T> IndexMut<I> for Arena<I, T> {
    #[expect(clippy::expect_used, reason = "the simulator's own invariant: ids are made by `push` and `ids` alone")]
    fn index_mut(&mut self, id: I) -> &mut T {
        self.items.get_mut(id.place()).expect("the id is a place, because nothing else makes ids and nothing is removed")
    }
}

/// Declares an id.
macro_rules! id {
    ($(#[$doc:meta])* $visibility:vis $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $visibility struct $name(usize);

        impl $crate::simulate::arena::Id for $name {
            fn new(place: usize) -> Self {
                Self(place)
            }

            fn place(self) -> usize {
                self.0
            }
        }
    };
}
pub(super) use id;
