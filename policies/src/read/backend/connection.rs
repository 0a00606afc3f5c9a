//! Reads how a backend is reached.

use super::super::cursor::{Table, Value};
use super::field::{self, HOST};
use crate::fault::Report;
use crate::spec::{BaseUrl, ClientCertificate, Connection, HttpVersion};

pub(super) fn read(table: &mut Table<'_>, report: &mut Report<'_>) -> Option<Connection> {
    let ca_file = table.optional("ca_file", report, field::path);
    let client_certificate = table.optional("client_certificate", report, client_certificate);
    let versions = [("auto", HttpVersion::Auto), ("h1", HttpVersion::Http1), ("h2", HttpVersion::Http2)];
    let http = table.optional("http", report, |value, report| value.choice(&versions, report));
    let proxy = table.optional("proxy", report, proxy);
    let host = table.optional("host", report, |value, report| HOST.read(value, report));
    Some(Connection {
        ca_file: ca_file?,
        client_certificate: client_certificate?,
        http: http?.unwrap_or_default(),
        proxy: proxy?,
        host: host?,
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
