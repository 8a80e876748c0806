//! The knobs as they are written down: one struct, read from flags, environment and TOML alike.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::catalog::{LatencyMode, SecondPublisher};
use crate::config::{Secret, exposed};

/// Each knob once. The flag `--rtmp-addr`, the variable `WEIR_RTMP_ADDR` and the TOML key
/// `rtmp_addr` are one knob in three spellings; what isn't set is `None`.
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where encoders connect [default: 0.0.0.0:1935]
    #[arg(long, env = "WEIR_RTMP_ADDR", help_heading = "Network")]
    pub rtmp_addr: Option<SocketAddr>,
    /// API, playback, pages and metrics [default: 0.0.0.0:8080]
    #[arg(long, env = "WEIR_HTTP_ADDR", help_heading = "Network")]
    pub http_addr: Option<SocketAddr>,
    /// The same over TLS and HTTP/2, such as 0.0.0.0:8443; unset, nowhere
    #[arg(long, env = "WEIR_HTTPS_ADDR", help_heading = "Network")]
    pub https_addr: Option<SocketAddr>,
    /// PEM file of HTTPS' certificate chain; read again when it changes
    #[arg(long, env = "WEIR_HTTPS_CERT", help_heading = "Network")]
    pub https_cert: Option<PathBuf>,
    /// PEM file of its private key
    #[arg(long, env = "WEIR_HTTPS_KEY", help_heading = "Network")]
    pub https_key: Option<PathBuf>,
    /// Base of the URLs that are handed out [default: taken from each request]
    #[arg(long, env = "WEIR_PUBLIC_URL", help_heading = "Network")]
    pub public_url: Option<Url>,
    /// Where encoders connect over TLS, such as 0.0.0.0:1936; unset, nowhere
    #[arg(long, env = "WEIR_RTMPS_ADDR", help_heading = "Network")]
    pub rtmps_addr: Option<SocketAddr>,
    /// PEM file of RTMPS' certificate chain; read again when it changes
    #[arg(long, env = "WEIR_RTMPS_CERT", help_heading = "Network")]
    pub rtmps_cert: Option<PathBuf>,
    /// PEM file of its private key
    #[arg(long, env = "WEIR_RTMPS_KEY", help_heading = "Network")]
    pub rtmps_key: Option<PathBuf>,

    /// Asked by POST whether a publish is allowed; unset, the catalog alone decides
    #[arg(long, env = "WEIR_ON_PUBLISH_URL", hide_env_values = true, help_heading = "Publishing")]
    pub on_publish_url: Option<Url>,
    /// Seconds that it may take, up to half of the time to publish [default: 3]
    #[arg(long, env = "WEIR_ON_PUBLISH_TIMEOUT", help_heading = "Publishing")]
    pub on_publish_timeout: Option<u64>,
    /// Bearer token that it is sent
    #[arg(long, env = "WEIR_ON_PUBLISH_TOKEN", hide_env_values = true, help_heading = "Publishing")]
    #[serde(serialize_with = "exposed")]
    pub on_publish_token: Option<Secret>,

    /// RTMP connections at a time [default: 512]
    #[arg(long, env = "WEIR_MAX_CONNECTIONS", help_heading = "RTMP limits")]
    pub max_connections: Option<usize>,
    /// RTMP connections at a time from one IPv4 address or IPv6 /64 [default: 64]
    #[arg(long, env = "WEIR_MAX_CONNECTIONS_PER_ADDRESS", help_heading = "RTMP limits")]
    pub max_connections_per_address: Option<usize>,
    /// Wrong keys from one address before further ones have to wait [default: 5]
    #[arg(long, env = "WEIR_FAILED_KEYS", help_heading = "RTMP limits")]
    pub failed_keys: Option<u32>,
    /// Seconds from a connection to its accepted publish [default: 10]
    #[arg(long, env = "WEIR_RTMP_SETUP_TIMEOUT", help_heading = "RTMP limits")]
    pub rtmp_setup_timeout: Option<u64>,
    /// Seconds that a publisher may send no media [default: 15]
    #[arg(long, env = "WEIR_RTMP_IDLE_TIMEOUT", help_heading = "RTMP limits")]
    pub rtmp_idle_timeout: Option<u64>,
    /// The largest chunk size that an encoder may set; it costs no memory [default: 2147483647]
    #[arg(long, env = "WEIR_RTMP_CHUNK_SIZE", help_heading = "RTMP limits")]
    pub rtmp_chunk_size: Option<u32>,
    /// Chunk streams of a connection [default: 64]
    #[arg(long, env = "WEIR_RTMP_CHUNK_STREAMS", help_heading = "RTMP limits")]
    pub rtmp_chunk_streams: Option<usize>,
    /// Bytes of a publisher's longest message: its largest picture [default: 8388608]
    #[arg(long, env = "WEIR_RTMP_MESSAGE_BYTES", help_heading = "RTMP limits")]
    pub rtmp_message_bytes: Option<usize>,
    /// The same before its publish is accepted [default: 65536]
    #[arg(long, env = "WEIR_RTMP_MESSAGE_BYTES_BEFORE_PUBLISH", help_heading = "RTMP limits")]
    pub rtmp_message_bytes_before_publish: Option<usize>,
    /// Bytes of all unfinished messages of a publisher [default: 25165824]
    #[arg(long, env = "WEIR_RTMP_BUFFER_BYTES", help_heading = "RTMP limits")]
    pub rtmp_buffer_bytes: Option<usize>,
    /// The same before its publish is accepted [default: 131072]
    #[arg(long, env = "WEIR_RTMP_BUFFER_BYTES_BEFORE_PUBLISH", help_heading = "RTMP limits")]
    pub rtmp_buffer_bytes_before_publish: Option<usize>,
    /// Depth of objects in a command or in metadata [default: 16]
    #[arg(long, env = "WEIR_RTMP_AMF_DEPTH", help_heading = "RTMP limits")]
    pub rtmp_amf_depth: Option<usize>,
    /// Values in a command or in metadata [default: 1024]
    #[arg(long, env = "WEIR_RTMP_AMF_VALUES", help_heading = "RTMP limits")]
    pub rtmp_amf_values: Option<usize>,
    /// Commands of a connection before its publish is accepted [default: 64]
    #[arg(long, env = "WEIR_RTMP_COMMANDS_BEFORE_PUBLISH", help_heading = "RTMP limits")]
    pub rtmp_commands_before_publish: Option<u32>,

    /// Catalog and generated token; never media [default: ./data]
    #[arg(long, env = "WEIR_DATA_DIR", help_heading = "Catalog")]
    pub data_dir: Option<PathBuf>,
    /// The catalog [default: sqlite://DATA_DIR/weir.db]
    #[arg(long, env = "WEIR_DATABASE_URL", hide_env_values = true, help_heading = "Catalog")]
    pub database_url: Option<String>,
    /// Bearer token of control calls [default: made at first start, kept in DATA_DIR/api-token]
    #[arg(long, env = "WEIR_API_TOKEN", hide_env_values = true, help_heading = "Catalog")]
    #[serde(serialize_with = "exposed")]
    pub api_token: Option<Secret>,

    /// Bucket for segments and playlists; unset, objects stay in memory
    #[arg(long, env = "WEIR_S3_BUCKET", help_heading = "Object store")]
    pub s3_bucket: Option<String>,
    /// An S3-compatible server, such as http://127.0.0.1:9000 [default: AWS]
    #[arg(long, env = "WEIR_S3_ENDPOINT", help_heading = "Object store")]
    pub s3_endpoint: Option<Url>,
    /// [default: us-east-1]
    #[arg(long, env = "WEIR_S3_REGION", help_heading = "Object store")]
    pub s3_region: Option<String>,
    /// endpoint/bucket/key rather than bucket.endpoint/key [default: true with an endpoint]
    #[arg(long, env = "WEIR_S3_PATH_STYLE", help_heading = "Object store")]
    pub s3_path_style: Option<bool>,
    /// Put before each key
    #[arg(long, env = "WEIR_S3_PREFIX", help_heading = "Object store")]
    pub s3_prefix: Option<String>,
    /// Where players read the bucket [default: endpoint/bucket]
    #[arg(long, env = "WEIR_S3_PUBLIC_URL", help_heading = "Object store")]
    pub s3_public_url: Option<Url>,
    /// Access key of the object store
    #[arg(long, env = "AWS_ACCESS_KEY_ID", hide_env_values = true, help_heading = "Object store")]
    #[serde(serialize_with = "exposed")]
    pub s3_access_key_id: Option<Secret>,
    /// Secret key of the object store; prefer the variable, flags are seen by other users
    #[arg(long, env = "AWS_SECRET_ACCESS_KEY", hide_env_values = true, help_heading = "Object store")]
    #[serde(serialize_with = "exposed")]
    pub s3_secret_access_key: Option<Secret>,
    /// Session token of temporary keys
    #[arg(long, env = "AWS_SESSION_TOKEN", hide_env_values = true, help_heading = "Object store")]
    #[serde(serialize_with = "exposed")]
    pub s3_session_token: Option<Secret>,
    /// Bytes of the in-memory store that stands in for a bucket [default: 536870912]
    #[arg(long, env = "WEIR_MEMORY_STORE_BYTES", help_heading = "Object store")]
    pub memory_store_bytes: Option<usize>,
    /// Bytes of a stream's segments that wait for the store, while it is away [default: 67108864]
    #[arg(long, env = "WEIR_UPLOAD_QUEUE_BYTES", help_heading = "Object store")]
    pub upload_queue_bytes: Option<usize>,
    /// Seconds of them, 5 to 3600; the oldest beyond either are given up [default: 90]
    #[arg(long, env = "WEIR_UPLOAD_QUEUE_DURATION", help_heading = "Object store")]
    pub upload_queue_duration: Option<u32>,

    /// Seconds from one search for objects that nothing names to the next, 0 for never [default: 3600]
    #[arg(long, env = "WEIR_JANITOR_INTERVAL", help_heading = "Object store")]
    pub janitor_interval: Option<u64>,

    /// Seconds that a new stream's broadcasts wait for a publisher that vanished, 0 to 1800 [default: 30]
    #[arg(long, env = "WEIR_RECONNECT_WINDOW", help_heading = "Streams")]
    pub reconnect_window: Option<u32>,
    /// What happens when a second publisher comes with a new stream's key [default: takeover]
    #[arg(long, env = "WEIR_SECOND_PUBLISHER", help_heading = "Streams")]
    pub second_publisher: Option<SecondPublisher>,
    /// What viewers of a new stream get: parts and a fraction of a second, or whole segments [default: low]
    #[arg(long, env = "WEIR_LATENCY_MODE", help_heading = "Streams")]
    pub latency_mode: Option<LatencyMode>,
    /// Whether new streams are recorded [default: false]
    #[arg(long, env = "WEIR_RECORD", help_heading = "Streams")]
    pub record: Option<bool>,
    /// Days that a new stream's recordings and kept segments stay, 0 for not at all [default: for ever]
    #[arg(long, env = "WEIR_RETENTION_DAYS", help_heading = "Streams")]
    pub retention_days: Option<u32>,
    /// Days that any stream's recordings and kept segments stay at most, whatever it says itself [default: for ever]
    #[arg(long, env = "WEIR_MAX_RETENTION_DAYS", help_heading = "Streams")]
    pub max_retention_days: Option<u32>,
    /// Seconds that viewers of a new stream may go back while it is live [default: to its beginning]
    #[arg(long, env = "WEIR_DVR_WINDOW", help_heading = "Streams")]
    pub dvr_window: Option<u32>,
    /// Whether a new stream's recordings get a job for your transcode workflow [default: false]
    #[arg(long, env = "WEIR_CONVERT_TO_VOD", help_heading = "Streams")]
    pub convert_to_vod: Option<bool>,
    /// Seconds that publishers on air are waited for when the server is told to stop [default: 0]
    #[arg(long, env = "WEIR_DRAIN", help_heading = "Streams")]
    pub drain: Option<u64>,
    /// Seconds from keyframe to keyframe: the length of a segment, 1 to 10 [default: 2]
    #[arg(long, env = "WEIR_SEGMENT_DURATION", help_heading = "Streams")]
    pub segment_duration: Option<u32>,
    /// Milliseconds of a low-latency part, 100 to 1000; a whole number of pictures near it [default: 200]
    #[arg(long, env = "WEIR_PART_DURATION", help_heading = "Streams")]
    pub part_duration: Option<u32>,
    /// Segments in a playlist, 3 to 300 [default: 6]
    #[arg(long, env = "WEIR_PLAYLIST_WINDOW", help_heading = "Streams")]
    pub playlist_window: Option<usize>,

    /// PNG or JPEG file that viewers see while a publisher is away [default: its last picture]
    #[arg(long, env = "WEIR_SLATE", help_heading = "Streams")]
    pub slate: Option<PathBuf>,
    /// Streams on air at a time; a further publisher is told that the server is full [default: 64]
    #[arg(long, env = "WEIR_MAX_STREAMS", help_heading = "Streams")]
    pub max_streams: Option<usize>,
    /// Percent of all cores' time that Weir may use for a further publisher to be let in [default: any]
    #[arg(long, env = "WEIR_MAX_LOAD", help_heading = "Streams")]
    pub max_load: Option<u32>,

    /// Viewers of one stream at a time; newcomers beyond are refused [default: 10000]
    #[arg(long, env = "WEIR_MAX_VIEWERS_PER_STREAM", help_heading = "Viewers")]
    pub max_viewers_per_stream: Option<usize>,
    /// Viewers of all streams at a time [default: 10000]
    #[arg(long, env = "WEIR_MAX_VIEWERS", help_heading = "Viewers")]
    pub max_viewers: Option<usize>,

    /// Whether webhooks may go to private addresses, of this machine or its network [default: false]
    #[arg(long, env = "WEIR_WEBHOOK_ALLOW_PRIVATE", help_heading = "Webhooks")]
    pub webhook_allow_private: Option<bool>,
    /// Seconds that an endpoint may take to answer, 1 to 60 [default: 15]
    #[arg(long, env = "WEIR_WEBHOOK_TIMEOUT", help_heading = "Webhooks")]
    pub webhook_timeout: Option<u64>,
    /// Seconds that an endpoint may fail before it is disabled [default: 86400]
    #[arg(long, env = "WEIR_WEBHOOK_RETRY_FOR", help_heading = "Webhooks")]
    pub webhook_retry_for: Option<u64>,

    /// libav's name of the H.264 encoder [default: libx264]
    #[arg(long, env = "WEIR_VIDEO_ENCODER", help_heading = "Encoding")]
    pub video_encoder: Option<String>,
    /// [default: veryfast]
    #[arg(long, env = "WEIR_VIDEO_PRESET", help_heading = "Encoding")]
    pub video_preset: Option<String>,
    /// The picture is fitted into this width … [default: 1280]
    #[arg(long, env = "WEIR_VIDEO_WIDTH", help_heading = "Encoding")]
    pub video_width: Option<u32>,
    /// … and this height, keeping its shape [default: 720]
    #[arg(long, env = "WEIR_VIDEO_HEIGHT", help_heading = "Encoding")]
    pub video_height: Option<u32>,
    /// bit/s on average [default: 2500000]
    #[arg(long, env = "WEIR_VIDEO_BITRATE", help_heading = "Encoding")]
    pub video_bitrate: Option<u32>,
    /// bit/s at most, over the rate control's buffer [default: 3000000]
    #[arg(long, env = "WEIR_VIDEO_MAXRATE", help_heading = "Encoding")]
    pub video_maxrate: Option<u32>,
    /// Bits in the rate control's buffer [default: 6000000]
    #[arg(long, env = "WEIR_VIDEO_BUFSIZE", help_heading = "Encoding")]
    pub video_bufsize: Option<u32>,
    /// bit/s [default: 128000]
    #[arg(long, env = "WEIR_AUDIO_BITRATE", help_heading = "Encoding")]
    pub audio_bitrate: Option<u32>,

    /// What is logged, as in tracing's filters, such as info or weir=debug [default: info]
    #[arg(long, env = "WEIR_LOG", help_heading = "Log")]
    pub log: Option<String>,
    /// text or json [default: text]
    #[arg(long, env = "WEIR_LOG_FORMAT", help_heading = "Log")]
    pub log_format: Option<LogFormat>,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines: an object a line.
    Json,
}

