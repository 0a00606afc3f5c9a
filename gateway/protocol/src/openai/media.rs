//! Images and files as OpenAI's requests name them: by address, by id, or inside a `data:` address (RFC 2397).

use crate::chat::{ConvertError, Media};

/// What the address of an image or a file means.
pub(super) fn media(url: &str, param: &str) -> Result<Media, ConvertError> {
    let (scheme, rest) = url.split_once(':').unwrap_or(("", url));
    match scheme.to_ascii_lowercase().as_str() {
        "data" => inline(rest, param),
        "https" | "http" | "gs" | "s3" => Ok(Media::Url(url.to_owned())),
        _ => Err(ConvertError::invalid(
            param,
            format!("`{param}` must be an address that begins with https: or a data: address such as data:image/png;base64,…"),
        )),
    }
}

/// `image/png;base64,…`, what follows `data:`.
pub(super) fn inline(rest: &str, param: &str) -> Result<Media, ConvertError> {
    let parts = rest.split_once(',').and_then(|(head, data)| Some((head.strip_suffix(";base64")?, data)));
    let Some((media_type, data)) = parts.filter(|(media_type, data)| media_type.contains('/') && !data.is_empty()) else {
        return Err(ConvertError::invalid(
            param,
            format!("`{param}` is a data: address in another form than data:MEDIA-TYPE;base64,DATA, the only one accepted."),
        ));
    };
    let media_type = media_type.split(';').next().unwrap_or_default().to_ascii_lowercase();
    Ok(Media::Inline { media_type, data: data.to_owned() })
}

/// A `data:` address, or the address itself.
pub(super) fn url_of(media: &Media) -> Option<String> {
    match media {
        Media::Inline { media_type, data } => Some(format!("data:{media_type};base64,{data}")),
        Media::Url(url) => Some(url.clone()),
        Media::FileId(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_address_is_taken_apart() {
        let png = Media::Inline { media_type: "image/png".into(), data: "AAAA".into() };
        assert_eq!(media("data:image/png;base64,AAAA", "x"), Ok(png.clone()));
        assert_eq!(media("DATA:Image/PNG;charset=x;base64,AAAA", "x"), Ok(png));
        assert_eq!(media("https://a/b.png", "x"), Ok(Media::Url("https://a/b.png".into())));
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_the_field() {
        for url in ["data:image/png,AAAA", "data:;base64,AAAA", "data:image/png;base64,", "file:///etc/passwd", "cat.png", ""] {
            let Err(ConvertError::Invalid { param, message }) = media(url, "messages[0].content[1].image_url") else {
                panic!("{url}");
            };
            assert_eq!(param, "messages[0].content[1].image_url");
            assert!(message.contains("data:"), "{message}");
        }
    }
}
