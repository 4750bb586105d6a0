//! Kubernetes manifests, as far as the runner plays them. What it does not know is an error, never left out in silence.
//! Names and meanings: <https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/>.

mod deployment;
mod documents;

use crate::scheduler::affinity::Affinity;
use anyhow::{Context, Result, bail, ensure};
use deployment::Deployment;
pub use documents::documents;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// A pod, or that of a Job or a Deployment, and the objects its volumes come from.
pub struct Manifest {
    pub pod: Pod,
    pub config_maps: BTreeMap<String, Files>,
    pub secrets: BTreeMap<String, Files>,
    pub service_accounts: BTreeSet<String>,
    /// All of them, in their order
    pub objects: Vec<Object>,
    /// The cluster's name server, which no manifest says
    pub dns: Option<IpAddr>,
}

/// What documents have in them.
#[derive(Default)]
pub struct Parts {
    pub pods: Vec<Pod>,
    pub config_maps: BTreeMap<String, Files>,
    pub secrets: BTreeMap<String, Files>,
    pub service_accounts: BTreeSet<String>,
    /// All of them, in their order
    pub objects: Vec<Object>,
}

/// Name to content.
pub type Files = BTreeMap<String, String>;

/// What kubectl calls an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    pub resource: &'static str,
    pub name: String,
}

impl Parts {
    /// # Errors
    /// If it is no manifest, or asks for what the runner cannot do.
    pub fn parse(text: &str) -> Result<Self> {
        let mut parts = Self::default();
        for document in documents(text) {
            let head: Head = yaml(&document).context("no Kubernetes object")?;
            let (resource, name) = match (head.api_version.as_str(), head.kind.as_str()) {
                ("v1", "Pod") => {
                    let pod: Pod = yaml(&document)?;
                    let name = pod.metadata.name.clone();
                    parts.pods.push(pod);
                    ("pod", name)
                }
                ("batch/v1", "Job") => {
                    let job: Job = yaml(&document)?;
                    let name = job.metadata.name.clone();
                    parts.pods.push(job.pod()?);
                    ("job.batch", name)
                }
                ("apps/v1", "Deployment") => {
                    let deployment: Deployment = yaml(&document)?;
                    let name = deployment.metadata.name.clone();
                    parts.pods.push(deployment.pod()?);
                    ("deployment.apps", name)
                }
                ("v1", "ConfigMap") => {
                    let object: ConfigMap = yaml(&document)?;
                    parts.config_maps.insert(object.metadata.name.clone(), object.data);
                    ("configmap", object.metadata.name)
                }
                ("v1", "Secret") => {
                    let object: Secret = yaml(&document)?;
                    parts.secrets.insert(object.metadata.name.clone(), object.string_data);
                    ("secret", object.metadata.name)
                }
                ("v1", "ServiceAccount") => {
                    let object: ServiceAccount = yaml(&document)?;
                    parts.service_accounts.insert(object.metadata.name.clone());
                    ("serviceaccount", object.metadata.name)
                }
                (version, kind) => bail!(
                    "the runner knows no {kind} of {version}; it knows Pod, Job, Deployment, ConfigMap, Secret, \
                     ServiceAccount"
                ),
            };
            parts.objects.push(Object { resource, name });
        }
        Ok(parts)
    }
}

impl Manifest {
    /// # Errors
    /// If it is no manifest of one pod, or asks for what the runner cannot do.
    pub fn parse(text: &str) -> Result<Self> {
        let Parts { mut pods, config_maps, secrets, service_accounts, objects } = Parts::parse(text)?;
        ensure!(pods.len() == 1, "a manifest for the runner has one Pod, Job or Deployment, not {}", pods.len());
        let pod = pods.remove(0);
        for container in pod.spec.init_containers.iter().chain(&pod.spec.containers) {
            let words = container.command.iter().chain(&container.args);
            let mut words = words.chain(container.env.iter().map(|variable| &variable.value));
            ensure!(!words.any(|word| word.contains("$(")), "{}: the runner expands no $(VARIABLE)", container.name);
        }
        Ok(Self { pod, config_maps, secrets, service_accounts, objects, dns: None })
    }
}

/// As Kubernetes reads it: `0440` is octal.
fn yaml<T: DeserializeOwned>(text: &str) -> Result<T> {
    Ok(serde_saphyr::from_str_with_options(text, serde_saphyr::options! { legacy_octal_numbers: true })?)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    api_version: String,
    kind: String,
}

/// Structs that refuse a field they do not have.
macro_rules! objects {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, Default, serde::Deserialize)]
            #[serde(rename_all = "camelCase", deny_unknown_fields, default)]
            pub struct $name { $($(#[$field_doc])* pub $field: $type,)* }
        )*
    };
}
pub(crate) use objects;

