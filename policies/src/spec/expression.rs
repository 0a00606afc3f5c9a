//! What a route may ask in the Common Expression Language (CEL, github.com/google/cel-spec), where patterns do not reach.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

use cel::{Context, Env, Program, Value};

use super::Mentioned;
use crate::fault::{accepted, did_you_mean};
use crate::name::TenantId;
use crate::request::{Attributes, Caller, Request};
use tradewind_protocol::Operation;

/// The longest expression, in bytes.
const LONGEST: usize = 2000;

const ACCEPTED: &str = "one that is true or false, such as `prompt_tokens > 8000`";

/// What an expression may name, and what it is.
const VARIABLES: [&str; 12] = [
    "tenant",
    "claims",
    "headers",
    "model",
    "operation",
    "prompt_tokens",
    "max_output_tokens",
    "tools",
    "vision",
    "json_schema",
    "logprobs",
    "session",
];

/// The functions of the language, built once.
static LANGUAGE: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// An expression that says of a request whether a route is for it.
#[derive(Clone)]
pub(crate) struct Expression {
    text: Box<str>,
    program: Arc<Program>,
    /// What it names.
    named: BTreeSet<&'static str>,
}

impl Expression {
    /// Whether it holds.
    ///
    /// # Errors
    /// Why it says neither yes nor no: what it names is not there, or of another type, or its value is no boolean.
    pub(crate) fn holds(&self, request: &Request<'_>) -> Result<bool, String> {
        self.holds_without(&[], request)
    }

    /// The same where some of what it may name is not known. It errs where that matters: what is true or false whatever is not known is so here.
    pub(crate) fn holds_without(&self, unknown: &[&str], request: &Request<'_>) -> Result<bool, String> {
        let mut context = Context::with_env(Arc::clone(&LANGUAGE));
        for name in self.named.iter().filter(|name| !unknown.contains(name)) {
            context.add_variable_from_value(*name, value(name, request));
        }
        match self.program.execute(&context) {
            Ok(Value::Bool(holds)) => Ok(holds),
            Ok(other) => Err(format!("its value is no boolean but {}", other.type_of())),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Whether it names that: one of the things that an expression may name.
    pub(crate) fn names(&self, variable: &str) -> bool {
        self.named.contains(variable)
    }

    /// Whether it names the tenant, so that tenants may differ by it.
    pub(crate) fn names_tenant(&self) -> bool {
        self.names("tenant")
    }

    /// What it mentions.
    pub(crate) fn mentioned(&self) -> Mentioned {
        Mentioned::in_expression(&self.program.expression().expr)
    }

    /// Whether it names headers.
    pub(crate) fn names_headers(&self) -> bool {
        self.named.contains("headers")
    }
}

fn value(name: &str, request: &Request<'_>) -> Value {
    let Request { caller, asked, operation, needs, session } = request;
    let count = |count: u64| Value::Int(i64::try_from(count).unwrap_or(i64::MAX));
    match name {
        "tenant" => caller.tenant.as_str().into(),
        "claims" => attributes(caller.claims),
        "headers" => attributes(caller.headers),
        "model" => (*asked).into(),
        "operation" => operation.as_str().into(),
        "prompt_tokens" => count(needs.prompt_tokens),
        "max_output_tokens" => count(needs.max_output_tokens.unwrap_or_default()),
        "tools" => Value::Bool(needs.tools),
        "vision" => Value::Bool(needs.vision),
        "json_schema" => Value::Bool(needs.json_schema),
        "logprobs" => Value::Bool(needs.logprobs),
        "session" => session.map(|session| session.to_string()).unwrap_or_default().into(),
        _ => Value::Null,
    }
}

/// Every name with the list of its values.
fn attributes(attributes: &Attributes) -> Value {
    let values = |values: &[Box<str>]| values.iter().map(|value| Value::from(&**value)).collect::<Vec<_>>();
    attributes.iter().map(|(name, all)| (name.to_owned(), values(all))).collect::<HashMap<String, Vec<Value>>>().into()
}

/// A text that is no expression about a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidExpression {
    #[error("the expression is too long; accepted: at most {LONGEST} bytes")]
    TooLong,
    #[error("not an expression of CEL: {0}; accepted: {ACCEPTED}")]
    Syntax(String),
    #[error("the expression names `{name}`, which nobody knows{hint}")]
    Unknown { name: String, hint: String },
    #[error("the expression is neither true nor false: {0}; accepted: {ACCEPTED}")]
    NotABoolean(String),
}

impl FromStr for Expression {
    type Err = InvalidExpression;

