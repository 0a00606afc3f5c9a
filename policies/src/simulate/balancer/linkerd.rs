//! linkerd's rule (`linkerd2-proxy`, load biaser): peak-EWMA in which a failure counts as an answer of five seconds.

use super::peak_ewma::{Constants, Failure, Limited};

/// linkerd's numbers.
pub(super) const LINKERD: Constants =
    Constants { decay: 10.0, initial: 1.0, failure: Failure::Penalty(5.0), limited: Limited::Kept };
