//! `kubectl get pod`, as a table or one field.

use crate::facts::NODE;
use crate::pod::Pod;
use anyhow::{Result, bail};

/// What it prints of a pod whose containers have started.
///
/// # Errors
/// If the runtime refuses, or there are other options.
pub fn pod(pod: &Pod, options: &[&str]) -> Result<String> {
    let wide = match options {
        [] => false,
        ["--output=wide"] => true,
        ["--output=jsonpath={.status.podIP}"] => return Ok(pod.ip()?.to_string()),
        _ => bail!("the runner knows no such options of kubectl get pod: {options:?}"),
    };
    let summary = pod.summary()?;
    let restarts = match summary.last_restart {
        Some(ago) => format!("{} ({}s ago)", summary.restarts, ago.as_secs()),
        None => summary.restarts.to_string(),
    };
    let mut columns = vec![
        ("NAME", summary.name),
        ("READY", format!("{}/{}", summary.ready, summary.containers)),
        ("STATUS", "Running".into()),
        ("RESTARTS", restarts),
        ("AGE", format!("{}s", summary.age.as_secs())),
    ];
    if wide {
        columns.extend([("IP", pod.ip()?.to_string()), ("NODE", NODE.into())]);
        columns.extend(["NOMINATED NODE", "READINESS GATES"].map(|title| (title, "<none>".into())));
    }
    Ok(table(&columns))
}

/// Columns are as wide as what is in them, and three spaces apart.
fn table(columns: &[(&str, String)]) -> String {
    let line = |of: fn(&(&str, String)) -> String| {
        let cells = columns.iter().map(|column| {
            let width = column.0.len().max(column.1.len()) + 3;
            format!("{:width$}", of(column))
        });
        cells.collect::<String>()
    };
    let (titles, values) = (line(|column| column.0.into()), line(|column| column.1.clone()));
    format!("{}\n{}", titles.trim_end(), values.trim_end())
}

#[cfg(test)]
mod tests {
    use super::table;

    #[test]
    fn columns_stand_below_their_titles() {
        let columns = [("NAME", "a-long-name"), ("READY", "1/2"), ("AGE", "5s")];
        let columns = columns.map(|(title, value)| (title, value.into()));
        assert_eq!(table(&columns), "NAME          READY   AGE\na-long-name   1/2     5s");
    }
}
