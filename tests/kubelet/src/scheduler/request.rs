//! What a pod asks of its node.

use crate::manifest::{Amounts, Container, PodSpec};
use crate::resources::quantity;
use anyhow::Result;
use std::ops::Add;

/// Thousandths of a processor, and bytes
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Request {
    pub cpu: i64,
    pub memory: i64,
}

impl Request {
    /// As `PodRequests` in `k8s.io/component-helpers/resource/helpers.go` has it: what runs at the same time counts
    /// together. That is either all containers with all sidecars, or one init container with the sidecars that have started
    /// before it, whichever is more; and the overhead besides.
    /// <https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/#resource-sharing-within-containers>
    ///
    /// # Errors
    /// If an amount is none.
    pub fn of(spec: &PodSpec) -> Result<Self> {
        let (mut sidecars, mut starting) = (Self::default(), Self::default());
        for container in &spec.init_containers {
            let own = Self::of_container(container)?;
            if container.is_sidecar() {
                sidecars = sidecars + own;
                starting = starting.max(sidecars);
            } else {
                starting = starting.max(sidecars + own);
            }
        }
        let mut running = sidecars;
        for container in &spec.containers {
            running = running + Self::of_container(container)?;
        }
        Ok(running.max(starting) + Self::of_amounts(&spec.overhead)?)
    }

    /// A limit without a request is a request, too: the API server writes it there.
    fn of_container(container: &Container) -> Result<Self> {
        let (requests, limits) = (&container.resources.requests, &container.resources.limits);
        let cpu = requests.cpu.clone().or_else(|| limits.cpu.clone());
        let memory = requests.memory.clone().or_else(|| limits.memory.clone());
        Self::of_amounts(&Amounts { cpu, memory })
    }

    fn of_amounts(amounts: &Amounts) -> Result<Self> {
        Ok(Self {
            cpu: amounts.cpu.as_deref().map_or(Ok(0), |cpu| quantity(cpu, 1000))?,
            memory: amounts.memory.as_deref().map_or(Ok(0), |memory| quantity(memory, 1))?,
        })
    }

    /// Of each resource, whichever is more.
    fn max(self, other: Self) -> Self {
        Self { cpu: self.cpu.max(other.cpu), memory: self.memory.max(other.memory) }
    }
}

impl Add for Request {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { cpu: self.cpu + other.cpu, memory: self.memory + other.memory }
    }
}

#[cfg(test)]
mod tests {
    use super::Request;
    use crate::manifest::PodSpec;

    /// In Mi; each container is its memory, with `S` a sidecar
    fn memory(init: &[&str], containers: &[&str], overhead: &str) -> i64 {
        let list = |containers: &[&str]| {
            let container = |memory: &&str| {
                let policy = if memory.ends_with('S') { "Always" } else { "~" };
                let memory = memory.trim_end_matches('S');
                format!("{{ restartPolicy: {policy}, resources: {{ requests: {{ memory: {memory}Mi }} }} }}")
            };
            containers.iter().map(container).collect::<Vec<_>>().join(", ")
        };
        let (init, containers) = (list(init), list(containers));
        let spec =
            format!("initContainers: [{init}]\ncontainers: [{containers}]\noverhead: {{ memory: {overhead} }}\n");
        Request::of(&serde_saphyr::from_str::<PodSpec>(&spec).unwrap()).unwrap().memory >> 20
    }

    #[test]
    fn what_runs_at_the_same_time_counts_together() {
        for (init, containers, overhead, expected) in [
            (&[][..], &["10", "20"][..], "0", 30),
            (&["25"], &["10", "20"], "0", 30),
            (&["35", "5"], &["10", "20"], "0", 35),
            (&["5S"], &["10", "20"], "0", 35),
            // The init container before the sidecar runs without it, the one after it with it.
            (&["34", "5S"], &["10", "20"], "0", 35),
            (&["5S", "34"], &["10", "20"], "0", 39),
            (&["5S", "40", "7S"], &["10"], "0", 45),
            (&["5S"], &["10"], "3Mi", 18),
            (&["40"], &["10"], "3Mi", 43),
        ] {
            assert_eq!(memory(init, containers, overhead), expected, "{init:?} {containers:?} {overhead}");
        }
    }

    #[test]
    fn a_limit_alone_is_a_request() {
        let spec = "containers: [{ resources: { requests: { cpu: 10m }, limits: { cpu: '1', memory: 1Ki } } }]\n";
        let spec: PodSpec = serde_saphyr::from_str(spec).unwrap();
        assert_eq!(Request::of(&spec).unwrap(), Request { cpu: 10, memory: 1024 });
    }
}
