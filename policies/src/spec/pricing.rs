//! What is known of the price of one model at one backend, and who says so.

use std::sync::Arc;

use super::{NanoUsd, Price};
use crate::read::ServerCost;

/// What is known of the price of one model at one backend.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Pricing {
    /// Nobody says what it costs.
    #[default]
    Unknown,
    /// The policy says that it is not to be priced.
    Off,
    /// It is known.
    Known {
        /// The price.
        price: Arc<Price>,
        /// Who says so.
        origin: Origin,
    },
}

/// Who says what a model costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The policy, of the model.
    Policy,
    /// The table of prices.
    Table,
    /// The policy, of the backend's server alone.
    Server,
}

impl Pricing {
    /// The price, if it is known.
    pub fn known(&self) -> Option<&Arc<Price>> {
        match self {
            Self::Known { price, .. } => Some(price),
            Self::Unknown | Self::Off => None,
        }
    }

    /// Whether the table of prices says what it costs.
    pub(crate) const fn is_of_table(&self) -> bool {
        matches!(self, Self::Known { origin: Origin::Table, .. })
    }

    /// The same with what the server costs.
    pub(crate) fn with(self, server: ServerCost) -> Self {
        let ServerCost { per_hour, egress_per_gb } = server;
        match self {
            Self::Off => Self::Off,
            // What leaves a network is no whole price: its tokens are not free because nobody tells what they cost.
            Self::Unknown if per_hour == NanoUsd::ZERO => Self::Unknown,
            Self::Unknown => {
                Self::Known { price: Arc::new(Price { per_hour, egress_per_gb, ..Price::default() }), origin: Origin::Server }
            }
            Self::Known { price, origin } => {
                Self::Known { price: Arc::new(Price { per_hour, egress_per_gb, ..Arc::unwrap_or_clone(price) }), origin }
            }
        }
    }
}
