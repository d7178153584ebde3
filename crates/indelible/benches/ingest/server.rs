//! The real binary.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use indelible::access::{Caller, new_token};
use indelible::{Indelible, OpenOptions};
use rusqlite::Connection;

use crate::Outcome;

/// The site that everything is written to.
pub(crate) const SITE: &str = "acme.www";

/// A running `indelible serve`. Dropping it kills it.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
}

/// Makes an installation with the site, and a token for it.
pub(crate) fn create(data: &Path) -> Outcome<String> {
    let indelible = Indelible::open(data, &OpenOptions::default())?;
    let caller = Caller::local("benchmark");
    indelible.create_site(SITE.parse()?, "Benchmark", &caller)?;
    let made = new_token("benchmark", model::Role::Admin, Some(SITE.parse()?))?;
    indelible.create_token(&made.token, &caller)?;
    Ok(made.secret.reveal().to_owned())
}

impl Server {
    /// Starts it and waits until it listens.
    pub(crate) fn start(data: &Path) -> Outcome<Self> {
        let mut child = Command::new(env!("CARGO_BIN_EXE_indelible"))
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut line)?;
        let address = line.strip_prefix("Indelible is at http://").and_then(|rest| rest.split(' ').next());
        let address = address.ok_or("the server did not start")?.parse()?;
        Ok(Self { child, address })
    }

    /// Its resident memory now and at its highest, as Linux tells it.
    pub(crate) fn memory(&self) -> String {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let value = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("? kB");
            line.trim().trim_end_matches(" kB").parse::<u64>().map_or(0, |kb| kb / 1024)
        };
        let (all, mapped, most) = (value("VmRSS:"), value("RssFile:"), value("VmHWM:"));
        format!("{all} MB, {mapped} of it mapped files; {most} at most")
    }

    /// Asks it to end and waits until it has.
    pub(crate) fn stop(mut self) -> Outcome<()> {
        Command::new("kill").arg(self.child.id().to_string()).status()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended already where all went well.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Bytes in a directory, once the write-ahead logs are folded into their databases.
pub(crate) fn disk(data: &Path) -> Outcome<usize> {
    for file in [data.join("indelible.sqlite"), data.join("head/heads.sqlite")] {
        Connection::open(file)?.pragma_update(None, "wal_checkpoint", "truncate")?;
    }
    size(data)
}

/// Bytes of the files in a directory.
pub(crate) fn size(directory: &Path) -> Outcome<usize> {
    let mut total = 0;
    for found in fs::read_dir(directory)? {
        let found = found?;
        let metadata = found.metadata()?;
        total += if metadata.is_dir() { size(&found.path())? } else { usize::try_from(metadata.len())? };
    }
    Ok(total)
}

/// `indelible verify`, which must find nothing.
pub(crate) fn verify(data: &Path) -> Outcome<()> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_indelible"));
    let verified = command.args(["verify", "--data"]).arg(data).stdout(Stdio::null()).stderr(Stdio::null());
    if verified.status()?.success() { Ok(()) } else { Err("the log does not verify".into()) }
}
