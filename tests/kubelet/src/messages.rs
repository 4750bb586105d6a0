//! The messages of the CRI, version 1, that a pod's life needs, with the fields it needs; protobuf lets the rest be
//! absent. Written out, because the published bindings need protoc to build. Names, numbers and meanings:
//! <https://github.com/kubernetes/cri-api/blob/master/pkg/apis/runtime/v1/api.proto>.

use prost::Message;
use std::collections::HashMap;

/// What a method takes.
pub trait Request: Message + 'static {
    /// As gRPC's path names it
    const METHOD: &'static str;
    type Response: Message + Default + 'static;
}

macro_rules! methods {
    ($($service:literal $method:ident($request:ty) -> $response:ty;)*) => {
        $(impl Request for $request {
            const METHOD: &'static str = concat!("/runtime.v1.", $service, "/", stringify!($method));
            type Response = $response;
        })*
    };
}

methods! {
    "RuntimeService" Version(VersionRequest) -> Version;
    "RuntimeService" Status(RuntimeStatusRequest) -> RuntimeStatusResponse;
    "RuntimeService" RunPodSandbox(RunPodSandboxRequest) -> RunPodSandboxResponse;
    "RuntimeService" StopPodSandbox(StopPodSandboxRequest) -> Nothing;
    "RuntimeService" RemovePodSandbox(RemovePodSandboxRequest) -> Nothing;
    "RuntimeService" PodSandboxStatus(PodSandboxStatusRequest) -> PodSandboxStatusResponse;
    "RuntimeService" ListPodSandbox(ListPodSandboxRequest) -> ListPodSandboxResponse;
    "RuntimeService" CreateContainer(CreateContainerRequest) -> CreateContainerResponse;
    "RuntimeService" StartContainer(StartContainerRequest) -> Nothing;
    "RuntimeService" StopContainer(StopContainerRequest) -> Nothing;
    "RuntimeService" RemoveContainer(RemoveContainerRequest) -> Nothing;
    "RuntimeService" ContainerStatus(ContainerStatusRequest) -> ContainerStatusResponse;
    "RuntimeService" ExecSync(ExecSyncRequest) -> ExecSyncResponse;
    "ImageService" ImageStatus(ImageStatusRequest) -> ImageStatusResponse;
}

/// `enum NamespaceMode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub enum NamespaceMode {
    Pod = 0,
    Container = 1,
    Node = 2,
    /// Another container's, which `target_id` names; for processes alone
    Target = 3,
}

/// `SecurityProfile.ProfileType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub enum ProfileType {
    RuntimeDefault = 0,
    Unconfined = 1,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub enum SandboxState {
    Ready = 0,
    NotReady = 1,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub enum ContainerState {
    Created = 0,
    Running = 1,
    Exited = 2,
    Unknown = 3,
}

/// `enum Protocol`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub enum Protocol {
    Tcp = 0,
    Udp = 1,
}

/// One message a line or a few: name, then fields with their types and numbers.
macro_rules! messages {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty, ($($tag:tt)*);)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, PartialEq, Message)]
            pub struct $name { $($(#[$field_doc])* #[prost($($tag)*)] pub $field: $type,)* }
        )*
    };
}

