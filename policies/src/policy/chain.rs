//! Which routes of a model are asked for a class of tenants, and in which order.

use std::collections::HashMap;

use super::by_tenant::Fits;
use super::class::ClassIndex;
use crate::spec::RouteSpec;

/// The routes of one model, by classes of tenants. Each chain ends with the first route that matches whatever else is in the request.
#[derive(Clone, Debug)]
pub(super) struct Chains {
    /// All of them, by their places in the policy.
    all: Box<[u32]>,
    /// Each chain once.
    distinct: Vec<Box<[u32]>>,
    /// The chain of each class.
    by_class: Box<[u32]>,
}

impl Chains {
    /// Those of the routes at `places`, which are those of the model; `classes` are the routes that are for each class.
    pub(super) fn compile(places: Vec<usize>, classes: &[Fits], routes: &[RouteSpec]) -> Self {
        let mut distinct: Vec<Box<[u32]>> = Vec::new();
        let mut seen: HashMap<Box<[u32]>, u32> = HashMap::new();
        let all: Box<[u32]> = places.into_iter().filter_map(|place| u32::try_from(place).ok()).collect();
        let mut chain = |class: &Fits| {
            let mut chain = Vec::new();
            for place in &all {
                let Some(route) = routes.get(*place as usize).filter(|_| class.holds(*place as usize)) else { continue };
                chain.push(*place);
                if route.is_certain() {
                    break;
                }
            }
            let chain: Box<[u32]> = chain.into();
            *seen.entry(chain).or_insert_with_key(|chain| {
                distinct.push(chain.clone());
                u32::try_from(distinct.len() - 1).unwrap_or(u32::MAX)
            })
        };
        let by_class = classes.iter().map(&mut chain).collect();
        Self { distinct, by_class, all }
    }

    /// The routes to ask for a class, in order, by their places in the policy.
    pub(super) fn of(&self, class: ClassIndex) -> impl Iterator<Item = usize> {
        let chain = self.by_class.get(class.0).and_then(|place| self.distinct.get(*place as usize));
        chain.into_iter().flatten().map(|place| *place as usize)
    }

    /// All routes of the model, in order, by their places in the policy.
    pub(super) fn all(&self) -> impl Iterator<Item = usize> {
        self.all.iter().map(|place| *place as usize)
    }
}
