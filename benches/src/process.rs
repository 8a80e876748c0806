//! What the kernel says of a process: time on the processor, memory, bytes for the disk.

use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::Error;

/// The unit of times in `/proc`: USER_HZ, which Linux fixes at 100 on every machine Weir runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// A process, by its number. Figures of one that is gone are zero.
#[derive(Clone, Copy, Debug)]
pub struct Process(pub u32);

impl Process {
    /// Seconds of processor time so far, in user and kernel mode, over all threads.
    pub fn cpu_seconds(self) -> f64 {
        let stat = self.read("stat");
        // The name, in brackets, may itself hold blanks and brackets.
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
        let ticks =
            |index: usize| fields.split_whitespace().nth(index).and_then(|field| field.parse::<f64>().ok());
        (ticks(11).unwrap_or(0.0) + ticks(12).unwrap_or(0.0)) / TICKS_PER_SECOND
    }

    /// Memory in use now, in kB.
    pub fn resident_kb(self) -> u64 {
        field(&self.read("status"), "VmRSS:")
    }

    /// The most memory that was ever in use, in kB.
    pub fn peak_resident_kb(self) -> u64 {
        field(&self.read("status"), "VmHWM:")
    }

    /// Bytes that the process made the file systems of block devices owe to their devices. A file in a
    /// memory file system does not count, nor does one that is written again before it reached the disk.
    pub fn disk_bytes_written(self) -> u64 {
        field(&self.read("io"), "write_bytes:")
    }

    /// Keeps all of its threads, and those that they will start, on one core.
    pub fn pin(self, core: usize) -> Result<(), Error> {
        let output = std::process::Command::new("taskset")
            .args(["-acp", &core.to_string(), &self.0.to_string()])
            .output()
            .map_err(Error::start("taskset"))?;
        let said = || String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() {
            Ok(())
        } else {
            Err(Error::Program { program: "taskset", said: said() })
        }
    }

    fn read(self, what: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{what}", self.0)).unwrap_or_default()
    }
}

/// The machine's load over the last minute.
pub fn load_average() -> f64 {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split_whitespace().next().and_then(|minute| minute.parse().ok()).unwrap_or(0.0)
}

/// A port that nobody listens on now.
pub fn free_port() -> Result<u16, Error> {
    let listener = std::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))
        .map_err(Error::io("find a free port"))?;
    Ok(listener.local_addr().map_err(Error::io("find a free port"))?.port())
}

/// Waits until somebody listens on a port, without connecting to it: a program that accepts
/// a single connection would take that one for its client.
pub async fn wait_for_listener(port: u16) -> Result<(), Error> {
    const LISTEN: &str = "0A";
    const SECONDS: u64 = 10;
    let deadline = Instant::now() + Duration::from_secs(SECONDS);
    let suffix = format!(":{port:04X}");
    while Instant::now() < deadline {
        let sockets = fs::read_to_string("/proc/net/tcp").unwrap_or_default();
        let listens = |line: &str| {
            let mut fields = line.split_whitespace().skip(1);
            fields.next().is_some_and(|local| local.ends_with(&suffix)) && fields.nth(1) == Some(LISTEN)
        };
        if sockets.lines().any(listens) {
            return Ok(());
        }
        sleep(Duration::from_millis(10)).await;
    }
    Err(Error::Timeout { what: "listening", seconds: SECONDS, detail: format!(" on port {port}") })
}

fn field(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|value| value.split_whitespace().next()).and_then(|value| value.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_memory_and_time() {
        let this = Process(std::process::id());
        while this.cpu_seconds() == 0.0 {
            std::hint::spin_loop();
        }
        let touched = vec![1_u8; 64 << 20];
        assert!(this.resident_kb() >= 64 << 10);
        drop(std::hint::black_box(touched));
        assert!(this.peak_resident_kb() >= 64 << 10);
    }
}
