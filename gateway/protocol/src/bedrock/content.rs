//! Parts of messages as blocks of content.

use super::body::{Attachment, Block, Source};
use crate::{
    Capabilities,
    chat::{CachePoint, ConvertError, Image, Media, Part},
};

/// The documents that Converse takes: the media type, the ending of a file's name, the format.
const DOCUMENTS: [(&str, &str, &str); 9] = [
    ("application/pdf", "pdf", "pdf"),
    ("text/csv", "csv", "csv"),
    ("application/msword", "doc", "doc"),
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx", "docx"),
    ("application/vnd.ms-excel", "xls", "xls"),
    ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx", "xlsx"),
    ("text/html", "html", "html"),
    ("text/plain", "txt", "txt"),
    ("text/markdown", "md", "md"),
];

/// The longest name of a document.
const LONGEST_NAME: usize = 200;

/// Makes blocks of the parts of one request.
#[derive(Debug)]
pub(super) struct Blocks<'c> {
    pub(super) capabilities: &'c Capabilities,
    /// How many documents there were: their names must differ.
    pub(super) documents: usize,
}

impl Blocks<'_> {
    /// `part` as a block. `path` tells where it stands, for an error.
    pub(super) fn of<'a>(&mut self, part: &'a Part, path: impl Fn() -> String) -> Result<Block<'a>, ConvertError> {
        match part {
            Part::Text(text) => Ok(Block::Text(text)),
            Part::Image(image) => self.image(image, path),
            Part::Audio { data, format } => {
                let source = Source::Bytes(data);
                Ok(Block::Audio(Attachment { format, source }))
            }
            Part::File { filename, media } => self.document(filename.as_deref(), media, path),
            Part::CachePoint(point) => Ok(cache_point(point)),
        }
    }

    fn image<'a>(&self, image: &'a Image, path: impl Fn() -> String) -> Result<Block<'a>, ConvertError> {
        let param = || format!("{}.image_url", path());
        if !self.capabilities.vision.is_yes() {
            return Err(ConvertError::unsupported(param(), format!("`{}`: this model takes no images.", param())));
        }
        let (format, source) = match &image.media {
            Media::Inline { media_type, data } => (image_format(media_type), Source::Bytes(data)),
            Media::Url(uri) if uri.starts_with("s3://") => {
                (uri.rsplit('.').next().and_then(image_format), Source::S3Location { uri })
            }
            Media::Url(_) | Media::FileId(_) => {
                let message = format!(
                    "`{}`: Amazon Bedrock takes no addresses of images. Send the image itself, as a `data:` URL \
                     (`data:image/png;base64,…`).",
                    param()
                );
                return Err(ConvertError::unsupported(param(), message));
            }
        };
        let Some(format) = format else {
            let message = format!("`{}`: Amazon Bedrock takes images as png, jpeg, gif or webp.", param());
            return Err(ConvertError::unsupported(param(), message));
        };
        Ok(Block::Image(Attachment { format, source }))
    }

    fn document<'a>(
        &mut self,
        filename: Option<&str>,
        media: &'a Media,
        path: impl Fn() -> String,
    ) -> Result<Block<'a>, ConvertError> {
        let param = || format!("{}.file", path());
        let (stem, ending) = filename.and_then(|name| name.rsplit_once('.')).unwrap_or((filename.unwrap_or_default(), ""));
        let by_ending = |ending: &str| DOCUMENTS.iter().find(|(_, known, _)| known.eq_ignore_ascii_case(ending));
        let (found, source) = match media {
            Media::Inline { media_type, data } => {
                let found = DOCUMENTS.iter().find(|(known, ..)| known.eq_ignore_ascii_case(media_type));
                (found.or_else(|| by_ending(ending)), Source::Bytes(data))
            }
            Media::Url(uri) if uri.starts_with("s3://") => {
                (by_ending(uri.rsplit('.').next().unwrap_or_default()), Source::S3Location { uri })
            }
            Media::Url(_) | Media::FileId(_) => {
                let message = format!(
                    "`{}`: Amazon Bedrock knows neither addresses nor uploads of documents. Send the document itself in `file_data`, as \
                     a `data:` URL (`data:application/pdf;base64,…`).",
                    param()
                );
                return Err(ConvertError::unsupported(param(), message));
            }
        };
        let Some((_, _, format)) = found else {
            let message = format!(
                "`{}`: Amazon Bedrock takes documents as pdf, csv, doc, docx, xls, xlsx, html, txt or md; say which by the media type \
                 or the ending of `filename`.",
                param()
            );
            return Err(ConvertError::unsupported(param(), message));
        };
        self.documents += 1;
        Ok(Block::Document { format, name: document_name(stem, self.documents), source })
    }
}

/// The mark that the prompt up to here may be cached.
pub(super) fn cache_point(point: &CachePoint) -> Block<'_> {
    Block::CachePoint { r#type: "default", ttl: point.ttl.as_deref() }
}

fn image_format(media_type: &str) -> Option<&'static str> {
    match media_type.trim_start_matches("image/") {
        "png" => Some("png"),
        "jpeg" | "jpg" => Some("jpeg"),
        "gif" => Some("gif"),
        "webp" => Some("webp"),
        _ => None,
    }
}

/// A name of letters, digits, single spaces, hyphens, parentheses and brackets, and no other document's: the number makes it so.
fn document_name(stem: &str, number: usize) -> String {
    let is_legal = |char: &char| char.is_ascii_alphanumeric() || matches!(char, ' ' | '-' | '(' | ')' | '[' | ']');
    let legal: String = stem.chars().map(|char| if is_legal(&char) { char } else { ' ' }).collect();
    let words: Vec<&str> = legal.split_ascii_whitespace().collect();
    let mut name = words.join(" ");
    name.truncate(LONGEST_NAME - 20);
    let name = name.trim_end();
    match number {
        _ if name.is_empty() => format!("document {number}"),
        1 => name.to_owned(),
        _ => format!("{name} ({number})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_documents_are_neutral_and_different() {
        assert_eq!(document_name("Q3_report  (final)", 1), "Q3 report (final)");
        assert_eq!(document_name("Q3_report  (final)", 2), "Q3 report (final) (2)");
        assert_eq!(document_name("", 1), "document 1");
        assert_eq!(document_name("€", 3), "document 3");
        assert!(document_name(&"x".repeat(500), usize::MAX).len() <= LONGEST_NAME + 3);
    }
}
