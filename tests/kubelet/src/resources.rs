//! What a container asks for and may use:
//! <https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/>.

use crate::manifest::{Amounts, Resources};
use crate::messages::ContainerResources;
use anyhow::{Context, Result, bail};

/// Microseconds; kubelet's
const PERIOD: i64 = 100_000;

/// As kubelet does, but that a container which requests no processor time gets the same share as any other.
///
/// # Errors
/// If an amount is none, or in a unit that the runner does not know.
pub fn convert(resources: &Resources) -> Result<ContainerResources> {
    let cpu = |amounts: &Amounts| amounts.cpu.as_deref().map(|cpu| quantity(cpu, 1000)).transpose();
    let limit = cpu(&resources.limits)?;
    let request = cpu(&resources.requests)?.or(limit);
    Ok(ContainerResources {
        cpu_period: PERIOD,
        // The kernel refuses less than a millisecond.
        cpu_quota: limit.map_or(0, |milli| (milli * PERIOD / 1000).max(1000)),
        cpu_shares: request.map_or(0, |milli| (milli * 1024 / 1000).max(2)),
        memory_limit: resources.limits.memory.as_deref().map_or(Ok(0), |memory| quantity(memory, 1))?,
    })
}

/// In units of which one has so many `parts`:
/// <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>.
///
/// # Errors
/// If it is none, or in a unit that the runner does not know.
pub fn quantity(text: &str, parts: i64) -> Result<i64> {
    let (number, suffix) = text.split_at(text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len()));
    let number: i64 = number.parse().with_context(|| format!("no quantity: `{text}`"))?;
    Ok(match suffix {
        "" => number * parts,
        "m" => number * parts / 1000,
        "Ki" => number * parts * 1024,
        "Mi" => number * parts * 1024 * 1024,
        "Gi" => number * parts * 1024 * 1024 * 1024,
        _ => bail!("the runner knows no such unit: `{text}`"),
    })
}

#[cfg(test)]
mod tests {
    use super::quantity;

    #[test]
    fn quantities() {
        assert_eq!(quantity("2", 1000).unwrap(), 2000);
        assert_eq!(quantity("250m", 1000).unwrap(), 250);
        assert_eq!(quantity("256Mi", 1).unwrap(), 256 << 20);
        assert!(quantity("1.5", 1000).is_err() && quantity("Mi", 1).is_err() && quantity("", 1).is_err());
    }
}
