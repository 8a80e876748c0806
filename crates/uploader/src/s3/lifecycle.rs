//! The bucket's lifecycle rules: what the store removes by itself.

use std::time::Duration;

use bytes::Bytes;
use quick_xml::Reader;
use quick_xml::events::Event;
use s3::command::Command;
use s3::serde_types::{
    AbortIncompleteMultipartUpload, BucketLifecycleConfiguration, Expiration, LifecycleFilter, LifecycleRule,
};

use super::S3Store;
use crate::check::within;
use crate::{StoreError, StoreRule, StoreRuleAction};

/// How long the store may take for an answer.
const LIMIT: Duration = Duration::from_secs(5);

/// Why the bucket's rules are as they were.
#[derive(Debug, thiserror::Error)]
pub enum LifecycleError {
    /// The store doesn't answer, or says no.
    #[error("the object store doesn't take lifecycle rules: {0}")]
    Store(#[from] StoreError),
    /// Rules that aren't ours have something that would be lost if they were written again.
    #[error(
        "the bucket has a lifecycle configuration of others that cannot be kept as it is, so nothing was changed: \
         add the rules with that store's own tools"
    )]
    Foreign,
    /// The store said yes, and has other rules than it was given.
    #[error("the object store took the rules and does not have them: it has {rules} of {wanted}")]
    Ignored {
        /// Rules that it has of ours.
        rules: usize,
        /// Rules that it was given.
        wanted: usize,
    },
}

/// How the bucket's rules would change.
#[derive(Debug)]
pub struct LifecycleChange {
    /// Rules that aren't ours, and stay.
    pub kept: usize,
    /// Rules of ours that go.
    pub removed: Vec<String>,
    /// Whether there is anything to do.
    pub is_needed: bool,
    ours: Vec<String>,
    next: BucketLifecycleConfiguration,
}

impl S3Store {
    /// What has to change for the bucket to have `rules`, and none of the other `names`; the rest of its rules stays.
    ///
    /// # Errors
    ///
    /// The store doesn't answer, or has rules that could not be written again as they are.
    pub async fn plan_lifecycle(
        &self,
        rules: &[StoreRule],
        names: &[&str],
    ) -> Result<LifecycleChange, LifecycleError> {
        let ids: Vec<String> = names.iter().map(|name| self.rule_id(name)).collect();
        let is_ours =
            |rule: &LifecycleRule| rule.id.as_ref().is_some_and(|id| ids.iter().any(|ours| ours == id));
        let now = self.rules().await?;
        let (old, mut next): (Vec<_>, Vec<_>) = now.into_iter().partition(is_ours);
        let kept = next.len();
        let new: Vec<_> = rules.iter().map(|rule| self.rule(rule)).collect();
        let text =
            |rules: &[LifecycleRule]| quick_xml::se::to_string_with_root("Rules", &rules.to_vec()).ok();
        let is_needed = text(&old) != text(&new);
        let ours: Vec<String> = new.iter().filter_map(|rule| rule.id.clone()).collect();
        let removed = old.into_iter().filter_map(|rule| rule.id).filter(|id| !ours.contains(id)).collect();
        next.extend(new);
        Ok(LifecycleChange { kept, removed, is_needed, ours, next: BucketLifecycleConfiguration::new(next) })
    }

    /// Makes a change.
    ///
    /// # Errors
    ///
    /// The store says no, or yes without having done it.
    pub async fn change_lifecycle(&self, change: LifecycleChange) -> Result<(), LifecycleError> {
        let LifecycleChange { next, ours, .. } = change;
        let body = quick_xml::se::to_string(&next)
            .map_err(|error| StoreError::Unreadable { reason: error.to_string() })?;
        let command = if next.rules.is_empty() {
            Command::DeleteBucketLifecycle
        } else {
            Command::PutBucketLifecycle { configuration: next }
        };
        let body = if matches!(command, Command::DeleteBucketLifecycle) { String::new() } else { body };
        within(LIMIT, self.request("", command, Bytes::from(body))).await?;
        let has = self.rules().await?;
        let found = ours.iter().filter(|id| has.iter().any(|rule| rule.id.as_ref() == Some(id))).count();
        if found < ours.len() {
            return Err(LifecycleError::Ignored { rules: found, wanted: ours.len() });
        }
        Ok(())
    }

