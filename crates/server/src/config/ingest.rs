//! What encoders may do: limits, RTMPS and the hook.

use std::time::Duration;

use rtmp_ingest::Limits;
use url::Url;

use super::{ConfigError, Secret, TlsConfig, web_url, within};
use crate::settings::Settings;

/// How encoders come in.
#[derive(Clone, Debug)]
pub struct IngestConfig {
    /// RTMP connections at a time.
    pub max_connections: usize,
    /// Those of one IPv4 address or IPv6 /64.
    pub max_connections_per_address: usize,
    /// Wrong keys from one address before further ones have to wait.
    pub failed_keys: u32,
    /// The bounds of one connection.
    pub limits: Limits,
    /// RTMPS, where it is set up.
    pub tls: Option<TlsConfig>,
    /// Who is asked whether a publish is allowed.
    pub hook: Option<HookConfig>,
}

/// The hook that allows publishes.
#[derive(Clone, Debug)]
pub struct HookConfig {
    /// Where it is asked.
    pub url: Url,
    /// How long it may take.
    pub timeout: Duration,
    /// What it knows us by.
    pub token: Option<Secret>,
}

impl IngestConfig {
    pub(super) fn new(settings: &Settings) -> Result<Self, ConfigError> {
        let size = |name, given: Option<usize>, default: usize, max: usize| {
            within(name, given.unwrap_or(default) as u64, 1, max as u64).map(|value| value as usize)
        };
        let limits = limits(settings)?;
        let max_connections = size("max_connections", settings.max_connections, 512, 1 << 20)?;
        let of_address = settings.max_connections_per_address;
        Ok(Self {
            max_connections,
            max_connections_per_address: size("max_connections_per_address", of_address, 64, 1 << 20)?,
            failed_keys: within("failed_keys", settings.failed_keys.unwrap_or(5).into(), 0, 1_000_000)?
                as u32,
            tls: TlsConfig::new(
                ["rtmps_addr", "rtmps_cert", "rtmps_key"],
                settings.rtmps_addr,
                settings.rtmps_cert.as_ref(),
                settings.rtmps_key.as_ref(),
            )?,
            hook: hook(settings, &limits)?,
            limits,
        })
    }
}

fn limits(settings: &Settings) -> Result<Limits, ConfigError> {
    let default = Limits::default();
    let seconds = |name, given: Option<u64>, default: Duration, max| {
        within(name, given.unwrap_or(default.as_secs()), 1, max).map(Duration::from_secs)
    };
    let size = |name, given: Option<usize>, default: usize, min: u64, max: u64| {
        within(name, given.unwrap_or(default) as u64, min, max).map(|value| value as usize)
    };
    let number = |name, given: Option<u32>, default: u32, min, max| {
        within(name, given.unwrap_or(default).into(), min, max).map(|value| value as u32)
    };
    let (kib, mib) = (1 << 10, 1 << 20);
    let limits = Limits {
        setup_timeout: seconds(
            "rtmp_setup_timeout",
            settings.rtmp_setup_timeout,
            default.setup_timeout,
            300,
        )?,
        idle_timeout: seconds("rtmp_idle_timeout", settings.rtmp_idle_timeout, default.idle_timeout, 3600)?,
        // Encoders in use set up to 65,536.
        max_chunk_size: number(
            "rtmp_chunk_size",
            settings.rtmp_chunk_size,
            default.max_chunk_size,
            64 * kib,
            0x7FFF_FFFF,
        )?,
        max_chunk_streams: size(
            "rtmp_chunk_streams",
            settings.rtmp_chunk_streams,
            default.max_chunk_streams,
            8,
            1024,
        )?,
        max_message: size(
            "rtmp_message_bytes",
            settings.rtmp_message_bytes,
            default.max_message,
            64 * kib,
            64 * mib,
        )?,
        max_message_before_publish: size(
            "rtmp_message_bytes_before_publish",
            settings.rtmp_message_bytes_before_publish,
            default.max_message_before_publish,
            4 * kib,
            mib,
        )?,
        max_buffered: size(
            "rtmp_buffer_bytes",
            settings.rtmp_buffer_bytes,
            default.max_buffered,
            64 * kib,
            256 * mib,
        )?,
        max_buffered_before_publish: size(
            "rtmp_buffer_bytes_before_publish",
            settings.rtmp_buffer_bytes_before_publish,
            default.max_buffered_before_publish,
            8 * kib,
            2 * mib,
        )?,
        max_amf_depth: size("rtmp_amf_depth", settings.rtmp_amf_depth, default.max_amf_depth, 4, 64)?,
        max_amf_values: size(
            "rtmp_amf_values",
            settings.rtmp_amf_values,
            default.max_amf_values,
            64,
            65_536,
        )?,
        max_commands_before_publish: number(
            "rtmp_commands_before_publish",
            settings.rtmp_commands_before_publish,
            default.max_commands_before_publish,
            8,
            10_000,
        )?,
        ..default
    };
    for (name, value, other, most) in [
        ("rtmp_message_bytes", limits.max_message, "rtmp_buffer_bytes", limits.max_buffered),
        (
            "rtmp_message_bytes_before_publish",
            limits.max_message_before_publish,
            "rtmp_buffer_bytes_before_publish",
            limits.max_buffered_before_publish,
        ),
    ] {
        if value > most {
            return Err(ConfigError::Exceeds { name, value, other, most });
        }
    }
    Ok(limits)
}

