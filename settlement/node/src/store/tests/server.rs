//! A PostgreSQL server of the test's own, in a temporary folder, on a free port.
//!
//! PostgreSQL refuses to run as root; then it runs as the system user
//! `postgres`, which its package makes.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sqlx::{Connection, PgConnection};

/// System user for a server that root starts.
const USER: &str = "postgres";

/// Tries to connect while the server starts, 50 ms apart.
const START_TRIES: u32 = 400;

/// A running server; killed when dropped.
pub(crate) struct Server {
    folder: tempfile::TempDir,
    programs: PathBuf,
    port: u16,
    process: Child,
}

impl Server {
    /// Makes a database cluster and starts a server on it.
    pub(crate) async fn start() -> Self {
        let programs = programs();
        let folder = tempfile::Builder::new().prefix("weft-postgres-").tempdir().unwrap();
        if is_root() {
            let status = Command::new("chown").arg(USER).arg(folder.path()).status().unwrap();
            assert!(status.success(), "cannot give the folder to the user {USER}: apt-get install postgresql");
        }
        let made = as_user(&programs.join("initdb"))
            .args(["--no-sync", "--auth=trust", "--username=weft", "--encoding=UTF8", "--no-locale", "-D"])
            .arg(data(folder.path()))
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = spawn(&programs, folder.path(), port);
        let mut server = Self { folder, programs, port, process };
        server.wait().await;
        server
    }

    /// A database's URL.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://weft@127.0.0.1:{}/{database}", self.port)
    }

    /// Lets a role in with its password alone, once the server has read its files again.
    pub(crate) fn ask_passwords_of(&self, role: &str) {
        let path = data(self.folder.path()).join("pg_hba.conf");
        let text = std::fs::read_to_string(&path).unwrap();
        // The first line that fits counts.
        std::fs::write(path, format!("host all {role} all scram-sha-256\n{text}")).unwrap();
    }

    /// kill -9.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Starts again on the same data.
    pub(crate) async fn restart(&mut self) {
        self.process = spawn(&self.programs, self.folder.path(), self.port);
        self.wait().await;
    }

    async fn wait(&mut self) {
        for _ in 0..START_TRIES {
            // A server does not start while children of the one that was killed still hold its memory; they are about
            // to notice.
            if self.process.try_wait().unwrap().is_some() {
                self.process = spawn(&self.programs, self.folder.path(), self.port);
            }
            if PgConnection::connect(&self.url("postgres")).await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        panic!("PostgreSQL does not start: {log}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn data(folder: &Path) -> PathBuf {
    folder.join("data")
}

fn spawn(programs: &Path, folder: &Path, port: u16) -> Child {
    let log = std::fs::OpenOptions::new().create(true).append(true).open(folder.join("log")).unwrap();
    as_user(&programs.join("postgres"))
        .arg("-D")
        .arg(data(folder))
        .args(["-p", &port.to_string(), "-h", "127.0.0.1", "-k"])
        .arg(folder)
        .args(["-c", "max_connections=120"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout.starts_with(b"0\n")
}

/// The program, run as a user that PostgreSQL accepts. `setpriv` replaces itself, so killing it kills the program.
fn as_user(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", USER, "--regid", USER, "--clear-groups"]).arg(program);
    command
}

/// Where Debian puts the newest version's programs.
fn programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let found = versions.map(|entry| entry.path().join("bin")).filter(|path| path.join("initdb").exists());
    found.max().expect("this test needs a PostgreSQL server: apt-get install postgresql")
}
