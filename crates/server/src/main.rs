//! The binary `weir`: arguments, log, signals.

mod health;
mod open_files;

use std::error::Error;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use mimalloc::MiMalloc;
use server::{Applied, Config, Listening, LogFormat, Settings, Started, Swept};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// Each answer to a player takes buffers that glibc's allocator has to split and join again. Without huge pages: segments
/// that come and go would leave most of each in use.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Live video from OBS to the web: RTMP in, HLS out, in one process
///
/// Run it without arguments: it listens for RTMP on port 1935, serves its dashboard on
/// http://localhost:8080, and prints what to paste into OBS. Each setting is a flag, an environment
/// variable and a key of the TOML file (--s3-bucket, WEIR_S3_BUCKET, s3_bucket); a flag beats the
/// environment, and the environment beats the file.
#[derive(Parser)]
#[command(name = "weir", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// TOML file of settings
    #[arg(long, env = "WEIR_CONFIG")]
    config: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Subcommand)]
enum Command {
    /// Serve; what weir does without a command
    Serve,
    /// Say whether the settings are right, and whether the encoder and the object store work
    CheckConfig,
    /// Remove from the bucket what nothing names any more, once; a server does so each hour
    Janitor {
        /// Only say what would be removed
        #[arg(long)]
        dry_run: bool,
        /// Seconds since an object was stored, or an upload in parts begun, at least
        /// [default: 3600, 86400]
        #[arg(long)]
        older_than: Option<u64>,
    },
    /// Rules by which the object store itself removes what is left
    #[command(subcommand)]
    Lifecycle(LifecycleCommand),
    /// Ask a running server whether it is ready; exits with 0 if it is
    Health {
        /// What to ask
        #[arg(long, default_value = "http://127.0.0.1:8080/readyz")]
        url: url::Url,
    },
    /// Try webhooks out
    #[command(subcommand)]
    Webhook(WebhookCommand),
}

#[derive(Subcommand)]
enum LifecycleCommand {
    /// Give the bucket the rules that follow from the settings; those that it has of others stay
    Apply {
        /// Only say what would be changed
        #[arg(long)]
        dry_run: bool,
    },
}

#[derive(Subcommand)]
enum WebhookCommand {
    /// Send URL a signed test event, and say what it answers; exits with 0 if that is 2xx
    Test {
        /// Where to
        url: String,
        /// What it is signed with: whsec_ and base64 [default: made for it, and told]
        #[arg(long, env = "WEIR_WEBHOOK_SECRET", hide_env_values = true)]
        secret: Option<String>,
    },
}

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    // Settings may stand before or after the command.
    let command = Cli::command().mut_args(|arg| arg.global(true));
    let cli = Cli::from_arg_matches(&command.get_matches()).unwrap_or_else(|error| error.exit());
    let outcome = match cli.command.as_ref().unwrap_or(&Command::Serve) {
        Command::Serve => load(&cli).and_then(serve),
        Command::CheckConfig => load(&cli).and_then(check),
        Command::Janitor { dry_run, older_than } => {
            load(&cli).and_then(|config| sweep(config, *older_than, *dry_run))
        }
        Command::Lifecycle(LifecycleCommand::Apply { dry_run }) => {
            load(&cli).and_then(|config| apply_lifecycle(&config, *dry_run))
        }
        Command::Health { url } => health::ask(url).map_err(Into::into),
        Command::Webhook(WebhookCommand::Test { url, secret }) => {
            load(&cli).and_then(|config| test_webhook(&config, url, secret.as_deref()))
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Whoever started this reads stderr, whatever the log is set to; a closed one can't be helped.
            let _ = writeln!(std::io::stderr(), "weir: {error}");
            ExitCode::FAILURE
        }
    }
}

fn load(cli: &Cli) -> Outcome<Config> {
    let settings = match &cli.config {
        Some(path) => cli.settings.over(&Settings::from_file(path)?)?,
        None => cli.settings.clone(),
    };
    Ok(Config::new(settings)?)
}

