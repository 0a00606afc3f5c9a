//! What a running gateway says of its policy, at its operators' listener.

use std::io;
use std::time::Duration;

use http::uri::PathAndQuery;
use serde::Deserialize;
use tokio::runtime::Runtime;
use tokio::time::{Instant, sleep};
use tradewind_policies::spec::BaseUrl;
use tradewind_policies::{InvalidHash, PolicyHash};

use super::error::OperateError;
use crate::client::{ClientOptions, PageError, Pages, client};
use crate::config::ListenAddress;
use crate::in_force::Refusal;

/// How long one answer may take: it is near, and has nothing to compute.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is asked again.
const EVERY: Duration = Duration::from_millis(50);

/// The operators' listener of a gateway that runs.
pub(super) struct Operators {
    runtime: Runtime,
    pages: Pages,
    address: String,
}

/// What a gateway says.
#[derive(Debug, Deserialize)]
struct Answer {
    hash: String,
    refused: Option<Refusal>,
}

/// The policy in force at a gateway.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) hash: PolicyHash,
    /// Why what its files say is not in force.
    pub(super) refused: Option<Refusal>,
}

/// What became of a policy that was put in place.
#[derive(Debug)]
pub(super) enum Verdict {
    InForce,
    Refused(Refusal),
    /// Neither was told in time.
    Silent,
}

impl Operators {
    /// Asks at `address`. Nothing, if nobody answers there.
    pub(super) fn ask(address: &ListenAddress) -> Result<Option<(Self, Told)>, OperateError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(OperateError::Runtime)?;
        let no_gateway = |problem: String| OperateError::NoGateway { address: address.to_string(), problem };
        let root: BaseUrl = format!("http://{address}").parse().map_err(|error| no_gateway(format!("{error}")))?;
        // The pool's own clock belongs to the runtime.
        let client = runtime.block_on(async { client(&ClientOptions::plain(PATIENCE)) })?;
        let operators = Self { pages: Pages::new(client, &root, None), runtime, address: address.to_string() };
        match operators.runtime.block_on(operators.fetch()) {
            Ok(told) => Ok(Some((operators, told))),
            Err(Silence::Nobody) => Ok(None),
            Err(Silence::Strange(problem)) => Err(no_gateway(problem)),
        }
    }

    /// Where it is.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Waits, no longer than `limit`, until the gateway has taken up the policy of this hash or refused it.
    pub(super) fn wait(&self, hash: PolicyHash, limit: Duration) -> Verdict {
        self.runtime.block_on(async {
            let end = Instant::now() + limit;
            while Instant::now() < end {
                // A gateway that restarts is asked again.
                if let Ok(told) = self.fetch().await {
                    if told.hash == hash {
                        return Verdict::InForce;
                    }
                    let text = hash.to_string();
                    if let Some(refusal) = told.refused.filter(|refusal| refusal.hash.as_ref() == Some(&text)) {
                        return Verdict::Refused(refusal);
                    }
                }
                sleep(EVERY).await;
            }
            Verdict::Silent
        })
    }

    async fn fetch(&self) -> Result<Told, Silence> {
        let page = self.pages.get(&PathAndQuery::from_static("/policy"), PATIENCE).await?;
        let Answer { hash, refused } = serde_json::from_slice(&page)?;
        Ok(Told { hash: hash.parse()?, refused })
    }
}

/// Why nothing is told.
enum Silence {
    /// There is nobody.
    Nobody,
    /// There is somebody else.
    Strange(String),
}

impl From<PageError> for Silence {
    fn from(error: PageError) -> Self {
        match error {
            PageError::Unreachable(_) => Self::Nobody,
            PageError::Late { .. } | PageError::Refused(_) => Self::Strange(error.to_string()),
        }
    }
}

impl From<serde_json::Error> for Silence {
    fn from(error: serde_json::Error) -> Self {
        Self::Strange(io::Error::from(error).to_string())
    }
}

impl From<InvalidHash> for Silence {
    fn from(error: InvalidHash) -> Self {
        Self::Strange(error.to_string())
    }
}
