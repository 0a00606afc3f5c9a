//! By what a policy can tell requests apart: what a comparison of two policies has to try.

use super::Policy;
use crate::name::TenantId;
use crate::pattern::Pattern;
use crate::spec::{CapabilityOverrides, Requirement, Target};

impl Policy {
    /// Every pattern of tenants in a route.
    pub(crate) fn tenant_patterns(&self) -> impl Iterator<Item = &Pattern> {
        self.routes.iter().filter_map(|route| route.tenants.as_ref()).flatten()
    }

    /// Whether it denies tenants that it does not declare.
    pub(crate) fn declares_tenants(&self) -> bool {
        self.tenants.is_some()
    }

    /// What its entry allows a tenant and requires for it, if it has one.
    pub(crate) fn entry(&self, tenant: &TenantId) -> Option<(&[Pattern], Requirement)> {
        self.tenants.as_ref()?.get(tenant).map(|spec| (spec.allow.patterns(), spec.requirement))
    }

    /// For each route, whether it is for this tenant.
    pub(crate) fn routes_for(&self, tenant: &TenantId) -> impl Iterator<Item = bool> {
        self.routes.iter().map(|route| route.is_for(tenant))
    }

    /// What models are said to be able to do, wherever they are.
    pub(crate) fn capabilities(&self) -> impl Iterator<Item = &CapabilityOverrides> {
        self.backends.iter().flat_map(|backend| &backend.models).map(|served| &served.capabilities)
    }

    /// Where requests, or copies of them, can go at all.
    pub(crate) fn targets(&self) -> impl Iterator<Item = &Target> {
        let shadows = self.routes.iter().filter_map(|route| route.shadow.as_ref()).map(|shadow| &shadow.lane);
        let canaries = self.routes.iter().filter_map(|route| route.canary.as_ref()).map(|canary| &canary.lane);
        self.routes.iter().map(|route| &route.lane).chain(shadows).chain(canaries).flat_map(|lane| lane.all())
    }
}
