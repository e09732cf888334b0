//! Everything that one `RunPod` and its clones know, and the rules by which they judge answers. Nothing here asks RunPod.

pub(crate) mod evidence;
pub(crate) mod identity;
pub(crate) mod listing;
pub(crate) mod names;
pub(crate) mod poller;
pub(crate) mod recent;
pub(crate) mod record;
pub(crate) mod search;
pub(crate) mod turn;
