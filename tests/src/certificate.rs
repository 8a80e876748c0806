use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A self-signed certificate for 127.0.0.1 and localhost, made by OpenSSL.
pub struct SelfSigned {
    /// Its PEM file.
    pub certificate: PathBuf,
    /// Its key's PEM file.
    pub key: PathBuf,
}

impl SelfSigned {
    /// Makes one in `folder`.
    pub fn make(folder: &Path, name: &str) -> Self {
        let made =
            Self { certificate: folder.join(format!("{name}.pem")), key: folder.join(format!("{name}.key")) };
        let (certificate, key) = (made.certificate.to_str().unwrap(), made.key.to_str().unwrap());
        // A certificate of an authority is refused as a server's.
        let options = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=weir \
            -addext basicConstraints=critical,CA:FALSE";
        let names =
            ["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-keyout", key, "-out", certificate];
        openssl(options.split_whitespace().chain(names), b"");
        made
    }

    /// Its SHA-256 fingerprint.
    pub fn fingerprint(&self) -> String {
        fingerprint(&std::fs::read(&self.certificate).unwrap())
    }
}

/// The fingerprint of the certificate that is served at this port.
pub async fn served_fingerprint(port: u16) -> String {
    let address = format!("127.0.0.1:{port}");
    let said = tokio::task::spawn_blocking(move || openssl(["s_client", "-connect", &address], b"")).await;
    fingerprint(&said.unwrap().stdout)
}

fn fingerprint(pem: &[u8]) -> String {
    let said = openssl("x509 -noout -fingerprint -sha256".split_whitespace(), pem).stdout;
    let said = String::from_utf8(said).unwrap();
    said.split_once('=').unwrap_or_else(|| panic!("{said}")).1.trim().to_owned()
}

fn openssl<'a>(args: impl IntoIterator<Item = &'a str>, input: &[u8]) -> Output {
    use std::io::Write;
    let mut child = Command::new("openssl")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("openssl is installed");
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "openssl: {}", String::from_utf8_lossy(&output.stderr));
    output
}
