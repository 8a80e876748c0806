/// Something that a store is to remove by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreRule {
    /// What it is called.
    pub name: &'static str,
    /// It concerns keys that begin so.
    pub prefix: &'static str,
    /// What it does.
    pub action: StoreRuleAction,
}

/// What a store does by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreRuleAction {
    /// Removes objects that are so old.
    Expire {
        /// Since they were stored; for one that was stored in parts, since that began.
        days: u32,
    },
    /// Gives up uploads in parts that are so old.
    AbortUploads {
        /// Since they began.
        days: u32,
    },
}
