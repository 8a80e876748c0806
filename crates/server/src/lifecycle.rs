//! The rules by which the object store removes by itself what a server that is gone for good would leave behind.

use uploader::{LifecycleError, S3Store, StoreRule, StoreRuleAction};

use crate::Config;
use crate::config::StoreConfig;

/// Days after which an upload in parts is given up. The janitor does that after one; and a recorder whose upload is gone
/// begins another one.
const ABORT_AFTER: u32 = 30;
/// Days by which the store's rule is behind Weir's own: its count begins with the upload, Weir's with the end of the
/// broadcast, and a recording that waits for its conversion stays for another week. An upload has 9,998 parts of 8 MiB at
/// most, which three months of 86 kbit/s fill.
const MARGIN: u32 = 90;

const NAMES: [&str; 2] = ["abort-uploads", "expire-recordings"];
const FOLDER: &str = "recordings/";

/// Why the bucket's rules are as they were.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// There is nothing that could have rules.
    #[error("without a bucket (s3_bucket), there is no object store to have rules")]
    NoBucket,
    /// The store's settings cannot work.
    #[error(transparent)]
    Options(#[from] uploader::S3OptionsError),
    /// The store doesn't do it.
    #[error(transparent)]
    Lifecycle(#[from] LifecycleError),
}

/// What was done to the bucket's rules; would be, where nothing is.
#[derive(Debug, PartialEq, Eq)]
pub struct Applied {
    /// Whether they had to be changed.
    pub changed: bool,
    /// The rules of Weir's that the bucket has now, in words.
    pub rules: Vec<String>,
    /// Those that it had, and has no more.
    pub removed: Vec<String>,
    /// How many it has that are not Weir's.
    pub kept: usize,
}

/// Gives the bucket the rules that follow from the settings, beside those that it has of others.
///
/// # Errors
///
/// There is no bucket, its store refuses, or it has rules that would not survive it.
pub async fn apply_lifecycle(config: &Config, dry_run: bool) -> Result<Applied, ApplyError> {
    let StoreConfig::S3 { options, .. } = &config.store else { return Err(ApplyError::NoBucket) };
    let store = S3Store::new(options.as_ref().clone())?;
    let rules = rules(config.max_retention_days);
    let change = store.plan_lifecycle(&rules, &NAMES).await?;
    let applied = Applied {
        changed: change.is_needed,
        rules: rules.iter().map(told).collect(),
        removed: change.removed.clone(),
        kept: change.kept,
    };
    if change.is_needed && !dry_run {
        store.change_lifecycle(change).await?;
    }
    Ok(applied)
}

/// Segments and playlists have no rule: a prefix doesn't tell an old segment from a playlist of a stream on air, which may
/// be as old.
fn rules(max_retention_days: Option<u32>) -> Vec<StoreRule> {
    let rule = |name, action| StoreRule { name, prefix: FOLDER, action };
    let expire = max_retention_days.map(|days| StoreRuleAction::Expire { days: days + MARGIN });
    let abort = rule(NAMES[0], StoreRuleAction::AbortUploads { days: ABORT_AFTER });
    [abort].into_iter().chain(expire.map(|action| rule(NAMES[1], action))).collect()
}

fn told(rule: &StoreRule) -> String {
    match rule.action {
        StoreRuleAction::Expire { days } => format!("objects under {} go after {days} days", rule.prefix),
        StoreRuleAction::AbortUploads { days } => {
            format!("unfinished uploads under {} are given up after {days} days", rule.prefix)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_expires_unless_there_is_a_longest_retention() {
        assert_eq!(rules(None).iter().map(|rule| rule.name).collect::<Vec<_>>(), ["abort-uploads"]);
        assert_eq!(rules(Some(30))[1].action, StoreRuleAction::Expire { days: 120 });
    }
}
