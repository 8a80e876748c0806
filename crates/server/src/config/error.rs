//! What is wrong with a configuration.

/// A knob with a value that cannot work.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A number out of its range.
    #[error("{name} is {value}; it must be from {min} to {max}")]
    OutOfRange {
        /// The knob.
        name: &'static str,
        /// What it was set to.
        value: u64,
        /// Least value that works.
        min: u64,
        /// Greatest value that works.
        max: u64,
    },
    /// S3 is on without both keys.
    #[error("s3_bucket is set, but {missing} is not: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")]
    MissingKey {
        /// The variable.
        missing: &'static str,
    },
    /// The size must be even: 4:2:0 pictures have no odd ones.
    #[error("{name} is {value}; it must be even")]
    Odd {
        /// The knob.
        name: &'static str,
        /// What it was set to.
        value: u32,
    },
    /// The token would be guessed.
    #[error("api_token has {length} characters; use at least 16, or leave it out and Weir makes one")]
    ShortToken {
        /// Its length.
        length: usize,
    },
    /// RTMPS or HTTPS is only half set up.
    #[error("{set} is set, but {missing} is not: TLS needs an address, a certificate and its key")]
    HalfTls {
        /// What is there.
        set: &'static str,
        /// What isn't.
        missing: &'static str,
    },
    /// A URL of a scheme that cannot be used there.
    #[error(
        "{name} starts with {scheme}:; it must be an http: or https: URL, such as https://weir.example:8443"
    )]
    Scheme {
        /// The knob.
        name: &'static str,
        /// What stands before the colon.
        scheme: String,
    },
    /// A knob without the one that it belongs to.
    #[error("{name} is set, but {needs} is not")]
    Needs {
        /// The knob.
        name: &'static str,
        /// What is missing.
        needs: &'static str,
    },
    /// Two limits that contradict each other.
    #[error("{name} is {value}, which is more than {other} allows ({most})")]
    Exceeds {
        /// The knob.
        name: &'static str,
        /// What it was set to.
        value: usize,
        /// The knob that bounds it.
        other: &'static str,
        /// What that allows.
        most: usize,
    },
    /// A catalog that this version cannot open.
    #[error("database_url starts with {scheme}:; this version of Weir opens sqlite: only")]
    Database {
        /// What stands before the colon.
        scheme: String,
    },
}
