//! The configuration as the server uses it: every value typed, defaulted and within bounds.

mod error;
mod ingest;
mod secret;
mod tls;
mod webhook;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use media::MediaDuration;
use url::Url;

use crate::catalog::{MAX_DVR_WINDOW, MAX_RECONNECT_WINDOW, MAX_RETENTION_DAYS, StreamOptions};
use crate::settings::{LogFormat, Settings};
pub use error::ConfigError;
pub use ingest::{HookConfig, IngestConfig};
pub use secret::Secret;
pub(crate) use secret::exposed;
pub use tls::TlsConfig;
pub use webhook::WebhookConfig;

/// Segments that a playlist lists at most.
pub(crate) const MAX_PLAYLIST_WINDOW: usize = 300;

/// The longest from one search of the object store to the next, in seconds: a week.
const MAX_JANITOR_INTERVAL: u64 = 604_800;

/// What is open besides publishers' and HTTP connections: the catalog, and connections to the object store, to webhooks
/// and to other servers.
const OTHER_FILES: usize = 1024;

/// The longest that publishers may be waited for, in seconds: a day.
const MAX_DRAIN: u64 = 86_400;

/// What the server runs on. Made from [`Settings`] once, at start.
#[derive(Clone, Debug)]
pub struct Config {
    /// RTMP listener.
    pub rtmp_addr: SocketAddr,
    /// API, origin, pages and metrics.
    pub http_addr: SocketAddr,
    /// The same over TLS, where it is set up.
    pub https: Option<TlsConfig>,
    /// Base of URLs handed out; `None`: taken from each request.
    pub public_url: Option<Url>,
    /// What encoders may do.
    pub ingest: IngestConfig,
    /// How webhooks are sent.
    pub webhooks: WebhookConfig,
    /// Folder of the catalog and the token.
    pub data_dir: PathBuf,
    /// Where the catalog is.
    pub database_url: String,
    /// The token, where it is configured.
    pub api_token: Option<Secret>,
    /// Where objects go.
    pub store: StoreConfig,
    /// What of a stream waits for the store at most.
    pub upload_queue: UploadLimits,
    /// Time from one search for objects that nothing names to the next; zero: there is none.
    pub janitor_interval: Duration,
    /// What new streams are created with, where their creator doesn't say.
    pub stream_defaults: StreamOptions,
    /// Days that any stream's recordings are kept at most; `None`: for ever.
    pub max_retention_days: Option<u32>,
    /// How long publishers on air are waited for when the server is told to stop.
    pub drain: Duration,
    /// Segments in a playlist.
    pub playlist_window: usize,
    /// Length of a segment.
    pub segment_duration: MediaDuration,
    /// Length of a part, before it is fitted to whole pictures.
    pub part_duration: MediaDuration,
    /// PNG or JPEG file that is shown while a publisher is away.
    pub slate: Option<PathBuf>,
    /// Broadcasts at a time.
    pub max_streams: usize,
    /// Share of all cores' time above which no broadcast begins; `None`: any.
    pub max_load: Option<f64>,
    /// Viewers at a time.
    pub viewers: ViewerLimits,
    /// How the rendition is encoded.
    pub transcode: transcode::Options,
    /// What is logged.
    pub log: String,
    /// How a log line looks.
    pub log_format: LogFormat,
}

/// Where objects go.
#[derive(Clone, Debug)]
pub enum StoreConfig {
    /// Nowhere but memory, bounded in bytes.
    Memory {
        /// The bound.
        capacity: usize,
    },
    /// A bucket.
    S3 {
        /// How it is reached.
        options: Box<uploader::S3Options>,
        /// Where players read it, without a trailing slash.
        public_url: String,
    },
}

/// What waits for the store at most; the newest segment always fits.
#[derive(Clone, Copy, Debug)]
pub struct UploadLimits {
    /// In bytes.
    pub bytes: usize,
    /// In seconds of media.
    pub duration: MediaDuration,
}

/// Viewers at a time.
#[derive(Clone, Copy, Debug)]
pub struct ViewerLimits {
    /// Of one stream.
    pub of_stream: usize,
    /// Of all.
    pub in_all: usize,
}

