//! Contexts for the tests of layers.

use super::*;
use crate::{
    auth::Identity,
    backend::LocalEngines,
    client::{ClientOptions, client},
    credential::Surroundings,
    snapshot::Builder,
};

/// What builds the backends of a gateway without local models.
pub(crate) fn builder() -> Builder {
    let http = client(&ClientOptions::plain(Duration::from_secs(1))).unwrap();
    Builder::new(LocalEngines::default(), Surroundings::of_process(http))
}

/// A request to a gateway that serves nothing.
pub(crate) fn context() -> Arc<RequestContext> {
    let policy = tradewind_policies::Policy::local(None, None).unwrap();
    let snapshot = Snapshot::build(policy, &builder(), None).unwrap();
    Arc::new(RequestContext::new(Origin::unknown(), Method::POST, "/v1/chat/completions", Arc::new(snapshot)))
}

/// The same, from this caller.
pub(crate) fn context_of(tenant: &str, subject: &str) -> Arc<RequestContext> {
    let context = context();
    let tenant: tradewind_policies::TenantId = tenant.parse().unwrap();
    let identity = Identity {
        subject: subject.into(),
        named: Some(tenant.clone()),
        issuer: "https://login.example.com".into(),
        models: None,
        expires: u64::MAX,
        token_id: None,
        claims: Attributes::default(),
    };
    context.set_principal(Arc::new(Principal { tenant, identity: Arc::new(identity) }));
    context
}
