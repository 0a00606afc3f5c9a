//! What bounds a request: how many run at once, how many are a tenant's, how much a tenant may spend, and how long one may take.

mod accounts;
mod budget;
mod copies;
mod deadline;
mod in_flight;
mod spending;
mod tenant;

pub use budget::{BudgetLayer, Budgeted};
pub use copies::CopyReservation;
pub use deadline::{Deadline, DeadlineLayer};
pub use in_flight::{InFlight, InFlightLayer};
pub use spending::Spending;
pub use tenant::{Allowance, TenantLimit, TenantLimitLayer};