    fn from_str(text: &str) -> Result<Self, InvalidExpression> {
        if text.len() > LONGEST {
            return Err(InvalidExpression::TooLong);
        }
        let program = LANGUAGE.compile(text).map_err(|errors| InvalidExpression::Syntax(one_line(&errors.to_string())))?;
        let named = {
            let references = program.references();
            VARIABLES.into_iter().filter(|name| references.has_variable(name)).collect()
        };
        let expression = Self { text: text.into(), program: Arc::new(program), named };
        expression.try_out()?;
        Ok(expression)
    }
}

impl Expression {
    /// Asks it about a request that says nothing. What fails for want of a claim may hold for another request; what is misspelt never will.
    fn try_out(&self) -> Result<(), InvalidExpression> {
        let references = self.program.references();
        let mut variables = references.variables();
        variables.sort_unstable();
        let Ok(tenant) = "nobody".parse::<TenantId>() else { return Ok(()) };
        let nothing = Request::new(Caller::of(&tenant), "", Operation::Chat);
        let mut context = Context::with_env(Arc::clone(&LANGUAGE));
        for name in VARIABLES {
            context.add_variable_from_value(name, value(name, &nothing));
        }
        match self.program.execute(&context) {
            Ok(Value::Bool(_)) => Ok(()),
            Ok(other) => Err(InvalidExpression::NotABoolean(format!("its value is {}", other.type_of()))),
            Err(cel::ExecutionError::UndeclaredReference(name)) => {
                let functions = references.functions();
                let hint = if functions.contains(&name.as_str()) { accepted([]) } else { did_you_mean(&name, VARIABLES) };
                Err(InvalidExpression::Unknown { name: name.to_string(), hint })
            }
            Err(_) => Ok(()),
        }
    }
}

/// A message on one line, without what points into the text.
fn one_line(message: &str) -> String {
    message.lines().map(str::trim).filter(|line| !line.starts_with(['|', '.', '^'])).collect::<Vec<_>>().join("; ")
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Needs;

    fn expression(text: &str) -> Expression {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn an_expression_sees_the_request() {
        let tenant = "bank-17".parse().unwrap();
        let claims: Attributes = [("groups", "eng"), ("groups", "ops")].into_iter().collect();
        let headers: Attributes = [("x-team", "red")].into_iter().collect();
        let caller = Caller { tenant: &tenant, claims: &claims, models: None, headers: &headers };
        let needs = Needs { prompt_tokens: 2000, tools: true, ..Needs::default() };
        let request = Request { needs, ..Request::new(caller, "gpt", Operation::Chat) };
        for (text, holds) in [
            ("tenant.startsWith('bank-')", Ok(true)),
            ("prompt_tokens > 1000 && tools && !vision", Ok(true)),
            ("'ops' in claims.groups", Ok(true)),
            ("claims.groups.exists(group, group == 'sales')", Ok(false)),
            ("has(claims.plan) && claims.plan[0] == 'gold'", Ok(false)),
            ("headers['x-team'] == ['red'] && operation == 'chat' && model == 'gpt'", Ok(true)),
        ] {
            assert_eq!(expression(text).holds(&request), holds, "{text}");
        }
        assert!(expression("claims.plan[0] == 'gold'").holds(&request).is_err(), "what is not there is neither true nor false");
    }

    #[test]
    fn what_is_not_known_is_neither_true_nor_false_unless_it_does_not_matter() {
        let tenant = "acme".parse().unwrap();
        let needs = Needs { prompt_tokens: 2000, ..Needs::default() };
        let request = Request { needs, ..Request::new(Caller::of(&tenant), "gpt", Operation::Chat) };
        for (text, holds) in [
            ("has(claims.plan)", None),
            ("!('plan' in claims)", None),
            ("claims.exists(name, name == 'plan')", None),
            ("has(claims.plan) ? true : true", None),
            ("prompt_tokens > 9000 && 'gold' in claims.plan", Some(false)),
            ("'gold' in claims.plan && prompt_tokens > 9000", Some(false)),
            ("has(claims.plan) || prompt_tokens > 1000", Some(true)),
            ("prompt_tokens > 1000 && has(claims.plan)", None),
        ] {
            assert_eq!(expression(text).holds_without(&["claims"], &request).ok(), holds, "{text}");
        }
    }

    #[test]
    fn what_it_mentions_is_found_wherever_it_stands() {
        let text = "has(claims.plan) && claims['group'].exists(own, own.startsWith('eng-')) || 'x-team' in headers && \
            prompt_tokens > 8000 && tenant in ['acme', 'bank'] ? tools : headers.lane == ['fast']";
        let mentioned = expression(text).mentioned();
        let words = |words: &[&str]| words.iter().map(|word| Box::from(*word)).collect();
        assert_eq!((mentioned.claims, mentioned.headers), (words(&["group", "plan"]), words(&["lane", "x-team"])));
        assert!(mentioned.texts.is_superset(&words(&["acme", "bank", "eng-", "fast"])), "{:?}", mentioned.texts);
        assert!(mentioned.numbers.contains(&8000) && !mentioned.all_claims && !mentioned.all_headers);
        for (text, all) in [
            ("claims.exists(name, name == 'plan') && has(claims.plan)", (true, false)),
            ("headers[tenant] == ['a']", (false, true)),
            ("size(claims) == 0 || has(headers.lane)", (true, false)),
        ] {
            let mentioned = expression(text).mentioned();
            assert_eq!((mentioned.all_claims, mentioned.all_headers), all, "{text}");
        }
    }

    #[test]
    fn what_can_never_hold_is_refused_when_it_is_read() {
        for (text, message) in [
            ("tenant ==", "not an expression of CEL"),
            ("tenent == 'a'", "names `tenent`, which nobody knows; did you mean `tenant`?"),
            ("prompt_tokens + 1", "its value is int"),
            (&"tools || ".repeat(400), "at most 2000 bytes"),
        ] {
            let error = text.parse::<Expression>().unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }
}
