//! Reads how a backend is reached.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::super::cursor::{Table, Value, shortened};
use super::field::{self, HOST, PHRASE};
use crate::fault::Report;
use crate::spec::{BaseUrl, ClientCertificate, Connection, HttpVersion};

pub(super) fn read(table: &mut Table<'_>, report: &mut Report<'_>) -> Option<Connection> {
    let ca_file = table.optional("ca_file", report, field::path);
    let client_certificate = table.optional("client_certificate", report, client_certificate);
    let versions = [("auto", HttpVersion::Auto), ("h1", HttpVersion::Http1), ("h2", HttpVersion::Http2)];
    let http = table.optional("http", report, |value, report| value.choice(&versions, report));
    let proxy = table.optional("proxy", report, proxy);
    let host = table.optional("host", report, |value, report| HOST.read(value, report));
    let headers = table.optional("headers", report, headers);
    Some(Connection {
        ca_file: ca_file?,
        client_certificate: client_certificate?,
        http: http?.unwrap_or_default(),
        proxy: proxy?,
        host: host?,
        headers: headers?.unwrap_or_default(),
    })
}

/// Headers that say something of HTTP, which the gateway speaks by itself.
const OF_HTTP: [&str; 12] = [
    "accept",
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "host",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];

/// What the name of a header holds that carries a secret.
const OF_SECRETS: [&str; 5] = ["authorization", "cookie", "key", "token", "secret"];

fn headers(value: Value<'_>, report: &mut Report<'_>) -> Option<HeaderMap> {
    let mut headers = Some(HeaderMap::new());
    for entry in value.table(report)?.into_entries() {
        let (at, key) = (entry.name_at, entry.key.clone());
        let Some((name, value)) = header(entry, report) else {
            headers = None;
            continue;
        };
        let earlier = headers.as_mut().and_then(|headers| headers.insert(name, value));
        if earlier.is_some() {
            report.fault(at, key, "the same header twice: names differ by more than their case; keep one of them");
        }
    }
    headers
}

fn header(value: Value<'_>, report: &mut Report<'_>) -> Option<(HeaderName, HeaderValue)> {
    value.shown_if(report, |value, report| {
        let (name_at, key) = (value.name_at, value.key.clone());
        let refuse = |why: String, report: &mut Report<'_>| report.fault(name_at, key.as_str(), why);
        let Ok(name) = HeaderName::try_from(value.name) else {
            refuse(format!("`{}` is no name of a header; accepted: one such as `http-referer`", shortened(value.name)), report);
            return None;
        };
        if OF_HTTP.contains(&name.as_str()) {
            refuse(
                format!("the gateway writes `{name}` by itself; accepted: headers that mean something to the provider"),
                report,
            );
            return None;
        }
        if OF_SECRETS.into_iter().any(|word| name.as_str().contains(word)) {
            refuse(format!("`{name}` carries a secret; name its place by `secret` or `credential`"), report);
            return None;
        }
        let value = PHRASE.read_beside_secrets(value, report)?;
        // A phrase is visible ASCII.
        HeaderValue::try_from(value).ok().map(|value| (name, value))
    })
}

fn client_certificate(value: Value<'_>, report: &mut Report<'_>) -> Option<ClientCertificate> {
    let mut table = value.table(report)?;
    let certificate = table.required("certificate", report, field::path);
    let key = table.required("key", report, field::path);
    table.finish(report);
    Some(ClientCertificate { certificate: certificate?, key: key? })
}

/// The gateway asks a proxy to `CONNECT`, in plain HTTP; TLS goes through to the backend.
fn proxy(value: Value<'_>, report: &mut Report<'_>) -> Option<BaseUrl> {
    let (at, key) = (value.at, value.key.clone());
    let url = field::base_url(value, report)?;
    let plain = url.uri().scheme_str() == Some("http") && url.uri().path() == "/";
    if !plain {
        report.fault(at, key, "a proxy is asked to connect, in plain HTTP; accepted: one such as `http://proxy.internal:3128`");
    }
    plain.then_some(url)
}
