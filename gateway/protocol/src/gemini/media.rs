//! Images, sounds and documents.

use super::{
    options::Service,
    part::{Blob, FileData, Kind},
};
use crate::chat::{ConvertError, Media};

/// Where files live that were uploaded to Google AI Studio.
const FILES_API: &str = "https://generativelanguage.googleapis.com/";

/// The media types that Gemini takes, by the ending of an address.
const BY_ENDING: [(&str, &str); 11] = [
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("webp", "image/webp"),
    ("gif", "image/gif"),
    ("heic", "image/heic"),
    ("heif", "image/heif"),
    ("pdf", "application/pdf"),
    ("txt", "text/plain"),
    ("mp3", "audio/mp3"),
    ("wav", "audio/wav"),
];

/// What `media` is in this dialect. `param` is the field that holds it.
///
/// An `https:` address is refused although Vertex AI may fetch it: whether it does depends on the model and on the page's `robots.txt`, and
/// the gateway itself fetches nothing.
pub(super) fn kind<'a>(media: &'a Media, service: Service, param: &str) -> Result<Kind<'a>, ConvertError> {
    let address = match media {
        Media::Inline { media_type, data } => return Ok(Kind::InlineData(Blob { mime_type: media_type, data })),
        Media::Url(address) | Media::FileId(address) => address,
    };
    match service {
        Service::Vertex if address.starts_with("gs://") => match media_type(address) {
            Some(mime_type) => Ok(Kind::FileData(FileData { mime_type: Some(mime_type), file_uri: address })),
            None => Err(ConvertError::unsupported(
                param,
                format!(
                    "The media type of `{param}` cannot be told from its name: let it end in .png, .jpg, .webp, .pdf or the like."
                ),
            )),
        },
        // Such a file keeps the media type that it was uploaded with.
        Service::AiStudio if address.starts_with(FILES_API) => {
            Ok(Kind::FileData(FileData { mime_type: media_type(address), file_uri: address }))
        }
        Service::Vertex => Err(refusal(param, "a data: address such as data:image/png;base64,…, or one that begins with gs://")),
        Service::AiStudio => Err(refusal(
            param,
            "a data: address such as data:image/png;base64,…, or the address of a file uploaded to the Gemini API",
        )),
    }
}

fn refusal(param: &str, accepted: &str) -> ConvertError {
    ConvertError::unsupported(param, format!("`{param}` is an address that this model does not read. Accepted: {accepted}."))
}

fn media_type(address: &str) -> Option<&'static str> {
    let (_, ending) = address.rsplit_once('.')?;
    BY_ENDING.iter().find(|(known, _)| known.eq_ignore_ascii_case(ending)).map(|(_, media_type)| *media_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(address: &str, service: Service) -> Result<Option<&'static str>, String> {
        let media = Media::Url(address.to_owned());
        match kind(&media, service, "messages[0].content[1].image_url") {
            Ok(Kind::FileData(FileData { file_uri, mime_type: None })) if file_uri == address => Ok(None),
            Ok(Kind::FileData(FileData { file_uri, .. })) if file_uri == address => Ok(media_type(address)),
            Ok(other) => Err(format!("{other:?}")),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn each_service_reads_its_own_store() {
        assert_eq!(file("gs://b/a.PNG", Service::Vertex), Ok(Some("image/png")));
        assert_eq!(file("https://generativelanguage.googleapis.com/v1beta/files/x", Service::AiStudio), Ok(None));
        assert!(file("gs://b/a.png", Service::AiStudio).unwrap_err().contains("data:"));
    }

    #[test]
    fn an_address_of_the_web_is_refused_with_what_is_accepted() {
        let error = file("https://example.com/a.png", Service::Vertex).unwrap_err();
        assert!(
            error.contains("messages[0].content[1].image_url") && error.contains("data:") && error.contains("gs://"),
            "{error}"
        );
    }

    #[test]
    fn an_object_without_an_ending_is_refused() {
        assert!(file("gs://b/a", Service::Vertex).unwrap_err().contains(".png"));
    }
}