#[tokio::main]
async fn serve(config: Config) -> Outcome<()> {
    log_to_stderr(&config)?;
    open_files::raise_limit(config.open_files());
    let shutdown = CancellationToken::new();
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let asked = shutdown.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!(
            "stopping: no publisher is let in, and broadcasts are being ended; a second signal stops at once"
        );
        asked.cancel();
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::warn!("stopped at once");
        std::process::exit(1);
    });
    let metrics = server::install_metrics()?;
    let log_format = config.log_format;
    server::run(config, metrics, shutdown, |started| greet(&started, log_format)).await?;
    tracing::info!("stopped");
    Ok(())
}

#[tokio::main]
async fn check(config: Config) -> Outcome<()> {
    server::check(&config).await?;
    writeln!(std::io::stdout(), "The settings are right; the encoder opens, and the object store works.")?;
    Ok(())
}

#[tokio::main]
async fn test_webhook(config: &Config, url: &str, secret: Option<&str>) -> Outcome<()> {
    let trial = server::try_webhook(&config.webhooks, url, secret).await?;
    let mut out = std::io::stdout();
    if secret.is_none() {
        writeln!(out, "signed with {}", trial.secret)?;
    }
    if let Some((status, body)) = &trial.answer {
        writeln!(out, "answered {status} after {} ms", trial.milliseconds)?;
        writeln!(out, "{body}")?;
    }
    match trial.error {
        None => Ok(()),
        Some(error) => Err(format!("the test event was not delivered: {error}").into()),
    }
}

#[tokio::main]
async fn sweep(config: Config, older_than: Option<u64>, dry_run: bool) -> Outcome<()> {
    log_to_stderr(&config)?;
    let swept = server::sweep(&config, older_than.map(Duration::from_secs), dry_run).await?;
    let done = if dry_run { "To be removed" } else { "Removed" };
    let Swept { objects, left_behind, uploads, recordings } = swept;
    writeln!(
        std::io::stdout(),
        "{done}: {} objects, {uploads} unfinished uploads, {recordings} recordings past their time.",
        objects - left_behind
    )?;
    if left_behind > 0 {
        return Err(format!("{left_behind} objects could not be removed; the log says why").into());
    }
    Ok(())
}

#[tokio::main]
async fn apply_lifecycle(config: &Config, dry_run: bool) -> Outcome<()> {
    let Applied { changed, rules, removed, kept } = server::apply_lifecycle(config, dry_run).await?;
    let mut out = std::io::stdout();
    let done = match (changed, dry_run) {
        (false, _) => "The bucket has these rules already",
        (true, true) => "The bucket would get these rules",
        (true, false) => "The bucket has these rules now",
    };
    writeln!(out, "{done}:")?;
    for rule in rules {
        writeln!(out, "  {rule}")?;
    }
    for name in removed {
        writeln!(out, "  {name} {}", if dry_run { "would go" } else { "is gone" })?;
    }
    writeln!(out, "{kept} rules of others stay.")?;
    Ok(())
}

/// The banner is for people; machines read the log line.
fn greet(started: &Started, log_format: LogFormat) {
    if log_format == LogFormat::Text {
        // A terminal that went away is no reason to stop.
        let _ = writeln!(std::io::stdout(), "\n{started}");
    }
    let Listening { rtmp, rtmps, http, https } = started.addresses;
    let rtmps = rtmps.map(tracing::field::display);
    let https = https.map(tracing::field::display);
    tracing::info!(%rtmp, rtmps, %http, https, "listening");
}

fn log_to_stderr(config: &Config) -> Outcome<()> {
    let filter = EnvFilter::try_new(&config.log)
        .map_err(|error| format!("log is {:?}, which is no filter of log lines: {error}", config.log))?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match config.log_format {
        LogFormat::Text => log.with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => log.json().init(),
    }
    Ok(())
}
