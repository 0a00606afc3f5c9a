//! What the blocks of a message must look like.

use crate::json::{Object, Place};
use crate::refusal::Refusal;
use crate::scene::{Image, Prompt};

/// The types of images.
const IMAGES: &[&str] = &["image/jpeg", "image/png", "image/gif", "image/webp"];

/// Whether the block is a cache point: 1 or 0.
pub(super) fn cache_point(block: &Object<'_>) -> Result<usize, Refusal> {
    let Some(point) = block.object("cache_control")? else {
        return Ok(0);
    };
    point.only(&["type", "ttl"])?;
    point.one_of("type", &["ephemeral"])?;
    point.one_of("ttl", &["5m", "1h"])?;
    Ok(1)
}

/// The text of a text block, which must not be blank.
pub(super) fn text<'a>(block: &Object<'a>, further: &[&str]) -> Result<&'a str, Refusal> {
    block.only(&[&["type", "text", "cache_control"], further].concat())?;
    let text = block.required_text("text")?;
    if text.trim().is_empty() { Err(block.wrong("text", "must contain non-whitespace text")) } else { Ok(text) }
}

/// An image block.
pub(super) fn image(block: &Object<'_>) -> Result<Image, Refusal> {
    block.only(&["type", "source", "cache_control"])?;
    let source = block.required_object("source")?;
    match source.required_text("type")? {
        "base64" => {
            source.only(&["type", "media_type", "data"])?;
            let media_type = source.one_of("media_type", IMAGES)?.unwrap_or_default();
            let image = Image::inline(media_type, source.required_text("data")?);
            image.ok_or_else(|| source.wrong("data", "must be base64"))
        }
        "url" => {
            source.only(&["type", "url"])?;
            let url = source.required_text("url")?;
            if url.starts_with("https://") {
                Ok(Image::Url(url.to_owned()))
            } else {
                Err(source.wrong("url", "must be an https URL"))
            }
        }
        "file" => {
            source.only(&["type", "file_id"])?;
            Ok(Image::Url(source.required_text("file_id")?.to_owned()))
        }
        _ => Err(source.wrong("type", "must be 'base64', 'file' or 'url'")),
    }
}

/// A document block; its text, where it is one.
pub(super) fn document(block: &Object<'_>) -> Result<String, Refusal> {
    block.only(&["type", "source", "title", "context", "citations", "cache_control"])?;
    let source = block.required_object("source")?;
    match source.required_text("type")? {
        "text" => Ok(source.required_text("data")?.to_owned()),
        "base64" => {
            source.one_of("media_type", &["application/pdf"])?;
            source.required_text("data")?;
            Ok(String::new())
        }
        "url" | "file" | "content" => Ok(String::new()),
        _ => Err(source.wrong("type", "must be 'base64', 'content', 'file', 'text' or 'url'")),
    }
}

/// What a tool gave back, as a text; its images go into the prompt.
pub(super) fn result(block: &Object<'_>, prompt: &mut Prompt) -> Result<String, Refusal> {
    block.only(&["type", "tool_use_id", "content", "is_error", "cache_control"])?;
    block.flag("is_error")?;
    let Some(content) = block.place_of("content") else {
        return Ok(String::new());
    };
    if let Some(text) = content.value.as_str() {
        return Ok(text.to_owned());
    }
    let part = |place: &Place<'_>, prompt: &mut Prompt| {
        let part = place.object()?;
        match part.required_text("type")? {
            "text" => text(&part, &["citations"]).map(str::to_owned),
            "image" => {
                prompt.images.push(image(&part)?);
                Ok(String::new())
            }
            "document" => document(&part),
            _ => Err(part.wrong("type", "must be 'text', 'image' or 'document'")),
        }
    };
    let parts = content.list()?;
    let texts: Vec<String> = parts.iter().map(|place| part(place, prompt)).collect::<Result<_, _>>()?;
    Ok(texts.concat())
}
