//! From the tables of `tradewind.toml` to [`Settings`]: every key, the kind of its value, and what range makes sense.

use std::collections::{BTreeSet, HashSet};
use std::path::PathBuf;
use std::time::Duration;

use http::{HeaderName, Uri};
use toml::de::DeValue;
use tradewind_policies::{InvalidPattern, Pattern, decision::may_hold_a_credential};

use super::reader::Section;
use super::values::{count, duration, flag, parsed, size, text, texts};
use super::{
    AuditSettings, AuthSettings, ByteSize, Certificate, ConnectionSettings, DecisionSettings, IdempotencySettings, IssuerKeys,
    IssuerSettings, ListenAddress, LocalSettings, LogFormat, LogSettings, RequestSettings, Settings,
};

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_hours(24);

/// Reads the whole file. Faults are noted in the section's source; with any, the result must not be used.
pub(super) fn settings(mut root: Section<'_, '_>) -> Settings {
    let (mut limits, mut timeouts) = (root.section("limits"), root.section("timeouts"));
    let settings = Settings {
        listen: root.value("listen", ListenAddress::default_public(), parsed),
        admin: root.value("admin", ListenAddress::default_admin(), parsed),
        home: root.path("home").unwrap_or_else(|| PathBuf::from(".tradewind")),
        policy: root.path("policy"),
        certificate: certificate(root.section("tls")),
        connections: connections(&mut limits, &mut timeouts),
        requests: requests(&mut limits, &mut timeouts),
        idempotency: idempotency(root.section("idempotency")),
        auth: auth(&mut root),
        audit: audit(root.section("audit")),
        decisions: decisions(root.section("decisions")),
        log: log(root.section("log")),
        local: local(root.section("local")),
    };
    limits.finish();
    timeouts.finish();
    root.finish();
    settings
}

fn certificate(mut tls: Section<'_, '_>) -> Certificate {
    let (chain, key) = (tls.path("cert"), tls.path("key"));
    match (tls.has("cert"), tls.has("key")) {
        (true, false) => tls.refuse("cert", "has no key beside it; set tls.key to the certificate's private key"),
        (false, true) => tls.refuse("key", "has no certificate beside it; set tls.cert to the key's certificate chain"),
        _ => (),
    }
    tls.finish();
    chain.zip(key).map_or(Certificate::SelfSigned, |(chain, key)| Certificate::Files { chain, key })
}

fn connections(limits: &mut Section<'_, '_>, timeouts: &mut Section<'_, '_>) -> ConnectionSettings {
    let default = ConnectionSettings::default();
    ConnectionSettings {
        connections: limits.value("connections", default.connections, count(1..=1_000_000)),
        // hyper's read buffer is never smaller than 8 KiB.
        header_bytes: limits.value("header_bytes", default.header_bytes, size(ByteSize::kib(8)..=ByteSize::mib(1))),
        headers: limits.value("headers", default.headers, count(1..=10_000)),
        h2_streams: limits.value("h2_streams", default.h2_streams, h2_streams),
        header_timeout: timeouts.value("header", default.header_timeout, duration(SECOND..=DAY)),
        idle: timeouts.value("idle_connection", default.idle, duration(SECOND..=DAY)),
        shutdown_grace: timeouts.value("shutdown_grace", default.shutdown_grace, duration(Duration::ZERO..=DAY)),
    }
}

fn h2_streams(value: &DeValue<'_>) -> Result<u32, String> {
    let streams = count(1..=10_000)(value)?;
    u32::try_from(streams.get()).map_err(|error| error.to_string())
}

fn requests(limits: &mut Section<'_, '_>, timeouts: &mut Section<'_, '_>) -> RequestSettings {
    let default = RequestSettings::default();
    RequestSettings {
        in_flight: limits.value("in_flight", default.in_flight, count(1..=1_000_000)),
        body: limits.value("body", default.body, size(ByteSize::kib(1)..=ByteSize::mib(1024))),
        deadline: timeouts.value("request", default.deadline, duration(SECOND..=DAY)),
        keep_alive: timeouts.value("keep_alive", default.keep_alive, duration(SECOND..=DAY)),
    }
}

