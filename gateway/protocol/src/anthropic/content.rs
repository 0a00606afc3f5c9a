//! Parts of messages as blocks: texts, images and documents, with what this target takes of them.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{
    Flavor, Options,
    block::{Block, Source},
};
use crate::chat::{ConvertError, Image, Media, Part, Target};

/// The types of images that Claude reads.
const IMAGE_TYPES: [&str; 4] = ["image/jpeg", "image/png", "image/gif", "image/webp"];

/// Where a part stands in the caller's request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// The number of the message.
    pub(super) message: usize,
    /// The number of the part in it.
    pub(super) part: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "messages[{}].content[{}]", self.message, self.part)
    }
}

/// The block of `part`; none for a cache point, which marks the block before it.
pub(super) fn block<'a>(
    part: &'a Part,
    place: Place,
    target: &Target<'_>,
    options: &Options<'_>,
) -> Result<Option<Block<'a>>, ConvertError> {
    let block = match part {
        Part::Text(text) => Block::text(text),
        Part::Image(image) => self::image(image, &format!("{place}.image_url"), target, options)?,
        Part::File { filename, media } => document(filename.as_deref(), media, &format!("{place}.file"), target, options)?,
        Part::Audio { .. } => {
            let message = "This model does not take sound; accepted: text, images and PDF documents.";
            return Err(ConvertError::unsupported(format!("{place}.input_audio"), message));
        }
        Part::CachePoint(_) => return Ok(None),
    };
    Ok(Some(block))
}

fn image<'a>(image: &'a Image, field: &str, target: &Target<'_>, options: &Options<'_>) -> Result<Block<'a>, ConvertError> {
    if !target.capabilities.vision.is_yes() {
        return Err(ConvertError::unsupported(field, "This model does not take images; accepted: text."));
    }
    let source = match &image.media {
        Media::Inline { media_type, data } if IMAGE_TYPES.contains(&media_type.as_str()) => Source::Base64 { media_type, data },
        Media::Inline { media_type, .. } => {
            let message = format!("An image of type `{media_type}` is not accepted; accepted: {}.", IMAGE_TYPES.join(", "));
            return Err(ConvertError::unsupported(field, message));
        }
        elsewhere => remote(elsewhere, field, options)?,
    };
    Ok(Block::Image { source, cache_control: None })
}

fn document<'a>(
    title: Option<&'a str>,
    media: &'a Media,
    field: &str,
    target: &Target<'_>,
    options: &Options<'_>,
) -> Result<Block<'a>, ConvertError> {
    let source = match media {
        Media::Inline { media_type, data } => match media_type.as_str() {
            "application/pdf" => Source::Base64 { media_type, data },
            "text/plain" => Source::Text { media_type: "text/plain", data: plain_text(data, field)? },
            image if IMAGE_TYPES.contains(&image) && target.capabilities.vision.is_yes() => {
                return Ok(Block::Image { source: Source::Base64 { media_type, data }, cache_control: None });
            }
            other => {
                let message =
                    format!("A file of type `{other}` is not accepted; accepted: application/pdf, text/plain and images.");
                return Err(ConvertError::unsupported(field, message));
            }
        },
        elsewhere => remote(elsewhere, field, options)?,
    };
    Ok(Block::Document { source, title, cache_control: None })
}

/// The text of a document, which travels in base64 in OpenAI's form and as it is in this one.
fn plain_text(data: &str, field: &str) -> Result<String, ConvertError> {
    let bytes = STANDARD.decode(data).map_err(|_| ConvertError::invalid(field, "The data of the file is not valid base64."))?;
    String::from_utf8(bytes).map_err(|_| ConvertError::invalid(field, "A file of type `text/plain` must be UTF-8."))
}

/// Content that is not in the request. The gateway fetches nothing itself: an address that a caller chose could lead anywhere.
fn remote<'a>(media: &'a Media, field: &str, options: &Options<'_>) -> Result<Source<'a>, ConvertError> {
    match media {
        Media::Url(url) if options.urls.is_yes() && url.starts_with("https://") => Ok(Source::Url { url }),
        Media::FileId(file_id) if matches!(options.flavor, Flavor::Direct(_)) => Ok(Source::File { file_id }),
        Media::FileId(_) => {
            let message = "This provider keeps no uploaded files; send the content as a `data:` URL.";
            Err(ConvertError::unsupported(field, message))
        }
        Media::Url(_) | Media::Inline { .. } => {
            let accepted = if options.urls.is_yes() { "an `https:` or a `data:` URL" } else { "a `data:` URL" };
            let message = format!("This provider does not fetch from that address; accepted: {accepted}.");
            Err(ConvertError::unsupported(field, message))
        }
    }
}
