//! Tokens of service accounts, as kubelet's `token_manager.go` has them of the API server:
//! <https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/>. They have the form
//! of the real ones, and a signature that is none.

use crate::facts::Facts;
use crate::manifest::Manifest;
use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// The API server's own name, and what it is as an issuer.
const API_SERVER: &str = "https://kubernetes.default.svc.cluster.local";
/// Longer than that none is kept.
const MAX_AGE: u64 = 24 * 60 * 60;

/// Those that were asked for.
#[derive(Default)]
pub(crate) struct Tokens {
    /// What for, and for how many seconds
    known: BTreeMap<(String, u64), Token>,
    issued: u64,
    /// How far their clock is ahead
    ahead: Duration,
}

struct Token {
    text: String,
    issued_at: u64,
}

impl Tokens {
    /// Has so much time pass for them.
    pub fn pass(&mut self, time: Duration) {
        self.ahead += time;
    }

    /// A token that says this and is good for so many seconds: the one that there is, or another one when four fifths of
    /// its time are over.
    ///
    /// # Errors
    /// If the API server would not give one for so long.
    pub fn get(&mut self, claims: &Value, seconds: Option<u64>) -> Result<String> {
        let seconds = seconds.unwrap_or(60 * 60);
        ensure!((600..=1 << 32).contains(&seconds), "expirationSeconds is 10 minutes at least, and not {seconds}");
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).context("the clock is before 1970")?;
        let now = (now + self.ahead).as_secs();
        let key = (claims.to_string(), seconds);
        let fresh = |token: &&Token| now.saturating_sub(token.issued_at) < (seconds - seconds / 5).min(MAX_AGE);
        if let Some(token) = self.known.get(&key).filter(fresh) {
            return Ok(token.text.clone());
        }
        self.issued += 1;
        let text = jwt(claims, now, seconds, self.issued);
        self.known.insert(key, Token { text: text.clone(), issued_at: now });
        Ok(text)
    }
}

/// What a token says of the pod that it is for.
///
/// # Errors
/// If there is no such service account.
pub(crate) fn claims(manifest: &Manifest, facts: &Facts, audience: &str) -> Result<Value> {
    let account = manifest.pod.spec.service_account_name.as_deref().unwrap_or("default");
    let known = account == "default" || manifest.service_accounts.contains(account);
    ensure!(known, "the manifest has no ServiceAccount {account}");
    let audience = if audience.is_empty() { API_SERVER } else { audience };
    let fact = |field| facts.file(field);
    let (namespace, name, uid) = (fact("metadata.namespace")?, fact("metadata.name")?, fact("metadata.uid")?);
    Ok(json!({
        "aud": [audience],
        "iss": API_SERVER,
        "kubernetes.io": {
            "namespace": namespace,
            "pod": { "name": name, "uid": uid },
            "serviceaccount": { "name": account },
        },
        "sub": format!("system:serviceaccount:{namespace}:{account}"),
    }))
}

fn jwt(claims: &Value, now: u64, seconds: u64, number: u64) -> String {
    let mut claims = claims.clone();
    for (name, value) in [("exp", now + seconds), ("iat", now), ("nbf", now)] {
        claims[name] = value.into();
    }
    claims["jti"] = number.to_string().into();
    let encoded = |part: String| BASE64_URL_SAFE_NO_PAD.encode(part);
    let head = json!({ "alg": "RS256", "kid": "made-up" }).to_string();
    format!("{}.{}.{}", encoded(head), encoded(claims.to_string()), encoded("no signature".repeat(21)))
}

/// What a token says, whoever signed it.
///
/// # Errors
/// If it is none.
pub fn read(token: &str) -> Result<Value> {
    let claims = token.split('.').nth(1).context("no JWT")?;
    Ok(serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims)?)?)
}

#[cfg(test)]
mod tests {
    use super::{Tokens, jwt};
    use serde_json::json;
    use std::time::Duration;

    #[test]
    fn a_token_is_another_one_when_four_fifths_of_its_time_are_over() {
        let mut tokens = Tokens::default();
        let mut get = |minutes: u64, claims| {
            tokens.pass(Duration::from_mins(minutes));
            tokens.get(&claims, Some(60 * 60)).unwrap()
        };
        let first = get(0, json!({}));
        assert_eq!(get(47, json!({})), first);
        let second = get(1, json!({}));
        assert_ne!(second, first);
        assert_eq!(get(47, json!({})), second);
        assert_ne!(get(0, json!({ "aud": ["other"] })), second);
    }

    #[test]
    fn nobody_keeps_one_for_longer_than_a_day() {
        let mut tokens = Tokens::default();
        let week = Some(7 * 24 * 60 * 60);
        let first = tokens.get(&json!({}), week).unwrap();
        tokens.pass(Duration::from_hours(25));
        assert_ne!(tokens.get(&json!({}), week).unwrap(), first);
        assert!(tokens.get(&json!({}), Some(599)).is_err());
    }

    #[test]
    fn it_has_the_form_of_a_real_one() {
        let token = jwt(&json!({ "sub": "a" }), 1000, 600, 1);
        assert_eq!(token.split('.').count(), 3);
        assert!(token.starts_with("eyJ"));
        assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)));
    }
}