fn idempotency(mut section: Section<'_, '_>) -> IdempotencySettings {
    let default = IdempotencySettings::default();
    let settings = IdempotencySettings {
        ttl: section.value("ttl", default.ttl, duration(SECOND..=DAY)),
        memory: section.value("memory", default.memory, size(ByteSize::mib(1)..=ByteSize::mib(64 << 10))),
        answers: section.value("answers", default.answers, count(1..=10_000_000)),
        answer: section.value("answer", default.answer, size(ByteSize::kib(1)..=ByteSize::mib(1024))),
    };
    // An answer that fills the memory would drive out all others, and may not be let in at all.
    if settings.answer.0 > settings.memory.0 / 2 {
        let key = if section.has("answer") { "answer" } else { "memory" };
        let (answer, memory) = (settings.answer, settings.memory);
        section
            .refuse(key, &format!("one answer may be {answer} large, which is more than half of {memory}; change one of them"));
    }
    section.finish();
    settings
}

fn auth(root: &mut Section<'_, '_>) -> AuthSettings {
    let mut auth = root.section("auth");
    let dev_issuer = auth.value("dev_issuer", true, flag);
    auth.finish();
    let mut seen = HashSet::new();
    let mut issuers = Vec::new();
    for mut section in root.sections("issuer") {
        if let Some(issuer) = issuer(&mut section) {
            if seen.insert(issuer.issuer.clone()) {
                issuers.push(issuer);
            } else {
                section.refuse("issuer", "is declared twice; keep one [[issuer]] for each issuer");
            }
        }
        section.finish();
    }
    AuthSettings { dev_issuer, issuers }
}

fn issuer(section: &mut Section<'_, '_>) -> Option<IssuerSettings> {
    for (key, remedy) in [
        ("issuer", "set it to the exact iss claim of the tokens, for example \"https://login.example.com\""),
        ("audience", "list the accepted aud claims, for example [\"tradewind\"]"),
    ] {
        if !section.has(key) {
            section.missing(key, remedy);
        }
    }
    // With its keys in a file nothing is fetched, and `iss` may be any text (RFC 7519, section 4.1.1).
    let issuer = if section.has("jwks_file") { section.optional("issuer", text) } else { section.optional("issuer", issuer_url) };
    let audience = section.optional("audience", texts);
    let keys = section.path("jwks_file").map_or(IssuerKeys::Discovery, IssuerKeys::File);
    let tenant_claim = section.value("tenant_claim", "tenant".to_owned(), text);
    let models_claim = section.value("models_claim", "models".to_owned(), text);
    Some(IssuerSettings { issuer: issuer?, audience: audience?, keys, tenant_claim, models_claim })
}

/// Keys fetched over an open network by plain HTTP could be anybody's, so only a loopback host may do without TLS.
fn issuer_url(value: &DeValue<'_>) -> Result<String, String> {
    let url = text(value)?;
    let uri = url.parse::<Uri>().ok();
    let accepted = uri.as_ref().is_some_and(|uri| match uri.scheme_str() {
        Some("https") => uri.host().is_some(),
        Some("http") => uri.host().is_some_and(|host| matches!(host, "localhost" | "127.0.0.1" | "[::1]")),
        _ => false,
    });
    if accepted && !url.contains(['?', '#']) {
        Ok(url)
    } else {
        Err(format!(
            "{url:?} is not an issuer; write an https:// URL without query (http:// only to localhost), or give its keys in `jwks_file`"
        ))
    }
}

fn audit(mut section: Section<'_, '_>) -> AuditSettings {
    let default = AuditSettings::default();
    let audit = AuditSettings {
        dir: section.path("dir"),
        segment_size: section.value("segment_size", default.segment_size, size(ByteSize::kib(64)..=ByteSize::mib(4096))),
    };
    section.finish();
    audit
}

