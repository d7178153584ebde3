//! The real binary, in a process of its own.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A server in a process of its own, over a directory that outlives it. Dropping it kills it.
pub(crate) struct Process {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Process {
    /// Starts `indelible serve` on a free port and waits until it answers there.
    pub(crate) fn serve(directory: &Path) -> Self {
        let mut command = command();
        command.arg("serve").arg("--data").arg(directory).args(["--listen", "127.0.0.1:0"]);
        Self::spawn(command)
    }

    /// The same on a database; `directory` has the keys.
    pub(crate) fn serve_on(directory: &Path, database: &str) -> Self {
        let mut command = command();
        command.arg("serve").arg("--data").arg(directory).args(["--listen", "127.0.0.1:0"]);
        command.env("APP__STORE__URL", database);
        Self::spawn(command)
    }

    /// The same for a command that ends up as `indelible serve`.
    pub(crate) fn spawn(mut command: Command) -> Self {
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line
            .strip_prefix("Indelible is at http://")
            .and_then(|rest| rest.split_whitespace().next())
            .unwrap_or_else(|| panic!("the server did not start: {line:?}, {:?}", child.wait()))
            .parse()
            .unwrap();
        Self { child, address }
    }

    /// Ends it at once, as a power cut would: SIGKILL.
    pub(crate) fn kill(mut self) {
        self.end();
    }

    /// The root directory as the process sees it, which may be in another mount namespace.
    pub(crate) fn root(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root", self.child.id()))
    }

    /// Waits until it has ended by itself; its exit code.
    pub(crate) fn wait(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    fn end(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.child.try_wait().unwrap().is_none() {
            self.end();
        }
    }
}

/// What a command wrote and how it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a command to its end: `indelible ARGUMENTS --data DIRECTORY`.
pub(crate) fn run(directory: &Path, arguments: &[&str]) -> Ran {
    let output = command().args(arguments).arg("--data").arg(directory).output().unwrap();
    Ran {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

pub(crate) fn command() -> Command {
    Command::new(env!("CARGO_BIN_EXE_indelible"))
}
