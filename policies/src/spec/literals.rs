//! What an expression mentions: the claims and headers that it looks at, and the texts and numbers that it compares with.

use std::collections::BTreeSet;

use cel::common::ast::{CallExpr, EntryExpr, Expr, LiteralValue, operators};

/// What an expression mentions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mentioned {
    /// Claims by their names.
    pub(crate) claims: BTreeSet<Box<str>>,
    /// Headers by their names.
    pub(crate) headers: BTreeSet<Box<str>>,
    /// Whether it may look at claims that it does not name.
    pub(crate) all_claims: bool,
    /// The same of headers.
    pub(crate) all_headers: bool,
    /// Texts, whatever they are compared with.
    pub(crate) texts: BTreeSet<Box<str>>,
    /// Numbers that are not negative.
    pub(crate) numbers: BTreeSet<u64>,
    /// Whether it does anything with the length of prompts or answers but compare it with such numbers.
    pub(crate) computes_lengths: bool,
}

/// What it may name that is a length.
pub(crate) const PROMPT_TOKENS: &str = "prompt_tokens";
/// The other one.
pub(crate) const MAX_OUTPUT_TOKENS: &str = "max_output_tokens";

impl Mentioned {
    pub(super) fn in_expression(expression: &Expr) -> Self {
        let mut found = Self::default();
        found.visit(expression);
        found
    }

    fn visit(&mut self, expression: &Expr) {
        match expression {
            Expr::Literal(LiteralValue::String(text)) => {
                self.texts.insert(text.inner().into());
            }
            Expr::Literal(_) => self.visit_number(expression),
            Expr::Ident(own) => {
                self.all_claims |= own == "claims";
                self.all_headers |= own == "headers";
                self.computes_lengths |= is_length(own);
            }
            Expr::Unspecified => {}
            Expr::Select(select) => {
                if !self.named(&select.operand.expr, &select.field) {
                    self.visit(&select.operand.expr);
                }
            }
            Expr::Call(call) => self.visit_call(call),
            Expr::List(list) => list.elements.iter().for_each(|element| self.visit(&element.expr)),
            Expr::Map(map) => map.entries.iter().for_each(|entry| self.visit_entry(&entry.expr)),
            Expr::Struct(object) => object.entries.iter().for_each(|entry| self.visit_entry(&entry.expr)),
            Expr::Comprehension(loop_) => {
                for part in [&loop_.iter_range, &loop_.accu_init, &loop_.loop_cond, &loop_.loop_step, &loop_.result] {
                    self.visit(&part.expr);
                }
            }
        }
    }

    fn visit_call(&mut self, call: &CallExpr) {
        let parts: Vec<&Expr> = call.target.as_deref().into_iter().chain(&call.args).map(|part| &part.expr).collect();
        // `claims['plan']`, and `'plan' in claims`.
        if let (operator, [one, other]) = (call.func_name.as_str(), parts.as_slice())
            && compares_length(operator, one, other)
        {
            self.visit_number(one);
            self.visit_number(other);
            return;
        }
        let name = match (call.func_name.as_str(), parts.as_slice()) {
            (
                operators::INDEX | operators::OPT_INDEX | operators::OPT_SELECT,
                [of, Expr::Literal(LiteralValue::String(name))],
            )
            | (operators::IN, [Expr::Literal(LiteralValue::String(name)), of]) => Some((*of, name.inner())),
            _ => None,
        };
        if let Some((of, name)) = name
            && self.named(of, name)
        {
            return;
        }
        parts.into_iter().for_each(|part| self.visit(part));
    }

    fn visit_number(&mut self, expression: &Expr) {
        match expression {
            Expr::Literal(LiteralValue::Int(number)) => self.numbers.extend(u64::try_from(*number.inner())),
            Expr::Literal(LiteralValue::UInt(number)) => {
                self.numbers.insert(*number.inner());
            }
            _ => {}
        }
    }

    fn visit_entry(&mut self, entry: &EntryExpr) {
        match entry {
            EntryExpr::StructField(field) => self.visit(&field.value.expr),
            EntryExpr::MapEntry(entry) => {
                self.visit(&entry.key.expr);
                self.visit(&entry.value.expr);
            }
        }
    }

    /// Notes a member of `claims` or `headers`, if `of` is one of them.
    fn named(&mut self, of: &Expr, name: &str) -> bool {
        let names = match of {
            Expr::Ident(own) if own == "claims" => &mut self.claims,
            Expr::Ident(own) if own == "headers" => &mut self.headers,
            _ => return false,
        };
        names.insert(name.into());
        true
    }
}

fn is_length(name: &str) -> bool {
    name == PROMPT_TOKENS || name == MAX_OUTPUT_TOKENS
}

/// Whether a length is compared with a whole number, either way round.
fn compares_length(operator: &str, one: &Expr, other: &Expr) -> bool {
    let is_length = |own: &Expr| matches!(own, Expr::Ident(name) if is_length(name));
    let is_number = |own: &Expr| matches!(own, Expr::Literal(LiteralValue::Int(_) | LiteralValue::UInt(_)));
    let compares = matches!(
        operator,
        operators::LESS
            | operators::LESS_EQUALS
            | operators::GREATER
            | operators::GREATER_EQUALS
            | operators::EQUALS
            | operators::NOT_EQUALS
    );
    compares && (is_length(one) && is_number(other) || is_number(one) && is_length(other))
}