fn hook(settings: &Settings, limits: &Limits) -> Result<Option<HookConfig>, ConfigError> {
    let Some(url) = settings.on_publish_url.clone() else {
        let lost = [
            ("on_publish_timeout", settings.on_publish_timeout.is_some()),
            ("on_publish_token", settings.on_publish_token.is_some()),
        ];
        return match lost.iter().find(|(_, is_set)| *is_set) {
            Some((name, _)) => Err(ConfigError::Needs { name, needs: "on_publish_url" }),
            None => Ok(None),
        };
    };
    web_url("on_publish_url", Some(&url))?;
    // The encoder, which may have waited half of its time already, must still hear the answer.
    let most = (limits.setup_timeout / 2).as_secs().max(1);
    let timeout = within("on_publish_timeout", settings.on_publish_timeout.unwrap_or(3.min(most)), 1, most)?;
    let token = settings.on_publish_token.clone();
    Ok(Some(HookConfig { url, timeout: Duration::from_secs(timeout), token }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(settings: Settings) -> String {
        IngestConfig::new(&settings).unwrap_err().to_string()
    }

    #[test]
    fn nothing_set_is_the_documented_default() {
        let config = IngestConfig::new(&Settings::default()).unwrap();
        assert_eq!(config.limits, Limits::default());
        let connections = (config.max_connections, config.max_connections_per_address, config.failed_keys);
        assert_eq!(connections, (512, 64, 5));
        assert!(config.tls.is_none() && config.hook.is_none());
    }

    #[test]
    fn half_of_rtmps_is_a_mistake() {
        let settings = Settings { rtmps_addr: Some("[::]:1936".parse().unwrap()), ..Default::default() };
        assert!(error(settings).starts_with("rtmps_addr is set, but rtmps_cert is not"));
    }

    #[test]
    fn a_message_must_fit_what_is_buffered() {
        let settings = Settings { rtmp_message_bytes: Some(32 << 20), ..Default::default() };
        assert!(error(settings).contains("more than rtmp_buffer_bytes allows"));
    }

    #[test]
    fn the_hook_answers_within_the_time_to_publish() {
        let url = Some("https://app.example/on-publish".parse().unwrap());
        let settings = Settings { on_publish_url: url, on_publish_timeout: Some(6), ..Default::default() };
        assert_eq!(error(settings), "on_publish_timeout is 6; it must be from 1 to 5");
        let settings = Settings { on_publish_token: Some(Secret("secret".into())), ..Default::default() };
        assert_eq!(error(settings), "on_publish_token is set, but on_publish_url is not");
        let url = Some("ftp://app.example/".parse().unwrap());
        assert!(error(Settings { on_publish_url: url, ..Default::default() }).contains("ftp:"));
    }
}
