//! Volumes whose files come from the cluster.

objects! {
    ConfigMapVolume {
        name: String,
        /// All, if empty
        items: Vec<Item>,
        default_mode: Option<u32>,
        optional: bool,
    }
    SecretVolume {
        secret_name: String,
        items: Vec<Item>,
        default_mode: Option<u32>,
        optional: bool,
    }
    DownwardVolume {
        items: Vec<DownwardFile>,
        default_mode: Option<u32>,
    }
    Projected {
        default_mode: Option<u32>,
        sources: Vec<Source>,
    }
    /// One of them is there.
    Source {
        config_map: Option<Projection>,
        secret: Option<Projection>,
        #[serde(rename = "downwardAPI")]
        downward: Option<DownwardFiles>,
        service_account_token: Option<TokenFile>,
    }
    /// Of a `ConfigMap` or a `Secret`
    Projection {
        name: String,
        items: Vec<Item>,
        /// It, and those of its keys that are asked for, may be missing
        optional: bool,
    }
    Item {
        key: String,
        path: String,
        mode: Option<u32>,
    }
    DownwardFiles {
        items: Vec<DownwardFile>,
    }
    DownwardFile {
        path: String,
        field_ref: super::FieldRef,
        mode: Option<u32>,
    }
    TokenFile {
        /// The API server's own, if empty
        audience: String,
        /// An hour without
        expiration_seconds: Option<u64>,
        path: String,
    }
}

impl super::Volume {
    /// Whether its files come from the cluster: then kubelet has them follow, and mounts them read-only.
    pub fn is_projected(&self) -> bool {
        self.config_map.is_some() || self.secret.is_some() || self.projected.is_some() || self.downward.is_some()
    }
}
