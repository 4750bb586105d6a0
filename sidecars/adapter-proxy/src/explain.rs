//! What becomes of a request, and why, without sending it anywhere.

use crate::args::Question;
use crate::sample::{self, Of};
use adapter_proxy::config::{Answer, BodyMapping, Listener, Response, To};
use adapter_proxy::filter::Made;
use adapter_proxy::http::request::{field, parse};
use adapter_proxy::http::{ClientAddress, Routing};
use adapter_proxy::route::{Asked, Known, Route, explain as choose};
use anyhow::{Context, Result, anyhow, bail, ensure};
use httparse::Header;
use std::io::{Write, stdout};

/// # Errors
/// When nobody takes the request.
pub fn explain(question: &Question) -> Result<()> {
    let listener = sample::listener(question)?;
    let request = &question.request;
    let (method, target) = sample::line(request)?;
    let body = sample::body(question)?;
    let fields = sample::fields(question, body.as_deref());
    let headers: Vec<_> = fields.iter().map(|(name, value)| Header { name, value: value.as_bytes() }).collect();
    let host = fields.iter().find(|(name, _)| name.eq_ignore_ascii_case("host")).map_or("", |(_, value)| value);
    let asked = Asked::new(method, host, target, &headers);
    // What no client may send has no way that could be told.
    upstream(&Listener { routes: vec![], ..listener.clone() }, request, &headers)?;

    let mut out = stdout().lock();
    writeln!(out, "{}: {method} {target} of {host}", listener.listen)?;
    if let Some((number, route, parts)) = choose(&mut out, &listener.routes, &asked)? {
        let known = Known { asked, parts: &parts, answer: None };
        let made = body.filter(|_| route.request.body.is_some()).map(|body| {
            let made = sample::made(question, number, &Of::Request, (&asked, &parts), &body);
            made.with_context(|| format!("the route `{}` cannot take the body", route.name))
        });
        return taken(&mut out, (listener, request), route, known, made);
    }
    let sent = upstream(listener, request, &headers)?;
    let Some(cluster) = &listener.cluster else {
        bail!("no route takes it, and {} has no `cluster`: 404", listener.listen);
    };
    writeln!(out, "no route takes it: sent to the cluster {cluster} as")?;
    show(&mut out, &sent)
}

/// The head that is sent on.
fn upstream(listener: &Listener, request: &str, fields: &[Header]) -> Result<Vec<u8>> {
    let mut head = format!("{request} HTTP/1.1\r\n").into_bytes();
    for header in fields {
        field(&mut head, header.name.as_bytes(), header.value);
    }
    head.extend_from_slice(b"\r\n");
    let mut out = vec![];
    let client = ClientAddress::of(Some(([127, 0, 0, 1], 0).into()));
    let routing = Routing::new(listener, |_| None, |_| None, None, 0);
    let refused = parse(&head, &listener.http, &client, &routing, &mut out).err();
    ensure!(
        refused.is_none(),
        "it is refused: {}",
        refused.map_or(String::new(), |one| format!("{}: {}", one.0, one.1))
    );
    Ok(out)
}

fn show(out: &mut impl Write, head: &[u8]) -> Result<()> {
    for line in String::from_utf8_lossy(head).lines().filter(|line| !line.is_empty()) {
        writeln!(out, "  {line}")?;
    }
    Ok(())
}

/// What the route that takes a request makes of it. `made` is made of its body, if that is known.
fn taken(
    out: &mut impl Write,
    (listener, request): (&Listener, &str),
    route: &Route,
    known: Known,
    made: Option<Result<Made>>,
) -> Result<()> {
    let unfit = |unfit| anyhow!("the route `{}` cannot take it: {unfit}: 400", route.name);
    let cluster = match (&route.to, &listener.cluster) {
        (To::Cluster(cluster), _) | (To::Default, Some(cluster)) => cluster,
        (To::Metrics(page), _) => return Ok(writeln!(out, "answered with the metrics `{page}`")?),
        (To::Answer(answer), _) => return answered(out, answer, &answer.fields(&known).map_err(unfit)?),
        (To::Default, None) => bail!("{} has no `cluster`: 404", listener.listen),
    };
    // It says more than the refusal that there would be.
    route.rewrite(&known).map_err(unfit)?;
    writeln!(out, "sent to the cluster {cluster} as")?;
    show(out, &upstream(listener, request, known.asked.headers)?)?;
    if let Some(body) = &route.request.body {
        writeln!(out, "body: {}", mapped(body))?;
    }
    if let Some(made) = made {
        writeln!(out, "  {}", String::from_utf8_lossy(&made?.body).trim_end().replace('\n', "\n  "))?;
    }
    for response in &route.responses {
        writeln!(out, "answers with {}: {}", response.status, replied(response))?;
    }
    Ok(())
}

fn answered(out: &mut impl Write, answer: &Answer, fields: &[(&str, Vec<u8>)]) -> Result<()> {
    writeln!(out, "answered with {}", answer.status)?;
    for (name, value) in fields {
        writeln!(out, "  {name}: {}", String::from_utf8_lossy(value))?;
    }
    if !answer.body.is_empty() {
        writeln!(out, "body: {}", answer.body)?;
    }
    Ok(())
}

fn replied(response: &Response) -> String {
    let status = response.set_status.map(|status| format!("sent with {status}"));
    let body = response.body.as_ref().map(|body| format!("body {}", mapped(body)));
    let changes: Vec<_> = status.into_iter().chain(body).collect();
    if changes.is_empty() { "sent on".into() } else { changes.join(", ") }
}

fn mapped(body: &BodyMapping) -> String {
    let (from, to) = (&body.from, body.to.as_ref().unwrap_or(&body.from));
    match &body.filter {
        Some(filter) => format!("mapped from {from} to {to} by `{}`", filter.trim()),
        None => format!("mapped from {from} to {to}"),
    }
}
