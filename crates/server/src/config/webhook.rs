//! How webhooks are sent.

use std::time::Duration;

use super::{ConfigError, within};
use crate::settings::Settings;

/// How webhooks are sent.
#[derive(Clone, Debug)]
pub struct WebhookConfig {
    /// Whether endpoints may be in private networks.
    pub allow_private: bool,
    /// How long one request may take.
    pub timeout: Duration,
    /// How long an endpoint may fail before it is disabled.
    pub retry_for: Duration,
}

impl Default for WebhookConfig {
    fn default() -> Self {
        Self {
            allow_private: false,
            timeout: Duration::from_secs(15),
            retry_for: Duration::from_secs(24 * 60 * 60),
        }
    }
}

impl WebhookConfig {
    pub(super) fn new(settings: &Settings) -> Result<Self, ConfigError> {
        let default = Self::default();
        let seconds = |name, given: Option<u64>, default: Duration, max| {
            within(name, given.unwrap_or(default.as_secs()), 1, max).map(Duration::from_secs)
        };
        Ok(Self {
            allow_private: settings.webhook_allow_private.unwrap_or(default.allow_private),
            timeout: seconds("webhook_timeout", settings.webhook_timeout, default.timeout, 60)?,
            retry_for: seconds("webhook_retry_for", settings.webhook_retry_for, default.retry_for, 604_800)?,
        })
    }
}
