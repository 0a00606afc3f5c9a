//! Tokenizer, template and ends from the files of a Hugging Face folder.

use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use tradewind_models::template::SpecialTokens;
use tradewind_models::tokenizer::Tokenizer;

use super::Text;
use crate::decoder::read_json;
use crate::load::LoadError;

/// The name of the template for conversations, where a model has several.
const DEFAULT: &str = "default";

/// As much of `tokenizer_config.json` as matters.
#[derive(Default, Deserialize)]
struct TokenizerConfig {
    bos_token: Option<Token>,
    eos_token: Option<Token>,
    chat_template: Option<Templates>,
}

/// A token by its text, or with more that is said of it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Token {
    Text(String),
    Described { content: String },
}

/// One template, or several by name.
#[derive(Deserialize)]
#[serde(untagged)]
enum Templates {
    One(String),
    Several(Vec<Named>),
}

#[derive(Deserialize)]
struct Named {
    name: String,
    template: String,
}

/// What `config.json` and `generation_config.json` say of the ends of answers.
#[derive(Default, Deserialize)]
struct Ends {
    eos_token_id: Option<Ids>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Ids {
    One(u32),
    Several(Vec<u32>),
}

pub(super) fn text(folder: &Path) -> Result<Text, LoadError> {
    let config: TokenizerConfig = if_there(&folder.join("tokenizer_config.json"))?;
    let tokenizer = Tokenizer::from_json(&folder.join("tokenizer.json"))?;
    let names = SpecialTokens { bos: config.bos_token.map(Token::text), eos: config.eos_token.map(Token::text) };
    let mut ends = Vec::new();
    for name in ["generation_config.json", "config.json"] {
        let file: Ends = if_there(&folder.join(name))?;
        ends.extend(file.eos_token_id.map_or_else(Vec::new, Ids::list));
    }
    ends.extend(names.eos.as_ref().and_then(|eos| tokenizer.id_of(eos)));
    let template = match config.chat_template {
        Some(templates) => templates.for_conversations(),
        None => None,
    };
    let beside = folder.join("chat_template.jinja");
    let template = if beside.is_file() { Some(fs::read_to_string(&beside).map_err(LoadError::file(&beside))?) } else { template };
    Ok(Text { tokenizer, template, names, ends })
}

/// What the file says, or nothing if there is none.
fn if_there<T: Default + DeserializeOwned>(path: &Path) -> Result<T, LoadError> {
    if path.is_file() { read_json(path) } else { Ok(T::default()) }
}

impl Token {
    fn text(self) -> String {
        match self {
            Self::Text(text) | Self::Described { content: text } => text,
        }
    }
}

impl Templates {
    fn for_conversations(self) -> Option<String> {
        match self {
            Self::One(template) => Some(template),
            Self::Several(named) => named.into_iter().find(|named| named.name == DEFAULT).map(|named| named.template),
        }
    }
}

impl Ids {
    fn list(self) -> Vec<u32> {
        match self {
            Self::One(id) => vec![id],
            Self::Several(ids) => ids,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with a tokenizer of five tokens, and these files beside it.
    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let tokenizer = r#"{
            "version": "1.0",
            "added_tokens": [
                {"id": 3, "content": "<s>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true},
                {"id": 4, "content": "</s>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true}
            ],
            "decoder": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
            "model": {"type": "BPE", "vocab": {"h": 0, "i": 1, "hi": 2}, "merges": [["h", "i"]]}
        }"#;
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("tokenizer.json"), tokenizer).unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    #[test]
    fn a_folder_of_a_base_model_needs_no_more_than_its_tokenizer() {
        let text = text(folder(&[]).path()).unwrap();
        assert_eq!(text.tokenizer.encode("hihi").unwrap(), [2, 2]);
        assert!(text.template.is_none() && text.ends.is_empty());
        assert!(text.template().unwrap().is_none());
    }

    #[test]
    fn ends_are_those_of_every_file_that_names_some() {
        let files = [
            ("generation_config.json", r#"{"eos_token_id": [1, 2]}"#),
            ("config.json", r#"{"eos_token_id": 0, "model_type": "llama"}"#),
            ("tokenizer_config.json", r#"{"eos_token": {"content": "</s>", "special": true}, "bos_token": "<s>"}"#),
        ];
        let text = text(folder(&files).path()).unwrap();
        assert_eq!(text.ends, [1, 2, 0, 4]);
        assert_eq!((text.names.bos.as_deref(), text.names.eos.as_deref()), (Some("<s>"), Some("</s>")));
    }

    #[test]
    fn the_template_is_the_one_in_a_file_of_its_own_or_the_one_for_conversations() {
        let one = ("tokenizer_config.json", r#"{"chat_template": "one"}"#);
        let several = r#"{"chat_template": [{"name": "tool_use", "template": "t"}, {"name": "default", "template": "d"}]}"#;
        let several = ("tokenizer_config.json", several);
        let beside = ("chat_template.jinja", "beside");
        for (files, expected) in [(vec![one], "one"), (vec![several], "d"), (vec![one, beside], "beside")] {
            assert_eq!(text(folder(&files).path()).unwrap().template.as_deref(), Some(expected));
        }
    }

    #[test]
    fn a_malformed_file_is_named() {
        let Err(error) = text(folder(&[("generation_config.json", "{")]).path()) else { panic!("it was read") };
        assert!(error.to_string().contains("generation_config.json"), "{error}");
    }
}
