//! Findings of a measurement, for people and for programs.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

/// The outcome of one subcommand.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The subcommand.
    pub name: &'static str,
    /// Subject of the measurement.
    pub tables: Vec<Table>,
    /// Goal of the measurement.
    pub targets: Vec<Target>,
}

/// Rows of numbers and words under named columns.
#[derive(Debug, Serialize)]
pub struct Table {
    /// Meaning of the rows, with units.
    pub title: String,
    /// Their columns.
    pub columns: Vec<&'static str>,
    /// One value per column.
    pub rows: Vec<Vec<Value>>,
}

/// A limit that was set, and what became of it.
#[derive(Debug, Serialize)]
pub struct Target {
    /// Subject of the limit.
    pub what: String,
    /// The limit.
    pub limit: f64,
    /// Subject of the measurement.
    pub measured: f64,
    /// True if the limit is kept.
    pub is_met: bool,
}

impl Target {
    /// A value that may be at most `limit`.
    pub fn at_most(what: impl Into<String>, limit: f64, measured: f64) -> Self {
        Self { what: what.into(), limit, measured, is_met: measured <= limit }
    }

    /// A value that must be at least `limit`.
    pub fn at_least(what: impl Into<String>, limit: f64, measured: f64) -> Self {
        Self { what: what.into(), limit, measured, is_met: measured >= limit }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tables.iter().try_for_each(|table| writeln!(f, "{table}"))?;
        if self.targets.is_empty() {
            return Ok(());
        }
        writeln!(f, "| target | limit | measured | |\n|---|---|---|---|")?;
        for Target { what, limit, measured, is_met } in &self.targets {
            let verdict = if *is_met { "met" } else { "missed" };
            writeln!(f, "| {what} | {} | {} | {verdict} |", short(*limit), short(*measured))?;
        }
        Ok(())
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n", self.title)?;
        writeln!(f, "| {} |", self.columns.join(" | "))?;
        writeln!(f, "|{}", "---|".repeat(self.columns.len()))?;
        for row in &self.rows {
            let cells: Vec<String> = row.iter().map(cell).collect();
            writeln!(f, "| {} |", cells.join(" | "))?;
        }
        Ok(())
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        Value::Number(number) if number.is_f64() => short(number.as_f64().unwrap_or_default()),
        other => other.to_string(),
    }
}

/// A number with as many digits as anybody reads.
fn short(number: f64) -> String {
    let digits = match number.abs() {
        size if size >= 100.0 || number.fract() == 0.0 => 0,
        size if size >= 10.0 => 1,
        _ => 2,
    };
    format!("{number:.digits$}")
}

/// The value that a share `at` (0 to 1) of the sorted values does not exceed.
pub fn percentile(values: &mut [f64], at: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    values.get((last as f64 * at).round() as usize).copied().unwrap_or(f64::NAN)
}