    async fn rules(&self) -> Result<Vec<LifecycleRule>, LifecycleError> {
        let response = match within(LIMIT, self.request("", Command::GetBucketLifecycle, Bytes::new())).await
        {
            Ok(response) => response,
            Err(StoreError::Rejected(rejection))
                if rejection.code.as_deref() == Some("NoSuchLifecycleConfiguration") =>
            {
                return Ok(Vec::new());
            }
            Err(error) => return Err(error.into()),
        };
        parse(&within(LIMIT, self.read(response)).await?)
    }

    /// Two servers may share a bucket, each with a prefix of its own.
    fn rule_id(&self, name: &str) -> String {
        format!(
            "weir-{name}{}",
            if self.prefix.is_empty() { String::new() } else { format!(":{}", self.prefix) }
        )
    }

    fn rule(&self, rule: &StoreRule) -> LifecycleRule {
        let prefix = format!("{}{}", self.prefix, rule.prefix);
        let filter = LifecycleFilter { prefix: Some(prefix), ..LifecycleFilter::default() };
        let made = LifecycleRule::builder("Enabled").id(&self.rule_id(rule.name)).filter(filter);
        match rule.action {
            StoreRuleAction::Expire { days } => made.expiration(Expiration::new(None, Some(days), None)),
            StoreRuleAction::AbortUploads { days } => {
                made.abort_incomplete_multipart_upload(AbortIncompleteMultipartUpload::new(Some(days as i32)))
            }
        }
        .build()
    }
}

/// Reads rules, unless writing them again would lose something: a rule without its filter concerns the whole bucket.
fn parse(text: &str) -> Result<Vec<LifecycleRule>, LifecycleError> {
    let unreadable = |reason: String| LifecycleError::Store(StoreError::Unreadable { reason });
    let rules = quick_xml::de::from_str::<BucketLifecycleConfiguration>(text);
    let rules = rules.map_err(|_| LifecycleError::Foreign)?;
    let again = quick_xml::se::to_string(&rules).map_err(|error| unreadable(error.to_string()))?;
    let (before, after) = (content(text), content(&again));
    if before.is_none() || before != after {
        return Err(LifecycleError::Foreign);
    }
    Ok(rules.rules)
}

/// All that a document says, in whatever order: each text with the names of the elements around it.
fn content(text: &str) -> Option<Vec<(String, String)>> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().trim_text(true);
    let (mut path, mut found, mut rule) = (Vec::new(), Vec::new(), 0);
    loop {
        match reader.read_event().ok()? {
            Event::Start(element) => {
                let name = String::from_utf8_lossy(element.local_name().as_ref()).into_owned();
                rule += u32::from(name == "Rule");
                path.push(name);
            }
            Event::End(_) => drop(path.pop()),
            Event::Text(words) => {
                let words = words.decode().ok()?.into_owned();
                found.push((format!("{rule}/{}", path.join("/")), words));
            }
            Event::GeneralRef(name) => {
                found.push((format!("{rule}/{}", path.join("/")), name.decode().ok()?.into_owned()));
            }
            Event::Eof => break,
            _ => {}
        }
    }
    found.sort();
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(rule: &str) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<LifecycleConfiguration \
             xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Rule><ID>logs &amp; more</ID><Status>Enabled</Status>\
             {rule}</Rule></LifecycleConfiguration>"
        )
    }

    #[test]
    fn rules_of_others_are_read_when_nothing_of_them_would_be_lost() {
        let whole = document(
            "<Filter><Prefix>logs/</Prefix></Filter><Expiration><Days>30</Days></Expiration>\
             <Transition><Days>3</Days><StorageClass>GLACIER</StorageClass></Transition>",
        );
        assert_eq!(parse(&whole).unwrap().len(), 1);
        // A prefix as it was written before there were filters, and what no version knows yet.
        for rule in [
            "<Prefix>logs/</Prefix><Expiration><Days>30</Days></Expiration>",
            "<Filter><Prefix>logs/</Prefix><Colour>red</Colour></Filter><Expiration><Days>30</Days></Expiration>",
        ] {
            assert!(matches!(parse(&document(rule)), Err(LifecycleError::Foreign)), "{rule}");
        }
    }
}
