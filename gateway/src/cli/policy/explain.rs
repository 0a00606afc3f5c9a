//! `tradewind policy explain`: why a request went where it went, or where one would go.

use std::{
    collections::BTreeMap,
    fmt,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    time::SystemTime,
};

use clap::Args;
use http::{Request, StatusCode, Uri, header::HOST};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::log_place::LogPlace;
use crate::{
    decision::{Described, DescribedError, Explanation, FindError, Means, explain, find, show_decision, show_explanation},
    reload::{self, LoadError},
    upkeep,
};

/// The exit code where the log does not have the request, or nobody would serve it.
const NONE: u8 = 3;
/// No answer of the operators' listener is longer, in bytes.
const LONGEST: usize = 16 << 20;

/// Exit codes: 0 where there is an explanation and somebody serves the request; 3 where the log does not have it, or nobody would serve it; 1 where
/// that could not be found out; 2 where the command is written wrongly.
#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// The request, by the id in its response header x-request-id
    #[arg(value_name = "REQUEST-ID", required_unless_present = "model", conflicts_with = "model")]
    id: Option<String>,
    #[command(flatten)]
    place: LogPlace,
    /// In place of an id: the model that is asked for
    #[arg(long, value_name = "NAME", requires = "tenant")]
    model: Option<String>,
    /// Who asks for it
    #[arg(long, value_name = "NAME", requires = "model")]
    tenant: Option<String>,
    /// What is to be done [default: chat]
    #[arg(long, value_name = "NAME", requires = "model")]
    operation: Option<String>,
    /// How many tokens the prompt has
    #[arg(long, value_name = "N", requires = "model", default_value_t = 1000)]
    prompt_tokens: u64,
    /// How many tokens the answer may have
    #[arg(long, value_name = "N", requires = "model")]
    max_output_tokens: Option<u64>,
    /// How many answers it asks for [default: 1]
    #[arg(long, value_name = "N", requires = "model", value_parser = clap::value_parser!(u64).range(1..))]
    answers: Option<u64>,
    /// What the request needs: tools, vision, json_schema, logprobs; may be given several times
    #[arg(long, value_name = "NEED", requires = "model", value_delimiter = ',', value_parser = ["tools", "vision", "json_schema", "logprobs"])]
    needs: Vec<String>,
    /// How long embeddings have to be
    #[arg(long, value_name = "N", requires = "model")]
    dimensions: Option<u64>,
    /// A header of the request; may be given several times
    #[arg(long, value_name = "NAME=VALUE", requires = "model", value_parser = named)]
    header: Vec<(String, String)>,
    /// A claim of its token; may be given several times
    #[arg(long, value_name = "NAME=VALUE", requires = "model", value_parser = named)]
    claim: Vec<(String, String)>,
    /// What it calls its session
    #[arg(long, value_name = "NAME", requires = "model")]
    session: Option<String>,
    /// Ask the running gateway, whose operators' listener is there, such as http://127.0.0.1:9901
    #[arg(long, value_name = "URL", conflicts_with = "policy", required_unless_present_any = ["policy", "id"])]
    admin: Option<Uri>,
    /// Ask this policy, a file or a folder, and what was learnt of its backends before
    #[arg(long, value_name = "PATH", requires = "model")]
    policy: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// There is no explanation.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// Nothing to decide by.
    #[error("name the running gateway with --admin, or a policy with --policy")]
    NoMeans,
    /// The log.
    #[error(transparent)]
    Find(#[from] FindError),
    /// The description.
    #[error(transparent)]
    Described(#[from] DescribedError),
    /// The policy.
    #[error(transparent)]
    Policy(#[from] LoadError),
    /// What was learnt of the backends.
    #[error("what was learnt of the backends cannot be read: {0}")]
    Learnt(String),
    /// The running gateway.
    #[error("cannot ask {uri}: {reason}")]
    Ask {
        /// Where.
        uri: Uri,
        /// Why.
        reason: String,
    },
    /// The output.
    #[error("cannot print the explanation: {0}")]
    Print(#[from] io::Error),
    /// The same.
    #[error("cannot print the explanation: {0}")]
    Format(#[from] fmt::Error),
}

pub(super) fn run(args: &ExplainArgs, out: &mut impl Write) -> Result<ExitCode, ExplainError> {
    match (&args.id, &args.admin) {
        (Some(id), Some(uri)) => recorded_there(id, uri, args.json, out),
        (Some(id), None) => recorded(id, &args.place.log(), args.json, out),
        (None, _) => described(args, out),
    }
}

fn recorded(id: &str, log: &Path, json: bool, out: &mut impl Write) -> Result<ExitCode, ExplainError> {
    match find(log, id) {
        Ok(decision) if json => print_json(&decision, out)?,
        Ok(decision) => out.write_all(show_decision(&decision)?.as_bytes())?,
        Err(error @ FindError::NotThere { .. }) => return Ok(nobody(&error)),
        Err(error) => return Err(error.into()),
    }
    Ok(ExitCode::SUCCESS)
}

fn recorded_there(id: &str, uri: &Uri, json: bool, out: &mut impl Write) -> Result<ExitCode, ExplainError> {
    let (status, body) = ask(uri, "GET", &format!("/explain/{id}"), String::new())?;
    if status == StatusCode::NOT_FOUND {
        return Ok(nobody(&body.trim_end()));
    }
    let decision: tradewind_policies::decision::Decision = answered(uri, status, &body)?;
    if json {
        print_json(&decision, out)?;
    } else {
        out.write_all(show_decision(&decision)?.as_bytes())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn described(args: &ExplainArgs, out: &mut impl Write) -> Result<ExitCode, ExplainError> {
    let described = args.description();
    let explanation: Explanation = match (&args.admin, &args.policy) {
        (Some(uri), _) => {
            let body = serde_json::to_string(&described).map_err(io::Error::from)?;
            let (status, body) = ask(uri, "POST", "/explain", body)?;
            answered(uri, status, &body)?
        }
        (None, None) => return Err(ExplainError::NoMeans),
        (None, Some(policy)) => {
            let policy = reload::read(policy)?;
            let learnt = upkeep::kept(&args.place.home(), SystemTime::now()).map_err(ExplainError::Learnt)?;
            explain(&described, Means::Apart(&policy, &learnt))?
        }
    };
    if args.json {
        print_json(&explanation, out)?;
    } else {
        out.write_all(show_explanation(&explanation)?.as_bytes())?;
    }
    Ok(if explanation.is_served() { ExitCode::SUCCESS } else { ExitCode::from(NONE) })
}

impl ExplainArgs {
    fn description(&self) -> Described {
        let needs = |name: &str| self.needs.iter().any(|need| need == name);
        Described {
            model: self.model.clone().unwrap_or_default(),
            tenant: self.tenant.clone().unwrap_or_default(),
            operation: self.operation.clone(),
            prompt_tokens: self.prompt_tokens,
            max_output_tokens: self.max_output_tokens,
            answers: self.answers,
            tools: needs("tools"),
            vision: needs("vision"),
            json_schema: needs("json_schema"),
            logprobs: needs("logprobs"),
            dimensions: self.dimensions,
            headers: by_name(&self.header),
            claims: by_name(&self.claim),
            session: self.session.clone(),
        }
    }
}

fn by_name(named: &[(String, String)]) -> BTreeMap<String, Vec<String>> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in named {
        all.entry(name.clone()).or_default().push(value.clone());
    }
    all
}

/// `NAME=VALUE`.
fn named(text: &str) -> Result<(String, String), String> {
    let named = text.split_once('=').filter(|(name, _)| !name.is_empty());
    named.map(|(name, value)| (name.to_owned(), value.to_owned())).ok_or_else(|| format!("`{text}` is not NAME=VALUE"))
}

fn nobody(reason: &dyn fmt::Display) -> ExitCode {
    eprintln!("tradewind: {reason}");
    ExitCode::from(NONE)
}

fn print_json(value: &impl serde::Serialize, out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    writeln!(out)
}

fn answered<T: serde::de::DeserializeOwned>(uri: &Uri, status: StatusCode, body: &str) -> Result<T, ExplainError> {
    let wrong = |reason: String| ExplainError::Ask { uri: uri.clone(), reason };
    if status != StatusCode::OK {
        return Err(wrong(format!("it answers {status}: {}", body.trim_end())));
    }
    serde_json::from_str(body).map_err(|error| wrong(format!("its answer cannot be read: {error}")))
}

/// Asks the operators' listener, which speaks plain HTTP.
fn ask(uri: &Uri, method: &str, path: &str, body: String) -> Result<(StatusCode, String), ExplainError> {
    let wrong = |reason: String| ExplainError::Ask { uri: uri.clone(), reason };
    let (Some("http") | None, Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(wrong("it is not the address of an operators' listener, such as http://127.0.0.1:9901".to_owned()));
    };
    let request = Request::builder().method(method).uri(path).header(HOST, authority.as_str()).body(Full::from(body));
    let request = request.map_err(|error| wrong(error.to_string()))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(exchange(authority.as_str(), request)).map_err(|error| wrong(error.to_string()))
}

async fn exchange(
    authority: &str,
    request: Request<Full<bytes::Bytes>>,
) -> Result<(StatusCode, String), Box<dyn std::error::Error + Send + Sync>> {
    let stream = TokioIo::new(TcpStream::connect(authority).await?);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await?;
    let connection = tokio::spawn(connection);
    let response = sender.send_request(request).await?;
    let status = response.status();
    let body = Limited::new(response.into_body(), LONGEST).collect().await?.to_bytes();
    connection.abort();
    Ok((status, String::from_utf8(body.to_vec())?))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        args: ExplainArgs,
    }

    fn parse(line: &str) -> Result<ExplainArgs, clap::Error> {
        Cli::try_parse_from(["explain"].into_iter().chain(line.split_whitespace())).map(|cli| cli.args)
    }

    #[test]
    fn a_request_is_named_or_described_and_not_both() {
        assert!(parse("req_1").is_ok());
        assert!(parse("").is_err());
        assert!(parse("--model m --policy p.toml").is_err(), "whose request is it");
        assert!(parse("req_1 --model m --tenant t --policy p.toml").is_err());
        assert!(parse("--model m --tenant t").is_err(), "by which policy");
        let args = parse("--model m --tenant t --policy p.toml --needs tools,vision --header x-a=1 --header x-a=2").unwrap();
        let described = args.description();
        assert!(described.tools && described.vision && !described.logprobs);
        assert_eq!(described.headers.get("x-a").unwrap(), &["1", "2"]);
    }
}
