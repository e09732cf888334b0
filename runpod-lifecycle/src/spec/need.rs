//! A GPU by need rather than by name.

use crate::GpuType;

/// The needs that a GPU type must meet where no name says which it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct GpuNeed {
    pub(crate) min_vram_gb: Option<u32>,
    /// Any of them; empty for all.
    pub(crate) manufacturers: Vec<String>,
    /// Ids of types and pools.
    pub(crate) excluded: Vec<String>,
}

impl GpuNeed {
    /// Returns why a type does not do; `None` if it does. What the catalog does not say is not met.
    pub(crate) fn refusal(&self, gpu: &GpuType) -> Option<String> {
        if let Some(name) = self.excluded.iter().find(|name| gpu.is_named(name)) {
            return Some(format!("{name} is excluded"));
        }
        if let Some(least) = self.min_vram_gb {
            match gpu.memory_gb {
                None => return Some("the catalog does not say how much VRAM it has".to_owned()),
                Some(memory) if memory < i64::from(least) => {
                    return Some(format!("it has {memory} GB of VRAM"));
                }
                Some(_) => {}
            }
        }
        let is_made_by =
            |maker: &String| self.manufacturers.iter().any(|wanted| wanted.eq_ignore_ascii_case(maker));
        match &gpu.manufacturer {
            _ if self.manufacturers.is_empty() => None,
            None => Some("the catalog does not say who makes it".to_owned()),
            Some(maker) if is_made_by(maker) => None,
            Some(maker) => Some(format!("{maker} makes it")),
        }
    }

    /// The needs that were set, by their setters.
    pub(crate) fn fields(&self) -> Vec<&'static str> {
        let set = [
            ("min_vram_gb", self.min_vram_gb.is_some()),
            ("manufacturer", !self.manufacturers.is_empty()),
            ("exclude_gpu", !self.excluded.is_empty()),
        ];
        set.into_iter().filter_map(|(field, is_set)| is_set.then_some(field)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_catalog_does_not_say_is_not_met() {
        let gpu = |memory_gb, maker: Option<&str>| GpuType {
            memory_gb,
            manufacturer: maker.map(str::to_owned),
            ..GpuType::scripted("NVIDIA A40", Some("AMPERE_48"))
        };
        let need = |min_vram_gb, makers: &[&str], excluded: &[&str]| {
            let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
            GpuNeed { min_vram_gb, manufacturers: owned(makers), excluded: owned(excluded) }
        };
        for (need, gpu, refusal) in [
            (need(None, &[], &[]), gpu(None, None), None),
            (need(Some(48), &[], &[]), gpu(Some(48), None), None),
            (need(Some(49), &[], &[]), gpu(Some(48), None), Some("it has 48 GB of VRAM")),
            (need(Some(1), &[], &[]), gpu(None, None), Some("the catalog does not say how much VRAM it has")),
            (need(None, &["nvidia", "AMD"], &[]), gpu(None, Some("Nvidia")), None),
            (need(None, &["AMD"], &[]), gpu(None, Some("Nvidia")), Some("Nvidia makes it")),
            (need(None, &["AMD"], &[]), gpu(None, None), Some("the catalog does not say who makes it")),
            (need(None, &[], &["NVIDIA A40"]), gpu(None, None), Some("NVIDIA A40 is excluded")),
            (need(None, &[], &["AMPERE_48"]), gpu(None, None), Some("AMPERE_48 is excluded")),
            (need(None, &[], &["NVIDIA A4"]), gpu(None, None), None),
        ] {
            assert_eq!(need.refusal(&gpu).as_deref(), refusal, "{need:?} {gpu:?}");
        }
    }
}
