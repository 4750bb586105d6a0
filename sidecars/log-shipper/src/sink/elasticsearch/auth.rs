//! Who we say we are.

use crate::config::Auth;
use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chassis::secret::Secret;
use hyper::header::HeaderValue;

pub struct Credentials {
    scheme: Scheme,
    secret: Secret,
}

enum Scheme {
    Basic { user: String },
    ApiKey,
    Bearer,
}

impl Credentials {
    /// Nothing is read yet.
    pub fn new(auth: &Auth) -> Self {
        let (scheme, file) = match auth {
            Auth::Basic { user, password_file } => (Scheme::Basic { user: user.clone() }, password_file),
            Auth::ApiKey { file } => (Scheme::ApiKey, file),
            Auth::Bearer { file } => (Scheme::Bearer, file),
        };
        Self { scheme, secret: Secret::new(file) }
    }

    /// The value of the header `Authorization`. The secret is read again whenever its file is another one.
    ///
    /// # Errors
    /// When there is no secret, or one that no header can hold. It is not shown.
    pub fn header(&self) -> Result<HeaderValue> {
        let secret = self.secret.get()?;
        let value = match &self.scheme {
            Scheme::Basic { user } => format!("Basic {}", STANDARD.encode(format!("{user}:{secret}"))),
            // What Elasticsearch gives out as `encoded`. <https://www.elastic.co/docs/api/doc/elasticsearch/authentication>
            Scheme::ApiKey => format!("ApiKey {secret}"),
            Scheme::Bearer => format!("Bearer {secret}"),
        };
        let mut value = HeaderValue::from_str(&value).ok().with_context(|| {
            let path = self.secret.path().display();
            format!("secret {path} has a control character in it\nhint: it is to be one line")
        })?;
        value.set_sensitive(true);
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::Credentials;
    use crate::config::Auth;
    use std::fs;

    #[test]
    fn headers() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("secret");
        fs::write(&file, "open sesame\n").unwrap();
        let header = |auth: Auth| Credentials::new(&auth).header().unwrap();
        let basic = header(Auth::Basic { user: "Aladdin".into(), password_file: file.clone() });
        assert_eq!(basic, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="); // RFC 7617
        assert!(basic.is_sensitive());
        assert_eq!(header(Auth::ApiKey { file: file.clone() }), "ApiKey open sesame");
        assert_eq!(header(Auth::Bearer { file }), "Bearer open sesame");
    }

    #[test]
    fn a_secret_of_two_lines_is_refused_and_not_shown() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("secret");
        fs::write(&file, "open\nsesame\n").unwrap();
        let error = format!("{:#}", Credentials::new(&Auth::Bearer { file }).header().unwrap_err());
        assert!(error.contains("control character") && !error.contains("sesame"), "{error}");
    }
}
