//! Functions that a model may call.
//!
//! A model is told of them, and spells its calls, in the [style](Style) that its chat template was made for; where a template knows of no
//! functions, an instruction says what there is to say. A call is never left to luck: from its beginning on, the answer is held to a
//! grammar made of the functions' schemas, and a listener takes it apart as it comes.

mod grammar;
mod listener;
pub(crate) mod plain;
mod style;

use serde_json::{Value, json};

pub(crate) use self::listener::{Heard, Listener};
pub use self::style::Style;

use crate::constrain::{Constrainer, GrammarError, Pattern};
use crate::tokenizer::Tokenizer;

/// A function that the model may call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// The JSON schema of its arguments, which are an object. Without one it takes none.
    pub parameters: Option<Value>,
}

impl Tool {
    /// As templates know it, which is as OpenAI's API spells it.
    pub(crate) fn shown(&self) -> Value {
        json!({ "type": "function", "function": self.function() })
    }

    /// The function alone.
    pub(crate) fn function(&self) -> Value {
        let parameters = self.parameters.clone().unwrap_or_else(|| json!({ "type": "object", "properties": {} }));
        match &self.description {
            Some(description) => json!({ "name": self.name, "description": description, "parameters": parameters }),
            None => json!({ "name": self.name, "parameters": parameters }),
        }
    }
}

/// A call that a model made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCall {
    /// What its result refers to.
    pub id: String,
    /// The function.
    pub name: String,
    /// JSON, as text.
    pub arguments: String,
}

/// Whether functions are to be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Calling {
    /// If the model likes to.
    Possible,
    /// The answer is calls and nothing else.
    Required,
}

/// How many functions an answer may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// One at most.
    One,
    /// As many as the model likes, where its style has a way to say so.
    Several,
}

/// What a request says of functions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// All that the model is told of.
    pub tools: Vec<Tool>,
    /// The only one that it may call; without a name, any.
    pub only: Option<String>,
    /// Whether it must.
    pub calling: Calling,
    /// How many.
    pub count: Count,
}

/// An offer, made ready for a model.
#[derive(Debug, Clone)]
pub struct Toolbox {
    pub(crate) tools: Vec<Tool>,
    pub(crate) style: Style,
    pub(crate) calling: Calling,
    /// Calls, from the marker of the first on.
    pub(crate) pattern: Pattern,
    /// The marker of calls where it is a token of its own.
    pub(crate) marker: Option<u32>,
    bytes: usize,
}

impl Toolbox {
    /// Compiles what an offer asks for. This is for threads that may block.
    ///
    /// # Errors
    /// Which function has a schema that is not taken, with the place of the fault; what it says begins with `tools[…]`.
    pub(crate) fn new(
        offer: Offer,
        style: Style,
        tokenizer: &Tokenizer,
        constrainer: &Constrainer,
    ) -> Result<Self, GrammarError> {
        let marker =
            style.marker().and_then(|marker| tokenizer.id_of(marker)).filter(|token| tokenizer.bytes_of(*token).is_empty());
        let callable = |(_, tool): &(usize, &Tool)| offer.only.as_ref().is_none_or(|name| *name == tool.name);
        let tools: Vec<_> = offer.tools.iter().enumerate().filter(callable).collect();
        if tools.is_empty() {
            let reason = format!("no function is called `{}`", offer.only.as_deref().unwrap_or_default());
            return Err(GrammarError { place: "tool_choice.function.name".to_owned(), reason });
        }
        for (place, tool) in &tools {
            let arguments = grammar::arguments(tool);
            constrainer.compile(&crate::constrain::Grammar::JsonSchema(arguments.to_string())).map_err(|error| {
                let path = format!("tools[{place}].function.parameters");
                let place = if error.place.is_empty() { path } else { format!("{path}.{}", error.place) };
                error.at(place)
            })?;
        }
        let pattern = grammar::of(tools.iter().map(|(_, tool)| *tool), style, marker, offer.count);
        let pattern = constrainer.compile(&pattern).map_err(|error| error.at("tools"))?;
        let bytes = offer.tools.iter().map(|tool| tool.shown().to_string().len()).sum();
        Ok(Self { tools: offer.tools, style, calling: offer.calling, pattern, marker, bytes })
    }

    /// How much there is to tell of it.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }
}
