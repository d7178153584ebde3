//! The real binary, in a directory of the test's own and with nothing of the environment's.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use tempfile::TempDir;

/// A directory to run commands in; the installation is in `data/`.
pub(crate) struct Place {
    directory: TempDir,
    environment: Vec<(&'static str, String)>,
}

/// What a command did.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Place {
    /// Without an installation.
    pub(crate) fn empty() -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("tmp")).unwrap();
        Self { directory, environment: Vec::new() }
    }

    /// With an installation, made as a library makes it, and the site `acme.www`.
    pub(crate) fn new() -> Self {
        let place = Self::empty();
        let options = indelible::OpenOptions { origin: Some("audit.test".to_owned()), ..Default::default() };
        drop(indelible::Indelible::open(&place.data(), &options).unwrap());
        place.does("site create acme.www");
        place
    }

    /// The data directory alone, for a server.
    pub(crate) fn into_data(self) -> TempDir {
        let data = tempfile::tempdir().unwrap();
        crate::filled::copy_directory(&self.data(), data.path());
        data
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.environment.push((name, value.to_owned()));
        self
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    /// What is left in the directory for temporary files.
    pub(crate) fn temporary(&self) -> Vec<PathBuf> {
        std::fs::read_dir(self.path().join("tmp")).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path().join(name), content).unwrap();
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_indelible"));
        command
            .args(line.split_whitespace())
            .current_dir(self.path())
            .env_clear()
            .env("APP__STORE__DATA_DIR", "data")
            .env("TMPDIR", self.path().join("tmp"))
            .env("USER", "ana")
            .env("COLUMNS", "100")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    /// Runs a command to its end; arguments are parted by spaces.
    pub(crate) fn run(&self, line: &str) -> Ran {
        ran(self.command(line).output().unwrap())
    }

    /// [`run`](Self::run) with something to read.
    pub(crate) fn run_with(&self, line: &str, input: &str) -> Ran {
        let mut command = self.command(line);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        ran(child.wait_with_output().unwrap())
    }

    /// Runs a command that must succeed, and returns what it printed as data.
    #[track_caller]
    pub(crate) fn does(&self, line: &str) -> String {
        let ran = self.run(line);
        assert_eq!(ran.code, Some(0), "{line}: {ran:?}");
        ran.out
    }

    /// Runs a command that must fail, and returns what it says.
    #[track_caller]
    pub(crate) fn fails(&self, line: &str, code: i32) -> String {
        let ran = self.run(line);
        assert_eq!(ran.code, Some(code), "{line}: {ran:?}");
        assert_eq!(ran.out, "", "data only when there are some");
        ran.err
    }

    /// Starts a command that runs on.
    pub(crate) fn start(&self, line: &str) -> Running {
        let mut child = self.command(line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Running { child, out }
    }
}

fn ran(output: Output) -> Ran {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// A command that runs on. Dropping it ends it.
pub(crate) struct Running {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Running {
    /// The next line it prints that has this text, and what it is followed by until the next space.
    pub(crate) fn after(&mut self, text: &str) -> String {
        loop {
            let mut line = String::new();
            if self.out.read_line(&mut line).unwrap() == 0 {
                let mut err = String::new();
                self.child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
                panic!("it ended without `{text}`: {err}");
            }
            if let Some((_, rest)) = line.split_once(text) {
                return rest.split_whitespace().next().unwrap_or_default().to_owned();
            }
        }
    }

    /// Asks it to end, as a supervisor does, and returns what it still printed and its messages.
    pub(crate) fn stop(mut self) -> Ran {
        let asked = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(asked.success());
        let (mut out, mut err) = (String::new(), String::new());
        self.out.read_to_string(&mut out).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        Ran { code: self.child.wait().unwrap().code(), out, err }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // After `stop` it has ended already, and that is no failure.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
