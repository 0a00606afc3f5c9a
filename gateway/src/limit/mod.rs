//! What bounds a request: how many run at once, how many are a tenant's, and how long one may take.

mod deadline;
mod in_flight;
mod tenant;

pub use deadline::{Deadline, DeadlineLayer};
pub use in_flight::{InFlight, InFlightLayer};
pub use tenant::{Allowance, TenantLimit, TenantLimitLayer};