objects! {
    Pod {
        api_version: String,
        kind: String,
        metadata: Metadata,
        spec: PodSpec,
    }
    Job {
        api_version: String,
        kind: String,
        metadata: Metadata,
        spec: JobSpec,
    }
    JobSpec {
        /// The one pod is given up when its containers do not end in time, whatever it says
        backoff_limit: Option<u32>,
        template: Template,
    }
    Template {
        metadata: Metadata,
        spec: PodSpec,
    }
    ConfigMap {
        api_version: String,
        kind: String,
        metadata: Metadata,
        data: Files,
    }
    Secret {
        api_version: String,
        kind: String,
        metadata: Metadata,
        string_data: Files,
    }
    ServiceAccount {
        api_version: String,
        kind: String,
        metadata: Metadata,
        /// Nothing is mounted, whatever it says
        automount_service_account_token: Option<bool>,
    }
    Metadata {
        name: String,
        namespace: Option<String>,
        labels: BTreeMap<String, String>,
        annotations: BTreeMap<String, String>,
    }
    PodSpec {
        restart_policy: RestartPolicy,
        share_process_namespace: bool,
        host_network: bool,
        #[serde(rename = "hostPID")]
        host_pid: bool,
        /// Seconds; 30 without
        termination_grace_period_seconds: Option<u32>,
        /// `default` without
        service_account_name: Option<String>,
        /// Nothing is mounted, whatever it says
        automount_service_account_token: Option<bool>,
        /// There are no services
        enable_service_links: Option<bool>,
        security_context: PodSecurity,
        host_aliases: Vec<HostAlias>,
        /// There is one node, whatever it says
        affinity: Affinity,
        /// A `RuntimeClass`'s
        overhead: Amounts,
        volumes: Vec<Volume>,
        init_containers: Vec<Container>,
        containers: Vec<Container>,
    }
    /// Lines of `/etc/hosts`
    HostAlias {
        ip: String,
        hostnames: Vec<String>,
    }
    PodSecurity {
        run_as_user: Option<i64>,
        run_as_group: Option<i64>,
        run_as_non_root: Option<bool>,
        fs_group: Option<u32>,
        supplemental_groups: Vec<i64>,
        seccomp_profile: Option<SeccompProfile>,
    }
    SeccompProfile {
        #[serde(rename = "type")]
        kind: SeccompKind,
    }
    /// One of its sources is there.
    Volume {
        name: String,
        empty_dir: Option<EmptyDir>,
        host_path: Option<HostPath>,
        config_map: Option<ConfigMapVolume>,
        secret: Option<SecretVolume>,
        projected: Option<Projected>,
        #[serde(rename = "downwardAPI")]
        downward: Option<DownwardVolume>,
        image: Option<ImageVolume>,
    }
    /// From Kubernetes 1.33 on, in 1.33 and 1.34 behind the gate `ImageVolume`
    ImageVolume {
        reference: String,
        pull_policy: Option<String>,
    }
    FieldRef {
        field_path: String,
    }
    EmptyDir {}
    HostPath {
        path: String,
    }
    Container {
        name: String,
        image: String,
        image_pull_policy: Option<String>,
        command: Vec<String>,
        args: Vec<String>,
        working_dir: String,
        env: Vec<Variable>,
        ports: Vec<Port>,
        volume_mounts: Vec<VolumeMount>,
        security_context: Security,
        resources: Resources,
        lifecycle: Lifecycle,
        startup_probe: Option<Probe>,
        readiness_probe: Option<Probe>,
        liveness_probe: Option<Probe>,
        /// `Always` makes an init container a native sidecar; others have none
        restart_policy: Option<RestartPolicy>,
    }
    Variable {
        name: String,
        value: String,
        value_from: Option<ValueFrom>,
    }
    ValueFrom {
        field_ref: FieldRef,
    }
    Port {
        name: String,
        container_port: u16,
        host_port: Option<u16>,
    }
    VolumeMount {
        name: String,
        mount_path: String,
        sub_path: String,
        read_only: bool,
    }
    Security {
        run_as_user: Option<i64>,
        run_as_group: Option<i64>,
        run_as_non_root: Option<bool>,
        allow_privilege_escalation: Option<bool>,
        read_only_root_filesystem: bool,
        capabilities: Capabilities,
        seccomp_profile: Option<SeccompProfile>,
    }
    Capabilities {
        add: Vec<String>,
        drop: Vec<String>,
    }
    Resources {
        requests: Amounts,
        limits: Amounts,
    }
    /// Quantities: `100m`, `256Mi`
    Amounts {
        cpu: Option<String>,
        memory: Option<String>,
    }
}

mod probes;
mod projected;
pub use probes::*;
pub use projected::*;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum RestartPolicy {
    #[default]
    Always,
    OnFailure,
    Never,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum SeccompKind {
    RuntimeDefault,
    #[default]
    Unconfined,
}

impl Job {
    /// The first pod that is made for it; the API server would choose the end of its name.
    fn pod(self) -> Result<Pod> {
        let Template { mut metadata, spec } = self.spec.template;
        let policy = spec.restart_policy;
        ensure!(
            policy != RestartPolicy::Always,
            "{}: a Job's pods are restarted Never or OnFailure",
            self.metadata.name
        );
        metadata.name = format!("{}-7c4zk", self.metadata.name);
        Ok(Pod { api_version: "v1".into(), kind: "Pod".into(), metadata, spec })
    }
}

impl Container {
    /// As `kubectl debug --profile=restricted --custom` makes it, of a partial container.
    ///
    /// # Errors
    /// If `custom` is none.
    pub fn ephemeral(name: &str, image: &str, custom: &str) -> Result<Self> {
        let mut container: Self = yaml(custom).context("no container")?;
        (container.name, container.image) = (name.into(), image.into());
        let security = &mut container.security_context;
        security.run_as_non_root = Some(true);
        security.allow_privilege_escalation = Some(false);
        security.capabilities.drop = vec!["ALL".into()];
        security.seccomp_profile = Some(SeccompProfile { kind: SeccompKind::RuntimeDefault });
        Ok(container)
    }

    /// An init container that stays: started before the next, stopped after all others.
    pub fn is_sidecar(&self) -> bool {
        self.restart_policy == Some(RestartPolicy::Always)
    }
}
