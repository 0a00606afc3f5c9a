//! The shared configuration files, `credentials` and `config`: sections of keys and values.

use std::{collections::BTreeMap, io, path::PathBuf};

use crate::credential::{CredentialError, SecretError, Variables};

type Section = BTreeMap<String, String>;

/// The profiles of both files. It has no `Debug` of its own making: values are secrets.
pub(super) struct Files {
    profiles: BTreeMap<String, Section>,
}

impl std::fmt::Debug for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.profiles.keys()).finish()
    }
}

impl Files {
    /// Reads both, where they are. What `credentials` says goes above what `config` says.
    pub(super) async fn load(variables: &Variables) -> Result<Self, CredentialError> {
        let place = |variable, name| variables.get(variable).map(PathBuf::from).or_else(|| variables.below_home(name));
        let mut profiles = BTreeMap::new();
        let config = read(place("AWS_CONFIG_FILE", ".aws/config")).await?;
        merge(&mut profiles, &config, |section| match section {
            "default" => Some("default"),
            other => other.strip_prefix("profile").filter(|rest| rest.starts_with([' ', '\t'])).map(str::trim),
        });
        let credentials = read(place("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials")).await?;
        merge(&mut profiles, &credentials, Some);
        Ok(Self { profiles })
    }

    pub(super) fn profile(&self, name: &str) -> Option<&Section> {
        self.profiles.get(name)
    }
}

/// A file that is not there is as good as empty.
async fn read(path: Option<PathBuf>) -> Result<String, CredentialError> {
    let Some(path) = path else {
        return Ok(String::new());
    };
    match tokio::fs::read_to_string(&path).await {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(SecretError::Unreadable { path: path.display().to_string(), reason: error.to_string() }.into()),
        Ok(text) => Ok(text),
    }
}

/// Adds the sections of a file; `profile` reads a profile's name from a section's.
fn merge<'t>(profiles: &mut BTreeMap<String, Section>, text: &'t str, profile: impl Fn(&'t str) -> Option<&'t str>) {
    let mut current = None;
    for line in text.lines() {
        // Indented lines belong to the value above, which is then a list that no key of ours has.
        if line.starts_with([' ', '\t', '#', ';']) {
            continue;
        }
        if let Some(section) = line.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(name, _)| name.trim()) {
            current = profile(section).map(str::to_owned);
        } else if let (Some(name), Some((key, value))) = (&current, line.split_once('=')) {
            let value = value.split_once(" #").map_or(value, |(value, _)| value).trim();
            profiles.entry(name.clone()).or_default().insert(key.trim().to_ascii_lowercase(), value.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_sections_keys_and_values() {
        let text = "# comment\n[default]\nregion = eu-west-1\naws_access_key_id=AK # why\n\n[profile big one]\nRole_Arn = arn\ns3 =\n  max = 3\n[sso-session x]\na = b\n";
        let mut profiles = BTreeMap::new();
        merge(&mut profiles, text, |section| match section {
            "default" => Some("default"),
            other => other.strip_prefix("profile "),
        });
        assert_eq!(profiles["default"]["aws_access_key_id"], "AK");
        assert_eq!(profiles["big one"]["role_arn"], "arn");
        assert_eq!(profiles.len(), 2, "{:?}", profiles.keys());
        assert!(!profiles["big one"].contains_key("max"));
    }
}
