//! References to secrets in secret managers. They are strict: a name that its manager could not have given is a mistake now rather
//! than an outage later, and whatever is let through here becomes part of a URL.

use super::SecretRef;
use crate::spec::BaseUrl;

/// `NAME[#KEY]`; the name may be an ARN.
pub(super) fn aws(text: &str) -> Option<SecretRef> {
    let (name, key) = match text.split_once('#') {
        Some((name, key)) => (name, Some(key)),
        None => (text, None),
    };
    let most = if name.starts_with("arn:") { 2048 } else { 512 };
    let allowed = |c: char| c.is_ascii_alphanumeric() || "/_+=.@-".contains(c) || (c == ':' && name.starts_with("arn:"));
    let valid = is_made_of(name, most, allowed) && key.is_none_or(is_key);
    valid.then(|| SecretRef::AwsSecretsManager { name: name.into(), key: key.map(Into::into) })
}

/// `https://VAULT/secrets/NAME[/VERSION]`; without TLS only on this machine, for a token travels there.
pub(super) fn azure(text: &str) -> Option<SecretRef> {
    let (vault, rest) = text.split_once("/secrets/")?;
    let vault: BaseUrl = vault.parse().ok()?;
    let bare = vault.uri().path() == "/";
    let trusted = vault.uri().scheme_str() == Some("https") || vault.is_loopback();
    let (name, version) = match rest.split_once('/') {
        Some((name, version)) => (name, Some(version)),
        None => (rest, None),
    };
    let valid = is_made_of(name, 127, |c| c.is_ascii_alphanumeric() || c == '-')
        && version.is_none_or(|version| is_made_of(version, 64, |c| c.is_ascii_alphanumeric()));
    (bare && trusted && valid).then(|| SecretRef::AzureKeyVault { vault, name: name.into(), version: version.map(Into::into) })
}

/// `projects/PROJECT/secrets/NAME[/versions/VERSION]`.
pub(super) fn google(text: &str) -> Option<SecretRef> {
    let segments: Vec<&str> = text.split('/').collect();
    let (project, name, version) = match *segments.as_slice() {
        ["projects", project, "secrets", name] => (project, name, None),
        ["projects", project, "secrets", name, "versions", version] => (project, name, Some(version)),
        _ => return None,
    };
    let word = |text: &str| is_made_of(text, 255, |c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    let valid = is_made_of(project, 63, |c| c.is_ascii_alphanumeric() || "-.:".contains(c)) && !is_dots(project);
    (valid && word(name) && version.is_none_or(word)).then(|| SecretRef::GoogleSecretManager {
        project: project.into(),
        name: name.into(),
        version: version.map(Into::into),
    })
}

/// `MOUNT/PATH#KEY`.
pub(super) fn vault(text: &str) -> Option<SecretRef> {
    let (place, key) = text.split_once('#')?;
    let (mount, path) = place.split_once('/')?;
    let segment = |text: &str| is_made_of(text, 255, |c| c.is_ascii_alphanumeric() || "_.-".contains(c)) && !is_dots(text);
    let valid = segment(mount) && path.split('/').all(segment) && is_key(key);
    valid.then(|| SecretRef::Vault { mount: mount.into(), path: path.into(), key: key.into() })
}

/// A key of a JSON object, as people name them.
fn is_key(text: &str) -> bool {
    is_made_of(text, 128, |c| c.is_ascii_alphanumeric() || "_.-".contains(c))
}

fn is_made_of(text: &str, most: usize, allowed: impl Fn(char) -> bool) -> bool {
    (1..=most).contains(&text.len()) && text.chars().all(allowed)
}

/// A segment that would lead elsewhere in a path.
fn is_dots(text: &str) -> bool {
    text == "." || text == ".."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_its_manager_could_not_have_given_is_refused() {
        for bad in ["", "#key", "name#", "a b", "name#a#b", "a:b"] {
            assert_eq!(aws(bad), None, "aws-sm:{bad}");
        }
        for bad in [
            "",
            "https://v",
            "https://v/secrets/",
            "http://v.example/secrets/n",
            "https://v/x/secrets/n",
            "https://v/secrets/n/1/2",
            "https://u:p@v/secrets/n",
            "https://v/secrets/n_x",
        ] {
            assert_eq!(azure(bad), None, "azure-kv:{bad}");
        }
        for bad in [
            "",
            "p/s",
            "projects/p/secrets/",
            "projects/../secrets/s",
            "projects/p/secrets/s/versions/",
            "projects/p/secrets/s/1",
        ] {
            assert_eq!(google(bad), None, "gcp-sm:{bad}");
        }
        for bad in ["", "secret#key", "secret/a", "secret/a#", "secret/../a#k", "secret//a#k", "/a#k", "secret/a#k#l"] {
            assert_eq!(vault(bad), None, "vault:{bad}");
        }
    }

    #[test]
    fn a_vault_without_tls_is_only_taken_on_this_machine() {
        for (url, taken) in [
            ("http://127.0.0.1:8200", true),
            ("http://localhost:8200", true),
            ("http://[::1]:8200", true),
            ("http://10.0.0.1", false),
        ] {
            assert_eq!(azure(&format!("{url}/secrets/n")).is_some(), taken, "{url}");
        }
    }
}
