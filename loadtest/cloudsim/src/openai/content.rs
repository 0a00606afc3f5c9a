//! What the content of a message must look like: a text, or a list of parts.

use super::host::{CachePoints, Host, Images, Unknown};
use crate::json::Object;
use crate::refusal::Refusal;
use crate::scene::{Cache, Image, Prompt, data_url};

/// The text of a message; its images go into the prompt.
pub(super) fn read(host: &Host, message: &Object<'_>, prompt: &mut Prompt) -> Result<String, Refusal> {
    let content = message.required("content")?;
    if let Some(text) = content.value.as_str() {
        return Ok(text.to_owned());
    }
    let mut texts = Vec::new();
    for place in content.list()? {
        let part = place.object()?;
        let cached = host.cache == CachePoints::InParts && part.get("cache_control").is_some();
        if cached {
            prompt.cache = Cache::Point;
        }
        let strict = |known: &[&str]| match host.unknown {
            Unknown::Refused if cached => part.only(&[known, &["cache_control"]].concat()),
            Unknown::Refused => part.only(known),
            Unknown::Ignored => Ok(()),
        };
        match part.required_text("type")? {
            "text" => {
                strict(&["type", "text"])?;
                texts.push(part.required_text("text")?);
            }
            "refusal" => texts.push(part.required_text("refusal")?),
            "image_url" => {
                strict(&["type", "image_url"])?;
                let image = part.required_object("image_url")?;
                image.only(&["url", "detail"])?;
                image.one_of("detail", &["auto", "low", "high", "original"])?;
                prompt.images.push(read_image(host, &image)?);
            }
            "file" => {
                strict(&["type", "file"])?;
                part.required_object("file")?.only(&["file_data", "file_id", "filename"])?;
            }
            "input_audio" => {
                strict(&["type", "input_audio"])?;
                let audio = part.required_object("input_audio")?;
                audio.required_text("data")?;
                audio.one_of("format", &["wav", "mp3"])?;
            }
            // What a model thought may be played back to the hosts that tell it.
            "thinking" | "reasoning" if host.unknown == Unknown::Ignored || host.thought_is_a_part() => {}
            other => return Err(part.wrong("type", &format!("must be the type of a content part, not '{other}'"))),
        }
    }
    Ok(texts.join(" "))
}

fn read_image(host: &Host, image: &Object<'_>) -> Result<Image, Refusal> {
    let url = image.required_text("url")?;
    if let Some(image) = data_url(url) {
        return Ok(image);
    }
    match host.images {
        Images::UrlOrInline if url.starts_with("https://") || url.starts_with("http://") => Ok(Image::Url(url.to_owned())),
        Images::UrlOrInline => Err(image.wrong("url", "must be an https URL or a data URL in base64")),
        Images::Inline => Err(image.wrong("url", "must be a data URL in base64")),
    }
}
