//! Whose model it is.

/// The vendor of a model on Bedrock, as far as requests differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Anthropic's Claude.
    Claude,
    /// Amazon's Nova.
    Nova,
    /// Amazon's Titan.
    Titan,
    /// Meta's Llama.
    Llama,
    /// Mistral's models.
    Mistral,
    /// Cohere's models.
    Cohere,
    /// OpenAI's open-weight models.
    OpenAi,
    /// Another, or one that the name does not tell: an application inference profile, a provisioned or imported model.
    Unknown,
}

impl Family {
    /// The family of a model by its id: `VENDOR.MODEL`, with a geography before it where it is an inference profile
    /// (`eu.anthropic.claude-…`), or an ARN that ends with either.
    #[must_use]
    pub fn of(model: &str) -> Self {
        let id = base_id(model);
        match id.split_once('.') {
            Some(("anthropic", _)) => Self::Claude,
            Some(("amazon", name)) if name.starts_with("nova") => Self::Nova,
            Some(("amazon", name)) if name.starts_with("titan") => Self::Titan,
            Some(("meta", _)) => Self::Llama,
            Some(("mistral", _)) => Self::Mistral,
            Some(("cohere", _)) => Self::Cohere,
            Some(("openai", _)) => Self::OpenAi,
            _ => Self::Unknown,
        }
    }
}

/// A model's id without the ARN and the geography around it.
fn base_id(model: &str) -> &str {
    let id = model.rsplit('/').next().unwrap_or(model);
    match id.split_once('.') {
        // A geography (`us`, `eu`, `apac`, `global`, `us-gov` …) is followed by a vendor and a model; a vendor only by a model, whose
        // name may hold a dot too but never begins with a vendor's.
        Some((_, rest)) if VENDORS.iter().any(|vendor| rest.strip_prefix(vendor).is_some_and(|rest| rest.starts_with('.'))) => {
            rest
        }
        _ => id,
    }
}

const VENDORS: [&str; 6] = ["anthropic", "amazon", "meta", "mistral", "cohere", "openai"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vendor_is_known_from_ids_profiles_and_arns() {
        for (model, family) in [
            ("anthropic.claude-3-5-sonnet-20241022-v2:0", Family::Claude),
            ("eu.anthropic.claude-sonnet-4-5-20250929-v1:0", Family::Claude),
            ("us-gov.anthropic.claude-3-haiku-20240307-v1:0", Family::Claude),
            ("arn:aws:bedrock:us-east-1:123456789012:inference-profile/global.anthropic.claude-opus-4-7", Family::Claude),
            ("arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-embed-text-v2:0", Family::Titan),
            ("amazon.nova-2-lite-v1:0", Family::Nova),
            ("us.meta.llama3-3-70b-instruct-v1:0", Family::Llama),
            ("mistral.mistral-large-2407-v1:0", Family::Mistral),
            ("cohere.embed-v4:0", Family::Cohere),
            ("openai.gpt-oss-120b-1:0", Family::OpenAi),
            ("arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123", Family::Unknown),
            ("deepseek.v3.1", Family::Unknown),
            ("", Family::Unknown),
        ] {
            assert_eq!(Family::of(model), family, "{model}");
        }
    }
}