fn decisions(mut section: Section<'_, '_>) -> DecisionSettings {
    let default = DecisionSettings::default();
    let settings = DecisionSettings {
        enabled: section.value("enabled", default.enabled, flag),
        dir: section.path("dir"),
        share: section.value("share", default.share, parsed),
        file_size: section.value("file_size", default.file_size, size(ByteSize::kib(64)..=ByteSize::mib(1024))),
        file_age: section.value("file_age", default.file_age, duration(SECOND..=7 * DAY)),
        total_size: section.value("total_size", default.total_size, size(ByteSize::kib(128)..=ByteSize::mib(1024 << 10))),
        keep: section.value("keep", default.keep, duration(Duration::from_mins(1)..=3660 * DAY)),
        header_tenants: section.value("header_tenants", default.header_tenants, patterns),
        record_claims: section.value("record_claims", default.record_claims, recorded_claims),
        record_headers: section.value("record_headers", default.record_headers, recorded_headers),
    };
    // The file that is being written counts too, and another has to be beside it.
    if settings.file_size.0 > settings.total_size.0 / 2 {
        let key = if section.has("file_size") { "file_size" } else { "total_size" };
        let (file, total) = (settings.file_size, settings.total_size);
        section.refuse(key, &format!("one file may be {file} large, which is more than half of {total}; change one of them"));
    }
    section.finish();
    settings
}

fn patterns(value: &DeValue<'_>) -> Result<Vec<Pattern>, String> {
    texts(value)?.iter().map(|text| text.parse().map_err(|error: InvalidPattern| error.to_string())).collect()
}

/// So many claims, and so many headers, may be recorded: every record has them.
const MOST_RECORDED: usize = 32;

/// Claims that no two tokens have in common, or that are about the token and not about who has it: nothing is decided by them.
const OF_ONE_TOKEN: [&str; 6] = ["exp", "iat", "nbf", "jti", "auth_time", "sid"];

fn recorded_claims(value: &DeValue<'_>) -> Result<Vec<String>, String> {
    recorded(value, |name| {
        if name.len() > 255 || name.contains(char::is_control) {
            return Err(format!("{name:?} is no claim; write names of at most 255 bytes, such as \"groups\""));
        }
        if OF_ONE_TOKEN.contains(&name) {
            return Err(format!(
                "`{name}` is about one token, and no route is chosen by it; name claims about the caller, such as \"groups\""
            ));
        }
        Ok(name.to_owned())
    })
}

fn recorded_headers(value: &DeValue<'_>) -> Result<Vec<String>, String> {
    recorded(value, |name| {
        let name = name.parse::<HeaderName>().map_err(|_| format!("{name:?} is no header; write names such as \"x-team\""))?;
        Ok(name.as_str().to_owned())
    })
}

/// Names of what may be recorded, each once.
fn recorded(value: &DeValue<'_>, name: impl Fn(&str) -> Result<String, String>) -> Result<Vec<String>, String> {
    let names = texts(value)?.iter().map(|text| name(text)).collect::<Result<BTreeSet<String>, String>>()?;
    if let Some(secret) = names.iter().find(|name| may_hold_a_credential(name)) {
        return Err(format!("`{secret}` may hold a credential, which is never recorded; take it off the list"));
    }
    if names.len() > MOST_RECORDED {
        return Err(format!("there are {} names; every record has them all, so name {MOST_RECORDED} at most", names.len()));
    }
    Ok(names.into_iter().collect())
}

fn log(mut section: Section<'_, '_>) -> LogSettings {
    let default = LogSettings::default();
    let log = LogSettings {
        format: section.value("format", default.format, |value| match text(value)?.as_str() {
            "auto" => Ok(LogFormat::Auto),
            "human" => Ok(LogFormat::Human),
            "json" => Ok(LogFormat::Json),
            other => Err(format!("{other:?} is not a log format; write auto, human or json")),
        }),
        filter: section.value("level", default.filter, parsed),
    };
    section.finish();
    log
}

fn local(mut section: Section<'_, '_>) -> LocalSettings {
    let default = LocalSettings::default();
    let local = LocalSettings {
        enabled: section.value("enabled", default.enabled, flag),
        device: section.value("device", default.device, parsed),
        dense_weights: section.value("dense_weights", default.dense_weights, parsed),
        attention: section.value("attention", default.attention, parsed),
        queue: section.value("queue", default.queue, count(1..=100_000)),
        threads: section.optional("threads", count(1..=1024)),
        models: section.path("models"),
        manifests: section.path("manifests"),
        accept_licences: section.value("accept_licences", default.accept_licences, texts),
        memory: section.optional("memory", size(ByteSize::mib(64)..=ByteSize::mib(64 << 20))),
        idle_unload: section.optional("idle_unload", duration(SECOND..=DAY)),
        unload_grace: section.value("unload_grace", default.unload_grace, duration(Duration::ZERO..=DAY)),
    };
    section.finish();
    local
}
