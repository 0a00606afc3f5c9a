//! Expressions that no question of a plan satisfies, or that may change their mind between two that were asked: what they are for is not known, so what
//! becomes of that is not either.

use std::collections::BTreeSet;

use super::needs::Need;
use super::questions::Looked;
use super::tenants::Tenants;
use crate::policy::Policy;
use crate::request::{Caller, Request};
use crate::spec::Expression;
use tradewind_protocol::Operation;

/// What is not compared for that reason, in words.
pub(super) fn note(old: &Policy, new: &Policy, tenants: &Tenants) -> Option<String> {
    let names: BTreeSet<&str> = old.names().chain(new.names()).map(|(name, _)| name).collect();
    let mut unasked: BTreeSet<String> = BTreeSet::new();
    for policy in [old, new] {
        for (route, when) in policy.expressions() {
            // What a conversation is known by can be anything.
            let is_asked = !when.names("session") && names.iter().any(|asked| holds(when, asked, old, new, tenants));
            if !is_asked {
                unasked.insert(format!("`{route}`"));
            }
        }
    }
    (!unasked.is_empty()).then(|| {
        let routes = unasked.into_iter().collect::<Vec<_>>().join(", ");
        format!("what the `when` of these routes is for ({routes}): no request that was tried satisfies it")
    })
}

/// What is not compared because an expression does more with lengths than to compare them, in words.
pub(super) fn note_of_computed(old: &Policy, new: &Policy) -> Option<String> {
    let all = old.expressions().chain(new.expressions());
    let computing: BTreeSet<String> =
        all.filter(|(_, when)| when.mentioned().computes_lengths).map(|(route, _)| format!("`{route}`")).collect();
    (!computing.is_empty()).then(|| {
        let routes = computing.into_iter().collect::<Vec<_>>().join(", ");
        format!("lengths with which the `when` of these routes computes ({routes}): those next to its numbers were tried, and none between")
    })
}

/// Whether some request for that name satisfies the expression.
fn holds(when: &Expression, asked: &str, old: &Policy, new: &Policy, tenants: &Tenants) -> bool {
    let looked = Looked::at(asked, old, new);
    let needs: Vec<Need> = std::iter::once(Need::Nothing).chain(looked.needs()).collect();
    looked.marks.iter().any(|(_, mark)| {
        tenants.examples().any(|(_, tenant)| {
            let caller = Caller { tenant, claims: &mark.claims, models: None, headers: &mark.headers };
            Operation::ALL.into_iter().any(|operation| {
                needs.iter().any(|need| {
                    let request = Request { needs: need.needs(), ..Request::new(caller, asked, operation) };
                    when.holds(&request) == Ok(true)
                })
            })
        })
    })
}
