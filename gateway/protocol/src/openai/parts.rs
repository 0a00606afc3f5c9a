//! The content of OpenAI's messages: a string, or a list of parts of several kinds.

use serde::Deserialize;

use super::{
    fields::fault_at,
    media::{inline, media},
    request::missing,
    string_or::{Expecting, StringOr},
};
use crate::{
    chat::{CachePoint, ConvertError, Image, Media, Part, Reasoning},
    text::Text,
};

/// The content of a message.
pub(super) type Content<'a> = StringOr<'a, Vec<RawPart<'a>>>;

/// A part as it stands: which fields it has depends on its type.
#[derive(Deserialize)]
pub(super) struct RawPart<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    refusal: Option<Text<'a>>,
    #[serde(borrow)]
    image_url: Option<StringOr<'a, RawImage<'a>>>,
    input_audio: Option<RawAudio>,
    #[serde(borrow)]
    file: Option<RawFile<'a>>,
    #[serde(borrow)]
    thinking: Option<StringOr<'a, Vec<RawPart<'a>>>>,
    signature: Option<String>,
    cache_control: Option<CacheControl>,
}

impl Expecting for Vec<RawPart<'_>> {
    const EXPECTED: &'static str = "a string or a list of content parts, each an object with a `type`";
}

#[derive(Deserialize)]
pub(super) struct RawImage<'a> {
    #[serde(borrow)]
    url: Text<'a>,
    detail: Option<String>,
}

impl Expecting for RawImage<'_> {
    const EXPECTED: &'static str = "an object with a `url`";
}

#[derive(Deserialize)]
struct RawAudio {
    data: String,
    format: String,
}

#[derive(Deserialize)]
struct RawFile<'a> {
    #[serde(borrow)]
    file_data: Option<Text<'a>>,
    file_id: Option<String>,
    filename: Option<String>,
}

/// `cache_control`, an extension in Anthropic's form: the prompt up to here may be cached.
#[derive(Deserialize)]
pub(super) struct CacheControl {
    ttl: Option<String>,
}

/// What a message holds.
#[derive(Default)]
pub(super) struct Parts {
    pub(super) content: Vec<Part>,
    pub(super) refusal: Option<String>,
    pub(super) reasoning: Vec<Reasoning>,
}

impl Parts {
    /// Reads the content of the message at `path`.
    pub(super) fn read(content: Option<Content<'_>>, cache: Option<CacheControl>, path: &str) -> Result<Self, ConvertError> {
        let mut parts = Self::default();
        match content {
            None => {}
            Some(StringOr::String(text)) => parts.content.push(Part::Text(text.into_string())),
            Some(StringOr::Other(list)) => {
                for (number, part) in list.into_iter().enumerate() {
                    parts.push(part, &format!("{path}.content[{number}]"))?;
                }
            }
        }
        parts.content.extend(cache.map(CacheControl::point));
        Ok(parts)
    }

    fn push(&mut self, part: RawPart<'_>, path: &str) -> Result<(), ConvertError> {
        match &*part.kind {
            "text" | "input_text" | "output_text" => {
                let text = part.text.ok_or_else(|| missing(format!("{path}.text"), "the text"))?;
                self.content.push(Part::Text(text.into_string()));
            }
            "image_url" => self.content.push(Part::Image(image(part.image_url, path)?)),
            "input_audio" => {
                let audio = part.input_audio.ok_or_else(|| missing(format!("{path}.input_audio"), "`data` and `format`"))?;
                self.content.push(Part::Audio { data: audio.data, format: audio.format });
            }
            "file" => {
                let file = part.file.ok_or_else(|| missing(format!("{path}.file"), "`file_data` or `file_id`"))?;
                self.content.push(file.read(&format!("{path}.file"))?);
            }
            "refusal" => self.refusal.get_or_insert_default().push_str(part.refusal.as_deref().unwrap_or_default()),
            "thinking" => self.reasoning.extend(part.thinking.map(|thinking| thought(thinking, part.signature))),
            kind => {
                let accepted = "accepted are text, image_url, input_audio, file and, of the assistant, refusal";
                return Err(fault_at(format!("{path}.type"), &format!("is \"{kind}\": {accepted}")));
            }
        }
        self.content.extend(part.cache_control.map(CacheControl::point));
        Ok(())
    }

    /// The content of instructions.
    pub(super) fn texts(self, path: &str) -> Result<Vec<Part>, ConvertError> {
        self.only(path, "texts", |part| matches!(part, Part::Text(_) | Part::CachePoint(_)))
    }

    /// The content of a tool's result.
    pub(super) fn of_tool(self, path: &str) -> Result<Vec<Part>, ConvertError> {
        self.only(path, "texts and images", |part| matches!(part, Part::Text(_) | Part::Image(_) | Part::CachePoint(_)))
    }

    /// The content of what a user says.
    pub(super) fn of_user(self, path: &str) -> Result<Vec<Part>, ConvertError> {
        if self.content.is_empty() && self.refusal.is_none() {
            return Err(missing(format!("{path}.content"), "a string or a list of content parts"));
        }
        self.only(path, "texts, images, sounds and files", |_| true)
    }

    fn only(self, path: &str, accepted: &str, is_accepted: fn(&Part) -> bool) -> Result<Vec<Part>, ConvertError> {
        if self.refusal.is_some() || !self.reasoning.is_empty() || !self.content.iter().all(is_accepted) {
            return Err(fault_at(format!("{path}.content"), &format!("may hold only {accepted} in a message of this role")));
        }
        Ok(self.content)
    }
}

impl CacheControl {
    fn point(self) -> Part {
        Part::CachePoint(CachePoint { ttl: self.ttl })
    }
}

fn image(raw: Option<StringOr<'_, RawImage<'_>>>, path: &str) -> Result<Image, ConvertError> {
    let param = format!("{path}.image_url");
    match raw {
        None => Err(missing(param, "an object with a `url`")),
        Some(StringOr::String(url)) => Ok(Image { media: media(&url, &param)?, detail: None }),
        Some(StringOr::Other(image)) => Ok(Image { media: media(&image.url, &param)?, detail: image.detail }),
    }
}

impl RawFile<'_> {
    fn read(self, path: &str) -> Result<Part, ConvertError> {
        let media = match (self.file_data, self.file_id) {
            (Some(data), _) => {
                let param = format!("{path}.file_data");
                inline(data.strip_prefix("data:").unwrap_or_default(), &param)?
            }
            (None, Some(id)) => Media::FileId(id),
            (None, None) => return Err(missing(format!("{path}.file_data"), "the file as a data: address")),
        };
        Ok(Part::File { filename: self.filename, media })
    }
}

/// A thought among the parts: Anthropic's form with a string, or Mistral's with a list of texts.
fn thought(thinking: StringOr<'_, Vec<RawPart<'_>>>, signature: Option<String>) -> Reasoning {
    let text = match thinking {
        StringOr::String(text) => text.into_string(),
        StringOr::Other(parts) => parts.into_iter().filter_map(|part| part.text).map(Text::into_string).collect(),
    };
    Reasoning::Text { text, signature }
}
