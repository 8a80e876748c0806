//! What RTMP sessions cost: Weir's own, with no pipeline behind them, beside nginx-rtmp's with none and with HLS.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "printing figures is what this program is for")]

use std::net::{Ipv4Addr, SocketAddr};
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use benches::Error;
use benches::process::{Process, free_port, load_average, wait_for_listener};
use benches::sessions::client::Target;
use benches::sessions::load::{Cost, Starts, cost, starts};
use benches::sessions::nginx_rtmp::{NginxRtmp, Output};
use benches::sessions::null_ingest;
use clap::Parser;
use tokio::process::{Child, Command};

/// Publishes to Weir's RTMP session with nothing behind it, and to nginx-rtmp, in turns: CPU and memory
/// for each publisher, and how soon publishers are let in.
#[derive(Parser)]
struct Options {
    /// Publishers at once, 2.5 Mb/s each.
    #[arg(long, default_value_t = 1000)]
    publishers: usize,
    /// Seconds that each round is measured.
    #[arg(long, default_value_t = 15)]
    duration: u64,
    /// Rounds, each with both servers.
    #[arg(long, default_value_t = 2)]
    rounds: usize,
    /// Be Weir's side of the measurement, on this port.
    #[arg(long, hide = true)]
    serve: Option<u16>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let result = match options.serve {
        Some(port) => null_ingest::serve(port).await,
        None => run(options).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<(), Error> {
    println!("load average before: {:.1}", load_average());
    let measured = Duration::from_secs(options.duration);
    for round in 1..=options.rounds {
        let weir = NullIngest::start().await?;
        let ours = cost(&weir.target, weir.process(), options.publishers, measured).await?;
        show(round, "Weir", &ours);
        drop(weir);
        for (name, output) in [("nginx-rtmp", Output::None), ("nginx-rtmp, HLS", Output::Hls)] {
            let port = free_port()?;
            let nginx = NginxRtmp::start(port, output).await?;
            let target = Target { address: loopback(port), app: NginxRtmp::APP.to_owned() };
            let theirs = cost(&target, nginx.process(), options.publishers, measured).await?;
            show(round, name, &theirs);
            println!(
                "round {round}: Weir's CPU a megabit is {:.2} of it",
                per_megabit(&ours) / per_megabit(&theirs)
            );
        }
    }
    let weir = NullIngest::start().await?;
    let keys = ["stream".to_owned()];
    show_starts("Weir", &starts(&weir.target, &keys, 1, 500).await?);
    show_starts("Weir", &starts(&weir.target, &keys, 128, 50).await?);
    let port = free_port()?;
    let _nginx = NginxRtmp::start(port, Output::None).await?;
    let target = Target { address: loopback(port), app: NginxRtmp::APP.to_owned() };
    // It takes one publisher a name.
    let keys: Vec<String> = (0..8192).map(|index| format!("stream{index}")).collect();
    show_starts("nginx-rtmp", &starts(&target, &keys, 1, 50).await?);
    show_starts("nginx-rtmp", &starts(&target, &keys, 128, 50).await?);
    Ok(())
}

/// Where a server was too slow for its publishers, it had less to do.
fn per_megabit(cost: &Cost) -> f64 {
    cost.cores_each / cost.megabits_each
}

fn show(round: usize, name: &str, cost: &Cost) {
    println!(
        "round {round}: {name:<15} {} publishers at {:.2} Mb/s: {:.5} cores each, {:.1} KiB each idle, {:.1} KiB each sending",
        cost.publishers, cost.megabits_each, cost.cores_each, cost.idle_kib_each, cost.busy_kib_each,
    );
}

fn show_starts(name: &str, starts: &Starts) {
    let ms = starts.milliseconds;
    println!(
        "connect -> Publish.Start: {name:<15} {:>3} clients: p50 {:.2} ms, p95 {:.2}, max {:.2}; {:.0} a second over {}",
        starts.clients, ms.p50, ms.p95, ms.max, starts.per_second, ms.count,
    );
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// This program once more, as the server under test: a process of its own has an account of its own.
struct NullIngest {
    child: Child,
    target: Target,
}

impl NullIngest {
    async fn start() -> Result<Self, Error> {
        let port = free_port()?;
        let this = std::env::current_exe().map_err(Error::io("find this program"))?;
        let child = Command::new(this)
            .arg(format!("--serve={port}"))
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(Error::start("the null server"))?;
        wait_for_listener(port).await?;
        let target = Target { address: loopback(port), app: null_ingest::APP.to_owned() };
        Ok(Self { child, target })
    }

    fn process(&self) -> Process {
        Process(self.child.id().unwrap_or(0))
    }
}