messages! {
    Nothing {}
    VersionRequest {}
    Version {
        runtime_name: String, (string, tag = "2");
        runtime_version: String, (string, tag = "3");
    }
    RuntimeStatusRequest {}
    RuntimeStatusResponse { status: Option<RuntimeStatus>, (message, tag = "1"); }
    RuntimeStatus { conditions: Vec<RuntimeCondition>, (message, repeated, tag = "1"); }
    RuntimeCondition {
        kind: String, (string, tag = "1");
        status: bool, (bool, tag = "2");
        message: String, (string, tag = "4");
    }

    RunPodSandboxRequest { config: Option<SandboxConfig>, (message, tag = "1"); }
    RunPodSandboxResponse { id: String, (string, tag = "1"); }
    StopPodSandboxRequest { id: String, (string, tag = "1"); }
    RemovePodSandboxRequest { id: String, (string, tag = "1"); }
    PodSandboxStatusRequest {
        id: String, (string, tag = "1");
        verbose: bool, (bool, tag = "2");
    }
    PodSandboxStatusResponse {
        status: Option<SandboxStatus>, (message, tag = "1");
        info: HashMap<String, String>, (map = "string, string", tag = "2");
    }
    SandboxStatus {
        state: i32, (enumeration = "SandboxState", tag = "3");
        network: Option<SandboxNetwork>, (message, tag = "5");
    }
    SandboxNetwork {
        ip: String, (string, tag = "1");
        additional_ips: Vec<PodIp>, (message, repeated, tag = "2");
    }
    PodIp { ip: String, (string, tag = "1"); }
    ListPodSandboxRequest {}
    ListPodSandboxResponse { items: Vec<ListedSandbox>, (message, repeated, tag = "1"); }
    ListedSandbox { id: String, (string, tag = "1"); }

    /// `PodSandboxConfig`.
    SandboxConfig {
        metadata: Option<SandboxMetadata>, (message, tag = "1");
        hostname: String, (string, tag = "2");
        log_directory: String, (string, tag = "3");
        dns_config: Option<DnsConfig>, (message, tag = "4");
        port_mappings: Vec<PortMapping>, (message, repeated, tag = "5");
        linux: Option<SandboxLinux>, (message, tag = "8");
    }
    SandboxMetadata {
        name: String, (string, tag = "1");
        uid: String, (string, tag = "2");
        namespace: String, (string, tag = "3");
        attempt: u32, (uint32, tag = "4");
    }
    /// What `/etc/resolv.conf` says; the node's without.
    DnsConfig {
        servers: Vec<String>, (string, repeated, tag = "1");
        searches: Vec<String>, (string, repeated, tag = "2");
        options: Vec<String>, (string, repeated, tag = "3");
    }
    PortMapping {
        protocol: i32, (enumeration = "Protocol", tag = "1");
        container_port: i32, (int32, tag = "2");
        host_port: i32, (int32, tag = "3");
        host_ip: String, (string, tag = "4");
    }
    /// `LinuxPodSandboxConfig`.
    SandboxLinux {
        cgroup_parent: String, (string, tag = "1");
        security_context: Option<SandboxSecurity>, (message, tag = "2");
    }
    /// `LinuxSandboxSecurityContext`.
    SandboxSecurity {
        namespace_options: Option<NamespaceOption>, (message, tag = "1");
        run_as_user: Option<Int64>, (message, tag = "3");
        readonly_rootfs: bool, (bool, tag = "4");
        supplemental_groups: Vec<i64>, (int64, repeated, tag = "5");
        run_as_group: Option<Int64>, (message, tag = "8");
        seccomp: Option<SecurityProfile>, (message, tag = "9");
    }
    NamespaceOption {
        network: i32, (enumeration = "NamespaceMode", tag = "1");
        pid: i32, (enumeration = "NamespaceMode", tag = "2");
        ipc: i32, (enumeration = "NamespaceMode", tag = "3");
        target_id: String, (string, tag = "4");
    }
    /// `Int64Value`: a number that may be absent.
    Int64 { value: i64, (int64, tag = "1"); }
    SecurityProfile { profile_type: i32, (enumeration = "ProfileType", tag = "1"); }

    CreateContainerRequest {
        sandbox: String, (string, tag = "1");
        config: Option<ContainerConfig>, (message, tag = "2");
        sandbox_config: Option<SandboxConfig>, (message, tag = "3");
    }
    CreateContainerResponse { id: String, (string, tag = "1"); }
    StartContainerRequest { id: String, (string, tag = "1"); }
    StopContainerRequest {
        id: String, (string, tag = "1");
        /// Seconds between SIGTERM and SIGKILL
        timeout: i64, (int64, tag = "2");
    }
    RemoveContainerRequest { id: String, (string, tag = "1"); }
    ContainerStatusRequest {
        id: String, (string, tag = "1");
        verbose: bool, (bool, tag = "2");
    }
    ContainerStatusResponse {
        status: Option<ContainerStatus>, (message, tag = "1");
        info: HashMap<String, String>, (map = "string, string", tag = "2");
    }
    /// Times in nanoseconds since 1970, 0 where it has not come to that.
    ContainerStatus {
        state: i32, (enumeration = "ContainerState", tag = "3");
        started_at: i64, (int64, tag = "5");
        finished_at: i64, (int64, tag = "6");
        exit_code: i32, (int32, tag = "7");
        reason: String, (string, tag = "10");
        message: String, (string, tag = "11");
    }
    ExecSyncRequest {
        container: String, (string, tag = "1");
        command: Vec<String>, (string, repeated, tag = "2");
        /// Seconds; 0 is for ever
        timeout: i64, (int64, tag = "3");
    }
    ExecSyncResponse {
        stdout: Vec<u8>, (bytes = "vec", tag = "1");
        stderr: Vec<u8>, (bytes = "vec", tag = "2");
        exit_code: i32, (int32, tag = "3");
    }

    ContainerConfig {
        metadata: Option<ContainerMetadata>, (message, tag = "1");
        image: Option<ImageSpec>, (message, tag = "2");
        command: Vec<String>, (string, repeated, tag = "3");
        args: Vec<String>, (string, repeated, tag = "4");
        working_dir: String, (string, tag = "5");
        envs: Vec<KeyValue>, (message, repeated, tag = "6");
        mounts: Vec<Mount>, (message, repeated, tag = "7");
        log_path: String, (string, tag = "11");
        linux: Option<ContainerLinux>, (message, tag = "15");
    }
    ContainerMetadata {
        name: String, (string, tag = "1");
        attempt: u32, (uint32, tag = "2");
    }
    ImageSpec { image: String, (string, tag = "1"); }
    KeyValue {
        key: String, (string, tag = "1");
        value: String, (string, tag = "2");
    }
    Mount {
        container_path: String, (string, tag = "1");
        host_path: String, (string, tag = "2");
        readonly: bool, (bool, tag = "3");
        /// In place of `host_path`
        image: Option<ImageSpec>, (message, tag = "9");
        image_sub_path: String, (string, tag = "10");
    }
    /// `LinuxContainerConfig`.
    ContainerLinux {
        resources: Option<ContainerResources>, (message, tag = "1");
        security_context: Option<ContainerSecurity>, (message, tag = "2");
    }
    /// `LinuxContainerResources`; 0 is the runtime's default.
    ContainerResources {
        /// Microseconds
        cpu_period: i64, (int64, tag = "1");
        cpu_quota: i64, (int64, tag = "2");
        cpu_shares: i64, (int64, tag = "3");
        memory_limit: i64, (int64, tag = "4");
    }
    /// `LinuxContainerSecurityContext`.
    ContainerSecurity {
        capabilities: Option<Capabilities>, (message, tag = "1");
        namespace_options: Option<NamespaceOption>, (message, tag = "3");
        run_as_user: Option<Int64>, (message, tag = "5");
        readonly_rootfs: bool, (bool, tag = "7");
        supplemental_groups: Vec<i64>, (int64, repeated, tag = "8");
        no_new_privs: bool, (bool, tag = "11");
        run_as_group: Option<Int64>, (message, tag = "12");
        masked_paths: Vec<String>, (string, repeated, tag = "13");
        readonly_paths: Vec<String>, (string, repeated, tag = "14");
        seccomp: Option<SecurityProfile>, (message, tag = "15");
    }
    Capabilities {
        add: Vec<String>, (string, repeated, tag = "1");
        drop: Vec<String>, (string, repeated, tag = "2");
    }

    ImageStatusRequest { image: Option<ImageSpec>, (message, tag = "1"); }
    ImageStatusResponse { image: Option<Image>, (message, tag = "1"); }
    Image {
        uid: Option<Int64>, (message, tag = "5");
        username: String, (string, tag = "6");
        pinned: bool, (bool, tag = "8");
    }
}