impl Config {
    /// Gives every knob its value, and refuses what cannot work.
    pub fn new(settings: Settings) -> Result<Self, ConfigError> {
        let data_dir = settings.data_dir.clone().unwrap_or_else(|| "data".into());
        let database_url = match &settings.database_url {
            Some(url) => url.clone(),
            None => format!("sqlite://{}", data_dir.join("weir.db").display()),
        };
        let scheme = database_url.split(':').next().unwrap_or_default();
        if scheme != "sqlite" {
            return Err(ConfigError::Database { scheme: scheme.to_owned() });
        }
        if let Some(token) = settings.api_token.as_ref().filter(|token| token.0.len() < 16) {
            return Err(ConfigError::ShortToken { length: token.0.len() });
        }
        let any = Ipv4Addr::UNSPECIFIED;
        let segment_secs = within("segment_duration", settings.segment_duration.unwrap_or(2).into(), 1, 10)?;
        let segment_duration = MediaDuration::from_secs(segment_secs as i64);
        let part_millis = within("part_duration", settings.part_duration.unwrap_or(200).into(), 100, 1000)?;
        Ok(Self {
            rtmp_addr: settings.rtmp_addr.unwrap_or((any, 1935).into()),
            http_addr: settings.http_addr.unwrap_or((any, 8080).into()),
            https: TlsConfig::new(
                ["https_addr", "https_cert", "https_key"],
                settings.https_addr,
                settings.https_cert.as_ref(),
                settings.https_key.as_ref(),
            )?,
            public_url: web_url("public_url", settings.public_url.as_ref())?.cloned(),
            ingest: IngestConfig::new(&settings)?,
            webhooks: WebhookConfig::new(&settings)?,
            api_token: settings.api_token.clone(),
            store: store(&settings)?,
            upload_queue: upload_queue(&settings)?,
            janitor_interval: Duration::from_secs(within(
                "janitor_interval",
                settings.janitor_interval.unwrap_or(3600),
                0,
                MAX_JANITOR_INTERVAL,
            )?),
            stream_defaults: stream_defaults(&settings)?,
            max_retention_days: max_retention_days(settings.max_retention_days)?,
            drain: Duration::from_secs(within("drain", settings.drain.unwrap_or(0), 0, MAX_DRAIN)?),
            playlist_window: within(
                "playlist_window",
                settings.playlist_window.unwrap_or(6) as u64,
                3,
                MAX_PLAYLIST_WINDOW as u64,
            )? as usize,
            segment_duration,
            part_duration: MediaDuration::from_millis(part_millis as i64),
            slate: settings.slate.clone(),
            max_streams: within("max_streams", settings.max_streams.unwrap_or(64) as u64, 1, 10_000)?
                as usize,
            max_load: max_load(settings.max_load)?,
            viewers: ViewerLimits {
                of_stream: viewers("max_viewers_per_stream", settings.max_viewers_per_stream)?,
                in_all: viewers("max_viewers", settings.max_viewers)?,
            },
            transcode: transcode_options(&settings, segment_duration)?,
            log: settings.log.clone().unwrap_or_else(|| "info".to_owned()),
            log_format: settings.log_format.unwrap_or_default(),
            data_dir,
            database_url,
        })
    }

    /// Files and sockets that a server may have open: its connections, and a few besides.
    pub fn open_files(&self) -> usize {
        let viewers = crate::http::places(self.viewers.in_all);
        viewers.saturating_add(self.ingest.max_connections).saturating_add(OTHER_FILES)
    }
}

fn stream_defaults(settings: &Settings) -> Result<StreamOptions, ConfigError> {
    let default = StreamOptions::default();
    let number = |name, given: u32, min: u32, max: u32| -> Result<u32, ConfigError> {
        Ok(within(name, given.into(), min.into(), max.into())? as u32)
    };
    let reconnect_window = settings.reconnect_window.unwrap_or(default.reconnect_window);
    let retention_days =
        settings.retention_days.map(|days| number("retention_days", days, 0, MAX_RETENTION_DAYS));
    let dvr_window = settings.dvr_window.map(|seconds| number("dvr_window", seconds, 1, MAX_DVR_WINDOW));
    Ok(StreamOptions {
        record: settings.record.unwrap_or(default.record),
        reconnect_window: number("reconnect_window", reconnect_window, 0, MAX_RECONNECT_WINDOW)?,
        second_publisher: settings.second_publisher.unwrap_or_default(),
        latency_mode: settings.latency_mode.unwrap_or_default(),
        retention_days: retention_days.transpose()?,
        dvr_window: dvr_window.transpose()?,
        convert_to_vod: settings.convert_to_vod.unwrap_or(default.convert_to_vod),
    })
}

