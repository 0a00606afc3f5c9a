//! Chat templates: the Jinja text, carried by the model's own file, that turns a conversation into a prompt.
//!
//! A template is rendered as the `transformers` library renders it (block lines leave no whitespace,
//! `raise_exception` refuses a conversation), because that is what model makers test against.

use std::borrow::Cow;

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, ErrorKind, Value, context};
const NAME: &str = "chat";

/// One turn of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What they say.
    pub content: String,
}

/// Who speaks in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The operator's instructions.
    System,
    /// The person asking.
    User,
    /// The model.
    Assistant,
}

impl Role {
    /// The word that templates know it by.
    pub fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

/// The special tokens that templates may name.
#[derive(Debug, Clone, Default)]
pub struct SpecialTokens {
    /// Begin of sequence.
    pub bos: Option<String>,
    /// End of sequence.
    pub eos: Option<String>,
}

/// A compiled chat template.
#[derive(Debug)]
pub struct ChatTemplate {
    /// None for a base model, which was never taught what a conversation looks like.
    environment: Option<Environment<'static>>,
    tokens: SpecialTokens,
}

impl ChatTemplate {
    /// Compiles the template's text.
    ///
    /// # Errors
    /// When it is not valid Jinja.
    pub fn new(source: impl Into<Cow<'static, str>>, tokens: SpecialTokens) -> Result<Self, TemplateError> {
        let mut environment = Environment::new();
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.map_err(TemplateError::Syntax)?);
        environment.add_function("raise_exception", |message: String| -> Result<(), minijinja::Error> {
            Err(minijinja::Error::new(ErrorKind::InvalidOperation, message))
        });
        environment.add_template_owned(NAME, source).map_err(TemplateError::Syntax)?;
        Ok(Self { environment: Some(environment), tokens })
    }

    /// What stands for the template of a model that has none: it refuses every conversation.
    pub fn none() -> Self {
        Self { environment: None, tokens: SpecialTokens::default() }
    }

    /// Whether there is none.
    pub fn is_none(&self) -> bool {
        self.environment.is_none()
    }

    /// The prompt that makes the model answer the conversation. What the template does with a conversation that has no
    /// system message, for example add its own, is the template's affair.
    ///
    /// # Errors
    /// When the template refuses the conversation, or there is none.
    pub fn render(&self, messages: &[Message]) -> Result<String, TemplateError> {
        let environment = self.environment.as_ref().ok_or(TemplateError::Absent)?;
        let template = environment.get_template(NAME).map_err(TemplateError::Syntax)?;
        let turns: Vec<Value> = messages
            .iter()
            .map(|message| context! { role => message.role.name(), content => message.content.as_str() })
            .collect();
        template
            .render(context! {
                messages => Value::from(turns),
                add_generation_prompt => true,
                bos_token => self.tokens.bos.as_deref(),
                eos_token => self.tokens.eos.as_deref(),
            })
            .map_err(TemplateError::Refused)
    }
}

/// A template that cannot be used, or a conversation that it cannot express.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The template's text is faulty: the model cannot be served.
    #[error("the model's chat template is not valid: {0}")]
    Syntax(#[source] minijinja::Error),
    /// The model has no template: it continues text, and was never taught what a conversation looks like.
    #[error("this model has no chat template: it continues text and answers no conversations; choose an instruction-tuned model")]
    Absent,
    /// The conversation does not fit the template: the caller can mend it.
    #[error("the model's chat template refuses this conversation: {0}")]
    Refused(#[source] minijinja::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(role: Role, content: &str) -> Message {
        Message { role, content: content.to_owned() }
    }

    fn template(source: &'static str) -> ChatTemplate {
        let tokens = SpecialTokens { bos: Some("<s>".to_owned()), eos: Some("</s>".to_owned()) };
        ChatTemplate::new(source, tokens).unwrap()
    }

    #[test]
    fn roles_contents_and_special_tokens_reach_the_template() {
        let template = template(
            "{{ bos_token }}{% for m in messages %}[{{ m['role'] }}] {{ m.content }}{{ eos_token }}{% endfor %}\
             {% if add_generation_prompt %}[assistant]{% endif %}",
        );
        let rendered = template.render(&[message(Role::System, "be brief"), message(Role::User, "<b>hi</b>")]).unwrap();
        assert_eq!(rendered, "<s>[system] be brief</s>[user] <b>hi</b></s>[assistant]");
    }

    #[test]
    fn block_lines_leave_no_whitespace() {
        let template = template("a\n  {% if true %}\nb\n  {% endif %}\nc");
        assert_eq!(template.render(&[]).unwrap(), "a\nb\nc");
    }

    #[test]
    fn a_template_can_refuse_a_conversation_with_its_reason() {
        let template = template("{% if messages[0].role != 'user' %}{{ raise_exception('a user must speak first') }}{% endif %}");
        let error = template.render(&[message(Role::Assistant, "hello")]).unwrap_err();
        assert!(matches!(error, TemplateError::Refused(_)));
        assert!(error.to_string().contains("a user must speak first"), "{error}");
    }

    #[test]
    fn a_model_without_a_template_refuses_every_conversation_and_says_why() {
        let template = ChatTemplate::none();
        assert!(template.is_none());
        let error = template.render(&[message(Role::User, "hello")]).unwrap_err();
        assert!(error.to_string().contains("instruction-tuned"), "{error}");
    }

    #[test]
    fn a_faulty_template_is_refused_when_the_model_is_loaded() {
        let error = ChatTemplate::new("{% for %}", SpecialTokens::default()).unwrap_err();
        assert!(matches!(error, TemplateError::Syntax(_)));
    }
}
