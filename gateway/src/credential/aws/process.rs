//! A program of the operator's that prints credentials (`credential_process` of a profile).

use std::{process::Stdio, time::Duration};

use serde::Deserialize;
use tradewind_providers::aws::Credentials;

use super::issued::Issued;
use crate::credential::{CredentialError, Fresh, Surroundings};

/// A program that waits for a person is not waited for.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Runs the program that `command` names, without a shell, and reads what it prints.
pub(super) async fn credentials(command: &str, surroundings: &Surroundings) -> Result<Fresh<Credentials>, CredentialError> {
    let fault = |what: String| CredentialError::configuration(format!("the `credential_process` of the profile {what}"));
    let mut words = split(command).ok_or_else(|| fault("has a quote without an end".to_owned()))?.into_iter();
    let program = words.next().ok_or_else(|| fault("is empty".to_owned()))?;
    let mut process = tokio::process::Command::new(program);
    process.args(words).stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(TIMEOUT, process.output()).await;
    let output = output.map_err(|_| fault(format!("did not end within {} s", TIMEOUT.as_secs())))?;
    let output = output.map_err(|error| fault(format!("cannot be run: {error}")))?;
    if !output.status.success() {
        return Err(fault(format!("ended with {}", output.status)));
    }
    read(&output.stdout, surroundings).map_err(|what| fault(format!("printed no credentials: {what}")))
}

fn read(output: &[u8], surroundings: &Surroundings) -> Result<Fresh<Credentials>, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Versioned {
        version: u32,
        #[serde(flatten)]
        issued: Issued,
    }
    // The parser's own words may quote a value.
    let place = |error: serde_json::Error| format!("line {}, column {} of it", error.line(), error.column());
    let Versioned { version, issued } = serde_json::from_slice(output).map_err(place)?;
    if version != 1 {
        return Err(format!("its version is {version}; accepted: 1"));
    }
    issued.into_fresh(&surroundings.clock).map_err(|fault| fault.to_string())
}

/// The words of a command, as a shell reads quotes and backslashes. `None`: a quote has no end.
fn split(command: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = command.chars();
    while let Some(c) = chars.next() {
        match c {
            c if c.is_whitespace() => words.extend(word.take()),
            '\\' => word.get_or_insert_default().push(chars.next()?),
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        end if end == c => break,
                        '\\' if c == '"' => word.push(chars.next()?),
                        inner => word.push(inner),
                    }
                }
            }
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn words_are_read_as_a_shell_reads_them() {
        assert_eq!(
            split(r#"/opt/get --role "my \"role\"" 'a b'c d\ e ''"#).unwrap(),
            ["/opt/get", "--role", "my \"role\"", "a bc", "d e", ""]
        );
        assert_eq!(split("  ").unwrap(), Vec::<String>::new());
        assert_eq!(split("get 'x"), None);
        assert_eq!(split("get \\"), None);
    }
}