fn max_retention_days(days: Option<u32>) -> Result<Option<u32>, ConfigError> {
    let within = |days: u32| within("max_retention_days", days.into(), 1, MAX_RETENTION_DAYS.into());
    Ok(days.map(within).transpose()?.map(|days| days as u32))
}

fn max_load(percent: Option<u32>) -> Result<Option<f64>, ConfigError> {
    let percent = percent.map(|percent| within("max_load", percent.into(), 1, 100)).transpose()?;
    Ok(percent.map(|percent| percent as f64 / 100.0))
}

fn viewers(name: &'static str, given: Option<usize>) -> Result<usize, ConfigError> {
    within(name, given.unwrap_or(10_000) as u64, 1, 10_000_000).map(|value| value as usize)
}

fn store(settings: &Settings) -> Result<StoreConfig, ConfigError> {
    let Some(bucket) = settings.s3_bucket.clone() else {
        let capacity = settings.memory_store_bytes.unwrap_or(512 << 20);
        return Ok(StoreConfig::Memory { capacity });
    };
    let text = |secret: &Option<Secret>| secret.as_ref().map(|secret| secret.0.clone());
    let key = |secret, missing| text(secret).ok_or(ConfigError::MissingKey { missing });
    let access_key_id = key(&settings.s3_access_key_id, "AWS_ACCESS_KEY_ID")?;
    let secret_access_key = key(&settings.s3_secret_access_key, "AWS_SECRET_ACCESS_KEY")?;
    let region = settings.s3_region.clone().unwrap_or_else(|| "us-east-1".to_owned());
    let prefix = settings.s3_prefix.clone().unwrap_or_default();
    let endpoint = web_url("s3_endpoint", settings.s3_endpoint.as_ref())?;
    let public_url = match (web_url("s3_public_url", settings.s3_public_url.as_ref())?, endpoint) {
        (Some(url), _) => url.to_string(),
        (None, Some(endpoint)) => format!("{}/{bucket}", endpoint.as_str().trim_end_matches('/')),
        (None, None) => format!("https://{bucket}.s3.{region}.amazonaws.com"),
    };
    let mut public_url = public_url.trim_end_matches('/').to_owned();
    if !prefix.is_empty() {
        public_url = format!("{public_url}/{}", prefix.trim_matches('/'));
    }
    let options = uploader::S3Options {
        bucket,
        endpoint: settings.s3_endpoint.clone(),
        region,
        path_style: settings.s3_path_style.unwrap_or(settings.s3_endpoint.is_some()),
        prefix,
        access_key: Some(access_key_id),
        secret_key: Some(secret_access_key),
        session_token: text(&settings.s3_session_token),
        ..Default::default()
    };
    Ok(StoreConfig::S3 { options: Box::new(options), public_url })
}

fn upload_queue(settings: &Settings) -> Result<UploadLimits, ConfigError> {
    let bytes = settings.upload_queue_bytes.unwrap_or(64 << 20) as u64;
    let seconds = settings.upload_queue_duration.unwrap_or(90).into();
    Ok(UploadLimits {
        bytes: within("upload_queue_bytes", bytes, 1 << 20, 1 << 40)? as usize,
        duration: MediaDuration::from_secs(within("upload_queue_duration", seconds, 5, 3600)? as i64),
    })
}

fn transcode_options(
    settings: &Settings,
    keyframe_interval: MediaDuration,
) -> Result<transcode::Options, ConfigError> {
    let mut options = transcode::Options::default();
    let (video, audio) = (&mut options.video, &mut options.audio);
    video.keyframe_interval = keyframe_interval;
    if let Some(encoder) = &settings.video_encoder {
        video.encoder = encoder.clone();
    }
    if let Some(preset) = &settings.video_preset {
        video.preset = preset.clone();
    }
    let number = |name, given: Option<u32>, default: u32, min, max| -> Result<u32, ConfigError> {
        Ok(within(name, given.unwrap_or(default).into(), min, max)? as u32)
    };
    video.width = number("video_width", settings.video_width, video.width, 16, 8192)?;
    video.height = number("video_height", settings.video_height, video.height, 16, 8192)?;
    for (name, value) in [("video_width", video.width), ("video_height", video.height)] {
        if value % 2 == 1 {
            return Err(ConfigError::Odd { name, value });
        }
    }
    let most = 200_000_000;
    video.bitrate = number("video_bitrate", settings.video_bitrate, video.bitrate, 50_000, most)?;
    // Limits that aren't set keep their proportion to a bit rate that is.
    let (maxrate, bufsize) = (video.bitrate / 5 * 6, video.bitrate / 5 * 12);
    let least = video.bitrate.into();
    video.max_bitrate = number("video_maxrate", settings.video_maxrate, maxrate, least, most)?;
    video.buffer_size = number("video_bufsize", settings.video_bufsize, bufsize, 10_000, 2 * most)?;
    audio.bitrate = number("audio_bitrate", settings.audio_bitrate, audio.bitrate, 16_000, 512_000)?;
    Ok(options)
}

