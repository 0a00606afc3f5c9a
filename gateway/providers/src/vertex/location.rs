//! Where a project's models live.

use http::Uri;

/// Why there can be no such backend.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSettings {
    /// The project or the location is no name: it would lead to another address.
    #[error("`{0}` is not the name of a {1}; accepted: {2}")]
    Name(String, &'static str, &'static str),
}

/// The address of everything below a project and a location, without a slash at its end. `base` is used in place of the location's host.
pub(super) fn prefix(project: &str, location: &str, base: Option<&Uri>) -> Result<String, InvalidSettings> {
    let is_word = |text: &str, more: &[u8]| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || more.contains(&b))
    };
    // A project of a domain is called `example.com:name`; dots alone would climb.
    if !is_word(project, b".:") || project.starts_with('.') {
        return Err(InvalidSettings::Name(project.to_owned(), "project", "its id, such as `my-project-123`"));
    }
    if !is_word(location, b"") {
        return Err(InvalidSettings::Name(location.to_owned(), "location", "one such as `europe-west4`, `eu` or `global`"));
    }
    let host = match base {
        Some(base) => base.to_string().trim_end_matches('/').trim_end_matches("/v1").to_owned(),
        None => format!("https://{}", host(location)),
    };
    Ok(format!("{host}/v1/projects/{project}/locations/{location}"))
}

/// The host of a location: one for the world, one for each of the multi-regions, one for each region.
fn host(location: &str) -> String {
    match location {
        "global" => "aiplatform.googleapis.com".to_owned(),
        "us" | "eu" => format!("aiplatform.{location}.rep.googleapis.com"),
        region => format!("{region}-aiplatform.googleapis.com"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_location_has_its_host() {
        for (location, expected) in [
            ("global", "https://aiplatform.googleapis.com/v1/projects/p/locations/global"),
            ("eu", "https://aiplatform.eu.rep.googleapis.com/v1/projects/p/locations/eu"),
            ("us", "https://aiplatform.us.rep.googleapis.com/v1/projects/p/locations/us"),
            ("europe-west4", "https://europe-west4-aiplatform.googleapis.com/v1/projects/p/locations/europe-west4"),
        ] {
            assert_eq!(prefix("p", location, None).unwrap(), expected);
        }
    }

    #[test]
    fn an_address_of_its_own_replaces_the_host() {
        let expected = "http://127.0.0.1:1/v1/projects/example.com:p/locations/global";
        for base in ["http://127.0.0.1:1", "http://127.0.0.1:1/", "http://127.0.0.1:1/v1"] {
            assert_eq!(prefix("example.com:p", "global", Some(&base.parse().unwrap())).unwrap(), expected);
        }
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_refused() {
        for (project, location) in
            [("..", "global"), ("p/x", "global"), ("", "global"), ("p", ""), ("p", "evil.com/"), ("p", "..")]
        {
            assert!(prefix(project, location, None).is_err(), "{project} {location}");
        }
    }
}
