//! The ways to be authorised, and which of them each group of providers takes.

/// A way other than a static key, which is `secret`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Not at all.
    None,
    Aws,
    Entra,
    Google,
    Ibm,
    OAuth,
    SnowflakeKeyPair,
}

impl Way {
    /// The ways with their words, as in `credential = { kind = "WORD" }`.
    pub(super) const WORDS: [(&'static str, Self); 7] = [
        ("aws", Self::Aws),
        ("entra", Self::Entra),
        ("google", Self::Google),
        ("ibm", Self::Ibm),
        ("oauth", Self::OAuth),
        ("snowflake-key-pair", Self::SnowflakeKeyPair),
        ("none", Self::None),
    ];
}

/// What a provider can be shown. All of them can be shown nothing.
#[derive(Clone, Copy)]
pub(super) struct Shown {
    /// Whether a key that does not change by itself is of any use.
    pub(super) key: StaticKey,
    /// The ways it takes beside that.
    pub(super) ways: &'static [Way],
    /// The way where the policy names none.
    pub(super) otherwise: Way,
}

/// Whether a provider takes a static key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StaticKey {
    Taken,
    Refused,
}

impl Shown {
    const fn key_or(ways: &'static [Way]) -> Self {
        Self { key: StaticKey::Taken, ways, otherwise: Way::None }
    }

    /// Whether the provider takes `way`.
    pub(super) fn takes(self, way: Way) -> bool {
        way == Way::None || self.ways.contains(&way)
    }

    /// The words of the ways that the provider takes.
    pub(super) fn words(self) -> impl Iterator<Item = &'static str> {
        Way::WORDS.into_iter().filter(move |(_, way)| self.takes(*way)).map(|(word, _)| word)
    }
}

pub(super) const KEY: Shown = Shown::key_or(&[]);
pub(super) const BEARER: Shown = Shown::key_or(&[Way::OAuth]);
pub(super) const AZURE: Shown = Shown::key_or(&[Way::Entra]);
pub(super) const GEMINI: Shown = Shown::key_or(&[Way::Google]);
pub(super) const DATABRICKS: Shown = Shown::key_or(&[Way::OAuth, Way::Entra]);
pub(super) const SNOWFLAKE: Shown = Shown::key_or(&[Way::SnowflakeKeyPair, Way::OAuth]);
/// Where the gateway runs in the cloud itself, its surroundings authorise it.
pub(super) const AWS: Shown = Shown { key: StaticKey::Taken, ways: &[Way::Aws], otherwise: Way::Aws };
pub(super) const VERTEX: Shown = Shown { key: StaticKey::Taken, ways: &[Way::Google], otherwise: Way::Google };
/// An API key is exchanged for tokens; sent as it is, it would be refused.
pub(super) const IBM: Shown = Shown { key: StaticKey::Refused, ways: &[Way::Ibm], otherwise: Way::None };
pub(super) const NOTHING: Shown = Shown { key: StaticKey::Refused, ways: &[], otherwise: Way::None };
