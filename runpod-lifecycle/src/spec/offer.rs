//! The hardware that RunPod rents, as its catalog shows it.

use crate::word::words;

/// RunPod's stock of something, in its own coarse words. A hint, not a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Stock {
    /// Nothing right now.
    None,
    /// A few.
    Low,
    /// Some.
    Medium,
    /// Plenty.
    High,
}

words!(
    Stock,
    "stock",
    None => "none",
    Low => "low",
    Medium => "medium",
    High => "high",
);

/// A GPU type of RunPod's catalog, seen from one cloud.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct GpuType {
    /// The id a spec names, for example `NVIDIA GeForce RTX 4090`.
    pub id: String,
    /// The pool it belongs to, for example `ADA_24`; `None` if it is in none.
    pub pool: Option<String>,
    /// The maker, for example `Nvidia`; `None` if the catalog does not say.
    pub manufacturer: Option<String>,
    /// VRAM of one GPU in GB; `None` if the catalog does not say.
    pub memory_gb: Option<i64>,
    /// List price of one GPU in USD per hour; `None` if this cloud does not offer the type.
    pub price_usd_per_hour: Option<f64>,
    /// The most GPUs one pod can have; `None` if the catalog does not say.
    pub max_count: Option<i64>,
    /// The stock; `None` if the catalog does not say.
    pub stock: Option<Stock>,
    /// The data centers that have some, with how many there are. Empty if the catalog does not say.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::serial::object"))]
    pub data_centers: Vec<(String, Stock)>,
}

impl GpuType {
    /// Returns true if a name is its id or that of its pool.
    pub(crate) fn is_named(&self, name: &str) -> bool {
        self.id == name || self.pool.as_deref() == Some(name)
    }

    /// Returns false for the one entry of RunPod's catalog that nobody can rent.
    pub(crate) fn is_rentable(&self) -> bool {
        self.id != "unknown"
    }

    #[cfg(test)]
    pub(crate) fn scripted(id: &str, pool: Option<&str>) -> Self {
        Self {
            id: id.to_owned(),
            pool: pool.map(str::to_owned),
            manufacturer: None,
            memory_gb: None,
            price_usd_per_hour: None,
            max_count: None,
            stock: None,
            data_centers: Vec::new(),
        }
    }
}

/// A CPU flavor of RunPod's catalog.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct CpuFlavor {
    /// The id a spec names, for example `cpu3c`.
    pub id: String,
    /// The fewest vCPUs a pod of this flavor has.
    pub min_vcpus: i64,
    /// The most vCPUs a pod of this flavor has.
    pub max_vcpus: i64,
    /// GB of RAM that come with each vCPU.
    pub ram_gb_per_vcpu: Option<f64>,
    /// List price of one vCPU in USD per hour.
    pub price_usd_per_vcpu_hour: Option<f64>,
    /// The stock; `None` if the catalog does not say.
    pub stock: Option<Stock>,
    /// The data centers that have some, with how many there are. Empty if the catalog does not say.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::serial::object"))]
    pub data_centers: Vec<(String, Stock)>,
}

/// An entry of the catalog.
pub(crate) trait Offered {
    fn id(&self) -> &str;

    /// The same, of unknown stock.
    fn without_stock(self) -> Self;
}

impl Offered for GpuType {
    fn id(&self) -> &str {
        &self.id
    }

    fn without_stock(self) -> Self {
        Self { stock: None, data_centers: Vec::new(), ..self }
    }
}

impl Offered for CpuFlavor {
    fn id(&self) -> &str {
        &self.id
    }

    fn without_stock(self) -> Self {
        Self { stock: None, data_centers: Vec::new(), ..self }
    }
}

/// Returns true if two texts name one data center: RunPod's ids differ in more than case.
pub(crate) fn same_data_center(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

/// The best stock among the data centers allowed; the overall one if all are.
pub(crate) fn stock_in(
    allowed: &[String],
    overall: Option<Stock>,
    by_data_center: &[(String, Stock)],
) -> Option<Stock> {
    if allowed.is_empty() || by_data_center.is_empty() {
        return overall;
    }
    let is_allowed = |id: &str| allowed.iter().any(|allowed| same_data_center(allowed, id));
    let here = by_data_center.iter().filter(|(id, _)| is_allowed(id)).map(|(_, stock)| *stock);
    Some(here.max().unwrap_or(Stock::None))
}

/// The data centers among those allowed that have some.
pub(crate) fn stocked(allowed: &[String], by_data_center: &[(String, Stock)]) -> Vec<(String, Stock)> {
    let is_allowed =
        |id: &str| allowed.is_empty() || allowed.iter().any(|allowed| same_data_center(allowed, id));
    by_data_center.iter().filter(|(id, stock)| *stock > Stock::None && is_allowed(id)).cloned().collect()
}

/// A name in quotes, with a word about blanks that the eye would miss.
pub(crate) fn quoted(name: &str) -> String {
    let is_odd = |c: char| c.is_whitespace() && c != ' ';
    let is_doubled = name.contains("  ");
    match (is_doubled, name.contains(is_odd)) {
        (_, true) => format!("{name:?} (with a blank that is no space)"),
        (true, _) => format!("{name:?} (with two blanks in a row)"),
        _ => format!("{name:?}"),
    }
}
