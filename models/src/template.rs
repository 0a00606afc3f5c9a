//! Chat templates: the Jinja text, carried by the model's own file, that turns a conversation into a prompt.
//!
//! A template is rendered as the `transformers` library renders it (block lines leave no whitespace,
//! `raise_exception` refuses a conversation), because that is what model makers test against.

mod python;

use std::borrow::Cow;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, ErrorKind, Value, context};
use serde_json::json;

use crate::tools::{Style, Tool, ToolCall, Toolbox, plain};

const NAME: &str = "chat";

/// One turn of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What they say.
    pub content: String,
    /// The functions that the model called with it.
    pub calls: Vec<ToolCall>,
    /// Of a function's result: which call it answers.
    pub call_id: Option<String>,
}

impl Message {
    /// Words alone.
    pub const fn new(role: Role, content: String) -> Self {
        Self { role, content, calls: Vec::new(), call_id: None }
    }

    /// As templates know it.
    fn shown(&self, style: Option<Style>) -> Value {
        let calls: Vec<_> = self
            .calls
            .iter()
            .map(|call| {
                // Templates write arguments as JSON themselves.
                let arguments = serde_json::from_str(&call.arguments).unwrap_or_else(|_| json!(call.arguments));
                let function = json!({ "name": call.name, "arguments": arguments });
                json!({ "id": shown_id(&call.id, style), "type": "function", "function": function })
            })
            .collect();
        let calls = (!calls.is_empty()).then(|| ("tool_calls", json!(calls)));
        let id = self.call_id.as_ref().map(|id| ("tool_call_id", json!(shown_id(id, style))));
        let words = [("role", json!(self.role.name())), ("content", json!(self.content))];
        let message: serde_json::Map<String, serde_json::Value> =
            words.into_iter().chain(calls).chain(id).map(|(key, value)| (key.to_owned(), value)).collect();
        Value::from(Serde(message))
    }
}

/// The id of a call. Mistral's templates take ids of nine letters and digits only, and those of other backends are longer.
fn shown_id(id: &str, style: Option<Style>) -> String {
    let is_short = id.len() == MISTRAL_ID && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if style != Some(Style::Mistral) || is_short {
        return id.to_owned();
    }
    // FNV-1a: the same id in every turn.
    let hash = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    format!("{:09x}", hash >> 28)
}

/// Letters of an id in Mistral's templates.
const MISTRAL_ID: usize = 9;

/// Who speaks in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The operator's instructions.
    System,
    /// The person asking.
    User,
    /// The model.
    Assistant,
    /// A function that the model called.
    Tool,
}

impl Role {
    /// The word that templates know it by.
    pub fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
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
    /// How it teaches to call functions, if it does.
    style: Option<Style>,
}

