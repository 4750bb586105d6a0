//! What becomes of a body, or what a page of metrics would be, for those who write a configuration by trial.

use crate::args::{Question, Trial};
use crate::sample::{self, Of};
use adapter_proxy::exporter::{Body, Fetched, Fetcher};
use adapter_proxy::filter::{Coding, Job, OPENMETRICS, Tasks, first_page};
use adapter_proxy::route::{Asked, Parts};
use anyhow::{Context, Result, anyhow, bail};
use chassis::exit::Usage;
use chassis::{message, service};
use httparse::Header;
use std::io::{Write, stdout};
use std::time::Duration;

/// Writes it to stdout.
///
/// # Errors
/// When nothing can be made of it.
pub fn trial(trial: Trial) -> Result<()> {
    match trial {
        Trial::Route { question, route, status } => body(&question, &route, status),
        Trial::Page { question, page, target, openmetrics } => {
            metrics(&question, &page, target.as_deref(), openmetrics)
        }
    }
}

fn body(question: &Question, name: &str, status: Option<u16>) -> Result<()> {
    let listener = sample::listener(question)?;
    let (method, target) = sample::line(&question.request)?;
    let body = sample::body(question)?.unwrap_or_default();
    let fields = sample::fields(question, Some(&body));
    let headers: Vec<_> = fields.iter().map(|(name, value)| Header { name, value: value.as_bytes() }).collect();
    let host = fields.iter().find(|(name, _)| name.eq_ignore_ascii_case("host")).map_or("", |(_, value)| value);
    let asked = Asked::new(method, host, target, &headers);
    let number = position("route", name, listener.routes.iter().map(|route| &*route.name))?;
    let route = &listener.routes[number];
    let parts = route.matches(&asked).unwrap_or_else(|_| {
        message::warning(format_args!("`{}` is no request of the route: it knows of no parts", question.request));
        Parts::default()
    });
    let (of, mapping, sent) = match status {
        None => (Of::Request, route.request.body.as_ref(), None),
        Some(status) => {
            let number = route.responses.iter().position(|response| response.status.contains(status));
            let number = number
                .ok_or_else(|| Usage(format!("none of the `responses` of the route `{name}` is for {status}")))?;
            let response = &route.responses[number];
            (Of::Answer(status, number, &headers), response.body.as_ref(), Some(response.set_status.unwrap_or(status)))
        }
    };
    let made = sample::made(question, number, &of, (&asked, &parts), &body)?;
    let kind = mapping.map_or("", |mapping| mapping.content_type());
    let status = made.status.or(sent).map(|status| format!("{status}, ")).unwrap_or_default();
    message::info(format_args!("{status}{kind}, {} bytes", made.body.len()));
    Ok(stdout().write_all(&made.body)?)
}

/// Of what a target gives now, or of a body that was given.
fn metrics(question: &Question, name: &str, target: Option<&str>, openmetrics: bool) -> Result<()> {
    let config = &question.config;
    let number = position("page", name, config.pages.keys().map(String::as_str))?;
    let page = config.pages.get(name).context("there is no such page")?;
    let fetched = match (sample::body(question)?, target, &page.targets[..]) {
        (None, ..) => fetch(&Fetcher::new(name, page))?,
        (Some(body), None, [_]) => vec![given(0, body)],
        (Some(body), Some(target), all) => {
            vec![given(position("target", target, all.iter().map(|one| &*one.name))?, body)]
        }
        (Some(_), None, _) => {
            let text = "the page has more than one target\nhint: say with `--target` whose body it is";
            bail!(Usage(text.into()))
        }
    };
    let mut body = vec![];
    Fetched::encode(&fetched, &mut body);
    let task = first_page(config) + u32::try_from(number)?;
    let variables = if openmetrics { OPENMETRICS } else { b"" };
    let tasks = Tasks::of(config).map_err(|wrong| anyhow!(wrong))?;
    let made = tasks.run(&Job { task, coding: Coding::Identity, variables, body: &body });
    let made = made.map_err(|unfit| anyhow!(unfit.what))?;
    for said in made.said.lines() {
        message::warning(said);
    }
    Ok(stdout().write_all(&made.body)?)
}

/// Where the thing of this name is among all of its kind.
fn position<'a>(kind: &str, name: &str, mut all: impl Iterator<Item = &'a str> + Clone) -> Result<usize, Usage> {
    let known = || all.clone().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let known = Some(known()).filter(|known| !known.is_empty()).unwrap_or_else(|| "none".into());
    let wrong = || Usage(format!("there is no {kind} `{name}`\nhint: there are {known}"));
    all.position(|one| one == name).ok_or_else(wrong)
}

fn given(target: usize, body: Vec<u8>) -> Fetched {
    Fetched { target, took: Duration::ZERO, body: Ok(Body::One(body)) }
}

fn fetch(fetcher: &Fetcher) -> Result<Vec<Fetched>> {
    let mut all = vec![];
    service::run(async {
        all = fetcher.fetch().await.iter().map(|fetched| Fetched::clone(fetched)).collect();
        Ok(())
    })?;
    Ok(all)
}
