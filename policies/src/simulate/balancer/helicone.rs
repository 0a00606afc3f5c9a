//! Helicone's rule (`ai-gateway`): tower's peak-EWMA, and a backend that answers 429 is taken out for as long as it says.
//!
//! The margin is the short one that Helicone's own tests use. The one it ships with, half a minute, would leave a limited
//! backend out for so much longer that its price and speed hardly counted.

use super::peak_ewma::{Constants, Failure, Limited};

/// Helicone's numbers.
pub(super) const HELICONE: Constants =
    Constants { decay: 30.0, initial: 0.25, failure: Failure::Answer, limited: Limited::Removed { usual: 30.0, margin: 1.0 } };
