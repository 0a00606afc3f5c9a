//! Reads single values of a backend: addresses, references to secrets, paths, and words that become part of a URL or a header.

use std::path::PathBuf;

use super::super::cursor::{Located, Value, shortened};
use crate::fault::{Outside, Report};
use crate::spec::{BaseUrl, InvalidBaseUrl, SecretRef};

/// What a word must be made of. What passes can stand in a host name or a path without changing where it leads.
pub(super) struct Word {
    most: usize,
    allows: fn(char) -> bool,
    /// What is accepted, as the end of a message.
    accepted: &'static str,
}

/// A region or a location of a cloud.
pub(super) const REGION: Word = Word {
    most: 32,
    allows: |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-',
    accepted: "a region such as `eu-central-1`",
};
/// The first part of a cloud's host name.
pub(super) const HOST_LABEL: Word =
    Word { most: 63, allows: |c| c.is_ascii_alphanumeric() || c == '-', accepted: "1 to 63 letters, digits or `-`" };
/// A host name without a port.
pub(super) const HOST: Word =
    Word { most: 253, allows: |c| c.is_ascii_alphanumeric() || "-.".contains(c), accepted: "a host name without port or path" };
/// An identifier of a cloud's: a project, a space, a guardrail.
pub(super) const IDENTIFIER: Word = Word {
    most: 256,
    allows: |c| c.is_ascii_alphanumeric() || "-_.:".contains(c),
    accepted: "1 to 256 letters, digits, `-`, `_`, `.` or `:`",
};
/// An ARN.
pub(super) const ARN: Word = Word {
    most: 2048,
    allows: |c| c.is_ascii_alphanumeric() || ":/+=,.@_-".contains(c),
    accepted: "an ARN such as `arn:aws:iam::123456789012:role/NAME`",
};
/// A guardrail of Bedrock, by its id or its ARN.
pub(super) const GUARDRAIL: Word = Word { accepted: "the id or the ARN of a guardrail", ..ARN };
/// A text that stands in a form or a JSON value, where it needs no escaping to be read.
pub(super) const VISIBLE: Word =
    Word { most: 1024, allows: |c| c.is_ascii_graphic(), accepted: "1 to 1024 visible ASCII characters" };
/// The same with spaces: OAuth scopes, external ids, names of profiles and users.
pub(super) const PHRASE: Word =
    Word { most: 1024, allows: |c| c.is_ascii_graphic() || c == ' ', accepted: "1 to 1024 visible ASCII characters or spaces" };

impl Word {
    /// The word, as it is written.
    pub(super) fn read(&self, value: Value<'_>, report: &mut Report<'_>) -> Option<String> {
        let Located { value: written, at, key } = value.string_such_as(self.accepted, report)?;
        if self.fits(written) {
            return Some(written.into());
        }
        report.fault(at, key, format!("`{}` is not valid; accepted: {}", shortened(written), self.accepted));
        None
    }

    /// The word, in a place where a secret may have been put by mistake: unless it fits, it is not shown.
    pub(super) fn read_beside_secrets(&self, value: Value<'_>, report: &mut Report<'_>) -> Option<String> {
        value.shown_if(report, |value, report| {
            let Located { value: written, at, key } = value.string_such_as(self.accepted, report)?;
            if !self.fits(written) {
                report.fault(at, key, format!("this is not valid; accepted: {}", self.accepted));
            }
            self.fits(written).then(|| written.into())
        })
    }

    fn fits(&self, text: &str) -> bool {
        // A word of dots alone leads out of the path it is put in.
        (1..=self.most).contains(&text.len()) && text.chars().all(self.allows) && text.chars().any(|c| c != '.')
    }
}

/// An address that paths are appended to.
pub(super) fn base_url(value: Value<'_>, report: &mut Report<'_>) -> Option<BaseUrl> {
    let Located { value: written, at, key } = value.string(report)?;
    match written.parse() {
        Ok(url) => Some(url),
        Err(error) => {
            if matches!(error, InvalidBaseUrl::Credentials | InvalidBaseUrl::Query) {
                report.conceal(at);
            }
            report.fault(at, key, error.to_string());
            None
        }
    }
}

/// Whatever is written where a secret's reference should be, it is not shown unless it is one.
pub(super) fn secret(value: Value<'_>, report: &mut Report<'_>) -> Option<SecretRef> {
    let Located { value, at, key } = value.shown_if(report, Value::parsed::<SecretRef>)?;
    report.refer(at, key, Outside::Secret(value.clone()));
    Some(value)
}

/// The path of a file. A text of several lines is no path but likely what should be in the file, so it is not shown.
pub(super) fn path(value: Value<'_>, report: &mut Report<'_>) -> Option<PathBuf> {
    let Located { value: written, at, key } = value.string(report)?;
    if written.is_empty() {
        report.fault(at, key, "the path is empty; accepted: the path of a file");
    } else if written.chars().any(char::is_control) {
        report.conceal(at);
        report.fault(at, key, "this is no path, but perhaps what should be in the file; accepted: the path of a file");
    } else {
        report.refer(at, key, Outside::File(written.into()));
        return Some(written.into());
    }
    None
}
