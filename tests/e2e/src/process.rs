//! One child process with its output kept in a file.

use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// The binary under test.
pub fn weft_binary() -> PathBuf {
    let path = std::env::var_os("WEFT_BIN")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/release/weft"), PathBuf::from);
    assert!(path.exists(), "no binary at {}: run `make build`, or set WEFT_BIN", path.display());
    path
}

/// A running service.
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `weft ARGS`, output appended to `log`.
    pub fn spawn<S: AsRef<OsStr>>(log: &Path, args: impl IntoIterator<Item = S>) -> Self {
        Self::spawn_with(log, args, &[])
    }

    /// [`Process::spawn`] with more environment variables.
    pub fn spawn_with<S: AsRef<OsStr>>(
        log: &Path,
        args: impl IntoIterator<Item = S>,
        env: &[(String, String)],
    ) -> Self {
        let out = File::options().create(true).append(true).open(log).expect("log file opens");
        let err = out.try_clone().expect("log file clones");
        let child = Command::new(weft_binary())
            .args(args)
            .env("RUST_BACKTRACE", "1")
            .envs(env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .spawn()
            .expect("weft starts");
        Self { child, log: log.to_owned() }
    }

    /// SIGKILL, and waits for the end.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Sends a signal, by its name without SIG.
    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &pid]).status().expect("kill runs");
        assert!(sent.success(), "cannot signal {pid}");
    }

    /// SIGTERM; the exit status, or a panic with the log when it takes longer than 20 s.
    pub fn terminate(&mut self) -> ExitStatus {
        self.signal("TERM");
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(20) {
            if let Some(status) = self.child.try_wait().expect("child can be waited for") {
                return status;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("no end within 20 s of SIGTERM:\n{}", self.log());
    }

    /// Whether it has ended by itself.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("child can be waited for")
    }

    /// What it printed so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