/// A URL that a browser or an HTTP client can follow.
fn web_url<'a>(name: &'static str, url: Option<&'a Url>) -> Result<Option<&'a Url>, ConfigError> {
    match url {
        Some(url) if !matches!(url.scheme(), "http" | "https") => {
            Err(ConfigError::Scheme { name, scheme: url.scheme().to_owned() })
        }
        Some(_) | None => Ok(url),
    }
}

fn within(name: &'static str, value: u64, min: u64, max: u64) -> Result<u64, ConfigError> {
    if (min..=max).contains(&value) {
        Ok(value)
    } else {
        Err(ConfigError::OutOfRange { name, value, min, max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket() -> Settings {
        Settings {
            s3_bucket: Some("b".into()),
            s3_access_key_id: Some(Secret("a".into())),
            s3_secret_access_key: Some(Secret("s".into())),
            ..Default::default()
        }
    }

    #[test]
    fn nothing_set_is_the_documented_default() {
        let config = Config::new(Settings::default()).unwrap();
        assert_eq!(config.rtmp_addr.to_string(), "0.0.0.0:1935");
        assert_eq!(config.http_addr.to_string(), "0.0.0.0:8080");
        assert_eq!(config.database_url, "sqlite://data/weir.db");
        assert_eq!(config.playlist_window, 6);
        assert!(matches!(config.store, StoreConfig::Memory { .. }));
        let video = &config.transcode.video;
        assert_eq!((video.bitrate, video.max_bitrate, video.buffer_size), (2_500_000, 3_000_000, 6_000_000));
    }

    #[test]
    fn a_bucket_needs_its_keys() {
        let settings = Settings { s3_bucket: Some("b".into()), ..Default::default() };
        let error = Config::new(settings).unwrap_err();
        assert_eq!(error, ConfigError::MissingKey { missing: "AWS_ACCESS_KEY_ID" });
    }

    #[test]
    fn the_prefix_is_part_of_where_players_read() {
        let settings = Settings {
            s3_endpoint: Some("http://127.0.0.1:9000".parse().unwrap()),
            s3_prefix: Some("tv/".into()),
            ..bucket()
        };
        let StoreConfig::S3 { public_url, options } = Config::new(settings).unwrap().store else {
            panic!("a bucket turns S3 on")
        };
        assert_eq!(public_url, "http://127.0.0.1:9000/b/tv");
        assert!(options.path_style);
    }

    #[test]
    fn a_url_without_its_scheme_is_told_what_it_lacks() {
        let host = || Some("localhost:8080".parse().unwrap());
        let settings = Settings { public_url: host(), ..Default::default() };
        assert_eq!(
            Config::new(settings).unwrap_err().to_string(),
            "public_url starts with localhost:; it must be an http: or https: URL, such as https://weir.example:8443"
        );
        for settings in [
            Settings { s3_endpoint: host(), ..bucket() },
            Settings { s3_public_url: host(), ..bucket() },
            Settings { public_url: Some("rtmp://weir.example".parse().unwrap()), ..Default::default() },
        ] {
            assert!(matches!(Config::new(settings), Err(ConfigError::Scheme { .. })));
        }
    }

    #[test]
    fn viewers_and_publishers_need_a_file_descriptor_each() {
        let config = Config::new(Settings { max_viewers: Some(100), ..Default::default() }).unwrap();
        assert!(config.open_files() >= 400 + 1024 + 512);
    }

    #[test]
    fn a_knob_out_of_range_is_named_with_its_range() {
        let settings = Settings { playlist_window: Some(1), ..Default::default() };
        let error = Config::new(settings).unwrap_err().to_string();
        assert_eq!(error, "playlist_window is 1; it must be from 3 to 300");
    }
}