/// Why the settings could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file could not be read.
    #[error("cannot read the configuration file {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is no TOML, or has a key that isn't a knob, or a value of the wrong kind.
    #[error("the configuration file {} is wrong at line {line}, column {column}: {message}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where, counted from one.
        line: usize,
        /// Where in the line, in characters counted from one.
        column: usize,
        /// What.
        message: String,
    },
    /// Two sources could not be laid over each other.
    #[error("the settings cannot be merged: {0}")]
    Merge(String),
}

impl Settings {
    /// Reads a TOML file; an unknown key is an error.
    pub fn from_file(path: &Path) -> Result<Self, SettingsError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| SettingsError::Read { path: path.to_owned(), source })?;
        toml::from_str(&text).map_err(|error| SettingsError::parse(path, &text, &error))
    }

    /// These settings, with what they leave open taken from `file`.
    pub fn over(&self, file: &Self) -> Result<Self, SettingsError> {
        let table = |settings: &Self| {
            toml::Table::try_from(settings).map_err(|error| SettingsError::Merge(error.to_string()))
        };
        let mut merged = table(file)?;
        merged.extend(table(self)?);
        merged.try_into().map_err(|error: toml::de::Error| SettingsError::Merge(error.message().to_owned()))
    }
}

impl SettingsError {
    /// Where and what, without the line itself, as the error would print it: it may hold a secret.
    fn parse(path: &Path, text: &str, error: &toml::de::Error) -> Self {
        let start = error.span().map_or(0, |span| span.start);
        let before = text.get(..start).unwrap_or_default();
        let line_before = before.rsplit('\n').next().unwrap_or_default();
        Self::Parse {
            path: path.to_owned(),
            line: before.matches('\n').count() + 1,
            column: line_before.chars().count() + 1,
            message: error.message().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        settings: Settings,
    }

    #[test]
    fn a_flag_beats_the_file_and_the_file_fills_the_rest() {
        let flags = Cli::parse_from(["weir", "--http-addr", "127.0.0.1:9999"]).settings;
        let file: Settings =
            toml::from_str("http_addr = '0.0.0.0:1'\nplaylist_window = 9\nlog_format = 'json'").unwrap();
        let merged = flags.over(&file).unwrap();
        assert_eq!(merged.http_addr, Some("127.0.0.1:9999".parse().unwrap()));
        assert_eq!(merged.playlist_window, Some(9));
        assert_eq!(merged.log_format, Some(LogFormat::Json));
    }

    #[test]
    fn an_unknown_key_is_named() {
        let error = toml::from_str::<Settings>("s3_buckett = 'x'").unwrap_err().to_string();
        assert!(error.contains("s3_buckett"), "{error}");
    }

    #[test]
    fn a_secret_is_in_no_mistake_and_in_no_debug_output() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weir.toml");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            Settings::from_file(&path)
        };
        for (wrong, place) in [
            ("record = true\napi_token = s3cret-of-mine", "line 2, column 13: "),
            ("s3_secret_access_key = 's3cret\nrecord = true", "line 1, column "),
            ("api_token = ['s3cret']", "line 1, column 13: it must be text in quotes"),
            ("api_token = 7000123", "line 1, column 13: it must be text in quotes"),
        ] {
            let told = read(wrong).unwrap_err().to_string();
            assert!(told.contains(place), "{told}");
            assert!(!told.contains("s3cret") && !told.contains("7000123"), "{told}");
        }
        let file = read("api_token = 's3cret'\ns3_session_token = 's3cret'").unwrap();
        let settings = Settings::default().over(&file).unwrap();
        assert!(settings.api_token.as_ref().is_some_and(|token| token.0 == "s3cret"));
        assert!(!format!("{settings:?}").contains("s3cret"), "{settings:?}");
    }

    #[test]
    fn every_knob_has_its_three_spellings() {
        let command = <Cli as clap::CommandFactory>::command();
        for arg in command.get_arguments().filter(|a| a.get_id() != "help") {
            let key = arg.get_id().as_str();
            assert_eq!(arg.get_long(), Some(key.replace('_', "-").as_str()));
            let env = arg.get_env().and_then(|e| e.to_str()).unwrap_or_default();
            let expected = format!("WEIR_{}", key.to_uppercase());
            assert!(env == expected || env.starts_with("AWS_"), "{key}: {env}");
        }
    }
}