impl ChatTemplate {
    /// Compiles the template's text.
    ///
    /// # Errors
    /// When it is not valid Jinja.
    pub fn new(source: impl Into<Cow<'static, str>>, tokens: SpecialTokens) -> Result<Self, TemplateError> {
        let source = source.into();
        let style = Style::of(&source);
        let mut environment = Environment::new();
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.map_err(TemplateError::Syntax)?);
        environment.add_function("raise_exception", |message: String| -> Result<(), minijinja::Error> {
            Err(minijinja::Error::new(ErrorKind::InvalidOperation, message))
        });
        python::imitate(&mut environment);
        environment.add_template_owned(NAME, source).map_err(TemplateError::Syntax)?;
        Ok(Self { environment: Some(environment), tokens, style })
    }

    /// What stands for the template of a model that has none: it refuses every conversation.
    pub fn none() -> Self {
        Self { environment: None, tokens: SpecialTokens::default(), style: None }
    }

    /// Whether there is none.
    pub fn is_none(&self) -> bool {
        self.environment.is_none()
    }

    /// How a model with this template calls functions. One whose template says nothing of it is told in plain text.
    pub fn style(&self) -> Style {
        self.style.unwrap_or(Style::Hermes)
    }

    /// The prompt that makes the model answer the conversation. What the template does with a conversation that has no
    /// system message, for example add its own, is the template's affair. What functions it may call stands in the prompt as well.
    ///
    /// # Errors
    /// When the template refuses the conversation, or there is none.
    pub fn render(&self, messages: &[Message], toolbox: Option<&Toolbox>) -> Result<String, TemplateError> {
        let environment = self.environment.as_ref().ok_or(TemplateError::Absent)?;
        let template = environment.get_template(NAME).map_err(TemplateError::Syntax)?;
        let messages = if self.style.is_some() { Cow::Borrowed(messages) } else { plain::told(messages, toolbox) };
        let turns: Vec<Value> = messages.iter().map(|message| message.shown(self.style)).collect();
        let tools = toolbox.filter(|_| self.style.is_some());
        let tools: Option<Vec<_>> = tools.map(|toolbox| toolbox.tools.iter().map(Tool::shown).collect());
        template
            .render(context! {
                messages => Value::from(turns),
                tools => Value::from(Serde(tools)),
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
    use crate::chat::tests::fake::{END, tokenizer};
    use crate::constrain::Constrainer;
    use crate::tools::{Calling, Count, Offer};

    fn message(role: Role, content: &str) -> Message {
        Message::new(role, content.to_owned())
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
        let rendered = template.render(&[message(Role::System, "be brief"), message(Role::User, "<b>hi</b>")], None).unwrap();
        assert_eq!(rendered, "<s>[system] be brief</s>[user] <b>hi</b></s>[assistant]");
    }

    #[test]
    fn block_lines_leave_no_whitespace() {
        let template = template("a\n  {% if true %}\nb\n  {% endif %}\nc");
        assert_eq!(template.render(&[], None).unwrap(), "a\nb\nc");
    }

    #[test]
    fn a_template_can_refuse_a_conversation_with_its_reason() {
        let template = template("{% if messages[0].role != 'user' %}{{ raise_exception('a user must speak first') }}{% endif %}");
        let error = template.render(&[message(Role::Assistant, "hello")], None).unwrap_err();
        assert!(matches!(error, TemplateError::Refused(_)));
        assert!(error.to_string().contains("a user must speak first"), "{error}");
    }

    fn toolbox(template: &ChatTemplate, calling: Calling) -> Toolbox {
        let parameters = json!({ "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"] });
        let tool = Tool { name: "weather".to_owned(), description: Some("Tells it.".to_owned()), parameters: Some(parameters) };
        let offer = Offer { tools: vec![tool], only: None, calling, count: Count::Several };
        let tokenizer = tokenizer();
        Toolbox::new(offer, template.style(), &tokenizer, &Constrainer::new(&tokenizer, &[END]).unwrap()).unwrap()
    }

    /// A question, a call, and its result.
    fn history() -> Vec<Message> {
        let arguments = "{\"city\":\"Köln\"}".to_owned();
        let call = ToolCall { id: "call_1".to_owned(), name: "weather".to_owned(), arguments };
        vec![
            message(Role::User, "How is it?"),
            Message { calls: vec![call], ..message(Role::Assistant, "") },
            Message { call_id: Some("call_1".to_owned()), ..message(Role::Tool, "sunny") },
        ]
    }

    #[test]
    fn a_template_that_knows_functions_gets_them_and_their_calls_as_it_expects_them() {
        let template = template(
            "{% if tools is not none %}{% for tool in tools %}{{ tool | tojson }}<tool_call>{% endfor %}{% endif %}\
             {% for m in messages %}{% if m.tool_calls %}{% for call in m.tool_calls %}\
             [{{ call.function.name }} {{ call.function.arguments | tojson }} {{ call.id }}]{% endfor %}\
             {% elif m.role == 'tool' %}[{{ m.tool_call_id }} {{ m.content.upper() }}]{% else %}{{ m.content }}{% endif %}{% endfor %}",
        );
        let shown = template.render(&history(), Some(&toolbox(&template, Calling::Possible))).unwrap();
        assert_eq!(
            shown,
            "{\"type\": \"function\", \"function\": {\"name\": \"weather\", \"description\": \"Tells it.\", \"parameters\": {\"type\": \
             \"object\", \"properties\": {\"city\": {\"type\": \"string\"}}, \"required\": [\"city\"]}}}<tool_call>How is it?\
             [weather {\"city\": \"Köln\"} call_1][call_1 SUNNY]"
        );
        assert!(template.render(&history(), None).unwrap().starts_with("How is it?"));
    }

    #[test]
    fn a_template_that_takes_short_ids_only_gets_such_ones() {
        let ids = template(
            "{% if tools %}[TOOL_CALLS]{% endif %}{% for m in messages %}{% for c in m.tool_calls %}{{ c.id }}{% endfor %} {{ m.tool_call_id }}{% endfor %}",
        );
        let shown = ids.render(&history(), None).unwrap();
        let ids: Vec<&str> = shown.split_whitespace().collect();
        assert!(ids.len() == 2 && ids[0] == ids[1] && ids[0].len() == 9, "{shown}");
    }

    #[test]
    fn a_template_without_functions_has_them_told_in_words() {
        let template = template("{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}");
        let shown = template.render(&history(), Some(&toolbox(&template, Calling::Required))).unwrap();
        assert!(shown.starts_with("<system>You can call functions.") && shown.contains("Call a function now."), "{shown}");
        let turns = "<user>How is it?<assistant><tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\":\"Köln\"}}\n</tool_call>\
                     <user><tool_response>\nsunny\n</tool_response>";
        assert!(shown.ends_with(turns), "{shown}");
    }

    #[test]
    fn a_model_without_a_template_refuses_every_conversation_and_says_why() {
        let template = ChatTemplate::none();
        assert!(template.is_none());
        let error = template.render(&[message(Role::User, "hello")], None).unwrap_err();
        assert!(error.to_string().contains("instruction-tuned"), "{error}");
    }

    #[test]
    fn a_faulty_template_is_refused_when_the_model_is_loaded() {
        let error = ChatTemplate::new("{% for %}", SpecialTokens::default()).unwrap_err();
        assert!(matches!(error, TemplateError::Syntax(_)));
    }
}
