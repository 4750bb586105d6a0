//! A request that somebody gives on the command line, and what the proxy would make of it.

use crate::args::Question;
use adapter_proxy::config::{Listener, Protocol};
use adapter_proxy::filter::{self, Coding, Job, Made, Tasks, variables};
use adapter_proxy::http::Routing;
use adapter_proxy::route::{Asked, Parts};
use anyhow::{Context, Result, anyhow};
use chassis::exit::Usage;
use httparse::Header;
use serde_json::Value;
use std::fs::File;
use std::io::{Read, stdin};
use std::path::Path;

/// The listener that is asked, or the only one that speaks HTTP.
pub fn listener(question: &Question) -> Result<&Listener, Usage> {
    let all: Vec<_> = question.config.listeners.iter().filter(|one| one.protocol == Protocol::Http).collect();
    let found = match (&question.listener, &all[..]) {
        (Some(address), _) => all.iter().copied().find(|one| one.listen == *address),
        (None, [one]) => Some(*one),
        (None, _) => None,
    };
    let known = || all.iter().map(|one| one.listen.to_string()).collect::<Vec<_>>().join(", ");
    found.ok_or_else(|| match (&question.listener, all.is_empty()) {
        (_, true) => Usage("no listener has `protocol: http`\nhint: only requests of HTTP have routes".into()),
        (Some(address), _) => Usage(format!("no HTTP is spoken on {address}\nhint: it is on {}", known())),
        (None, _) => Usage(format!("there is more than one listener\nhint: `--listener` with one of {}", known())),
    })
}

/// The method and the target of `GET /v1/users/7?x=1`.
pub fn line(request: &str) -> Result<(&str, &str), Usage> {
    request.split_once(' ').filter(|(_, target)| target.starts_with('/') || *target == "*").ok_or_else(|| {
        Usage(format!("expected a method and a path, found `{request}`\nhint: such as `GET /v1/users/7?x=1`"))
    })
}

/// The body that was given; `-` is stdin.
pub fn body(question: &Question) -> Result<Option<Vec<u8>>> {
    let Some(path) = question.body.as_deref() else { return Ok(None) };
    let mut bytes = vec![];
    let mut source: Box<dyn Read> = if path == Path::new("-") {
        Box::new(stdin())
    } else {
        Box::new(File::open(path).with_context(|| format!("cannot read {}", path.display()))?)
    };
    source.read_to_end(&mut bytes).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Some(bytes))
}

/// Those of the request, and those that go without saying.
pub fn fields(question: &Question, body: Option<&[u8]>) -> Vec<(String, String)> {
    let mut fields = question.headers.clone();
    let has = |names: &[&str]| {
        question.headers.iter().any(|(name, _)| names.iter().any(|one| name.eq_ignore_ascii_case(one)))
    };
    if !has(&["host"]) {
        fields.insert(0, ("Host".into(), "localhost".into()));
    }
    if let Some(body) = body.filter(|_| !has(&["content-length", "transfer-encoding"])) {
        fields.push(("Content-Length".into(), body.len().to_string()));
    }
    fields
}

/// Whose body it is.
pub enum Of<'a> {
    Request,
    /// With this status, by one of the route's `responses`
    Answer(u16, usize, &'a [Header<'a>]),
}

/// What a route makes of a body, in this process.
///
/// # Errors
/// When it is none that could be mapped.
pub fn made(
    question: &Question,
    number: usize,
    of: &Of,
    (asked, parts): (&Asked, &Parts),
    body: &[u8],
) -> Result<Made> {
    let listener = listener(question)?;
    let before = question.config.listeners.iter().take_while(|one| one.listen != listener.listen);
    let first = before.flat_map(filter::bodies).count();
    let routing = Routing::new(listener, |_| None, |_| None, None, u32::try_from(first)?);
    let route = routing.route(Some(number)).context("there is no such route")?;
    let found = match of {
        Of::Request => routing.request(number),
        Of::Answer(_, response, _) => routing.answer(number, *response),
    };
    let (mapping, task) = found.context("the route has no `body` for it: it is sent on as it is")?;
    let headers = match of {
        Of::Answer(_, _, headers) => variables::headers(headers),
        Of::Request => Value::Null,
    };
    let answer = match of {
        Of::Answer(status, ..) => Some((*status, &headers)),
        Of::Request => None,
    };
    let variables = variables::of(mapping.variables, &route.name, asked, parts, answer);
    let tasks = Tasks::of(&question.config).map_err(|wrong| anyhow!(wrong))?;
    let made = tasks.run(&Job { task, coding: Coding::Identity, variables: &variables, body });
    made.map_err(|unfit| anyhow!("{unfit}"))
}
