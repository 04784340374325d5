//! Real Kafka brokers on loopback, for tests: no mock can vouch for a guarantee.
//!
//! A [`Broker`] is one process of Apache Kafka (KRaft) with a folder and free ports of its own. The jars come from
//! `./test.sh kafka`, which keeps them in its cache.
//!
//! Nothing is left behind: a shell waits beside each broker for the end of the test program, however it comes about
//! (also a panic or SIGKILL), kills the broker by its process id and removes the folder.
//!
//! ```no_run
//! let broker = kafka_broker::Broker::start()?;
//! broker.kill()?; // SIGKILL
//! broker.restart()?; // the same ports, the same data
//! println!("bootstrap.servers={}", broker.address());
//! # Ok::<(), String>(())
//! ```

use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// A broker; stopped when it is dropped, and when the program ends.
pub struct Broker {
    libs: PathBuf,
    dir: PathBuf,
    port: u16,
    sasl_port: u16,
    running: Mutex<Option<Running>>,
}

/// A broker's process, and the shell that waits to kill it.
struct Running {
    shell: Child,
    pid: Pid,
}

/// Runs the broker in the background and waits for a line, which says that the folder is to be kept, or for the end of
/// the program that would write it.
const WATCH: &str = r#"
dir=$1; shift
"$@" >"$dir/log" 2>&1 </dev/null &
pid=$!
echo "$pid" >"$dir/pid.new" && mv "$dir/pid.new" "$dir/pid"
if read -r _; then keep=1; else keep=; fi
kill -9 "$pid" 2>/dev/null
wait "$pid" 2>/dev/null
[ -n "$keep" ] || rm -rf "$dir"
"#;

/// What the broker logs when it serves.
const READY: &str = "Kafka Server started";

impl Broker {
    /// Starts a broker of one's own, to kill for example. It takes about 5 seconds.
    ///
    /// # Errors
    /// If the jars are missing or it does not start; the message says what to do, or ends with the broker's log.
    pub fn start() -> Result<Self, String> {
        let libs = libs()?;
        let text = |e: std::io::Error| format!("the folder of a broker cannot be made: {e}");
        let dir = tempfile::Builder::new().prefix("kafka-").tempdir().map_err(text)?.keep();
        let [port, sasl_port, controller_port] = free_ports()?;
        let properties = include_str!("../server.properties")
            .replace("@DIR@", &dir.display().to_string())
            .replace("@PORT@", &port.to_string())
            .replace("@SASL_PORT@", &sasl_port.to_string())
            .replace("@CONTROLLER_PORT@", &controller_port.to_string());
        fs::write(dir.join("server.properties"), properties).map_err(text)?;
        let broker = Broker { libs, dir, port, sasl_port, running: Mutex::new(None) };
        broker.format()?;
        broker.restart()?;
        Ok(broker)
    }

    /// The broker that all tests of a program share.
    ///
    /// # Panics
    /// If it cannot be started: [`start`](Self::start) says why.
    pub fn shared() -> &'static Broker {
        static SHARED: OnceLock<Result<Broker, String>> = OnceLock::new();
        match SHARED.get_or_init(Broker::start) {
            Ok(broker) => broker,
            Err(error) => panic!("{error}"),
        }
    }

    /// Host and port, for `bootstrap.servers`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Host and port of the listener for user `alice` with password `wonderland` (SASL, PLAIN).
    pub fn sasl_address(&self) -> String {
        format!("127.0.0.1:{}", self.sasl_port)
    }

    /// Kills it with SIGKILL, if it runs. Its data stay.
    ///
    /// # Errors
    /// If it cannot be waited for.
    pub fn kill(&self) -> Result<(), String> {
        let Some(mut running) = self.running().take() else { return Ok(()) };
        let text = |e: std::io::Error| format!("the broker cannot be killed: {e}");
        if let Some(mut shell) = running.shell.stdin.take() {
            shell.write_all(b"keep\n").map_err(text)?;
        }
        running.shell.wait().map(drop).map_err(text)
    }

    /// Starts it again after [`kill`](Self::kill), with the same ports and data, and waits until it serves.
    ///
    /// # Errors
    /// If it does not start.
    pub fn restart(&self) -> Result<(), String> {
        self.kill()?;
        *self.running() = Some(self.launch()?);
        self.wait_until_ready()
    }

    /// Stops it as it is (SIGSTOP): it answers no more, but its connections stay.
    ///
    /// # Errors
    /// If it does not run.
    pub fn freeze(&self) -> Result<(), String> {
        self.signal(Signal::STOP)
    }

    /// Lets it go on after [`freeze`](Self::freeze).
    ///
    /// # Errors
    /// If it does not run.
    pub fn thaw(&self) -> Result<(), String> {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> Result<(), String> {
        let running = self.running();
        let pid = running.as_ref().ok_or("the broker does not run")?.pid;
        kill_process(pid, signal).map_err(|e| format!("the broker gets no signal: {e}"))
    }

    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn java(&self) -> [String; 9] {
        let class_path = format!("{}/*", self.libs.display());
        let options = ["java", "-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"];
        let [java, min, max, gc, tiers, share] = options.map(str::to_owned);
        [java, min, max, gc, tiers, share, "-Djava.awt.headless=true".to_owned(), "-cp".to_owned(), class_path]
    }

    fn format(&self) -> Result<(), String> {
        let [java, rest @ ..] = self.java();
        let mut format = Command::new(java);
        format.args(rest).args(["kafka.tools.StorageTool", "format", "-t", "dataflow-tests-broker0", "-c"]);
        let output = format.arg(self.dir.join("server.properties")).output();
        let output =
            output.map_err(|e| format!("java cannot be started ({e}): run ./test.sh kafka, which installs it"))?;
        if output.status.success() {
            return Ok(());
        }
        Err(format!("the broker's folder cannot be formatted:\n{}", String::from_utf8_lossy(&output.stderr)))
    }

    fn launch(&self) -> Result<Running, String> {
        let pid_file = self.dir.join("pid");
        let _ = fs::remove_file(&pid_file);
        let _ = File::create(self.dir.join("log")); // the last run's says that it was ready
        let mut shell = Command::new("sh");
        shell.args(["-c", WATCH, "broker"]).arg(&self.dir).args(self.java());
        shell.arg("kafka.Kafka").arg(self.dir.join("server.properties"));
        // In a group of its own: Ctrl-C is for the tests, whose end the shell then sees.
        let shell = shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0).spawn();
        let shell = shell.map_err(|e| format!("sh cannot be started: {e}"))?;
        let until = Instant::now() + Duration::from_secs(10);
        while Instant::now() < until {
            let pid = fs::read_to_string(&pid_file).ok().and_then(|text| Pid::from_raw(text.trim().parse().ok()?));
            match pid {
                Some(pid) => return Ok(Running { shell, pid }),
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        }
        Err("the broker has no process id after 10 s".to_owned())
    }

    fn wait_until_ready(&self) -> Result<(), String> {
        let until = Instant::now() + Duration::from_secs(90);
        loop {
            let log = fs::read_to_string(self.dir.join("log")).unwrap_or_default();
            if log.contains(READY) {
                return Ok(());
            }
            let pid = self.running().as_ref().map(|running| running.pid);
            let gone = pid.is_none_or(|pid| rustix::process::test_kill_process(pid).is_err() || is_zombie(pid));
            if gone || Instant::now() > until {
                let lines: Vec<&str> = log.lines().collect();
                let last = lines.get(lines.len().saturating_sub(20)..).unwrap_or_default().join("\n");
                let what = if gone { "has ended" } else { "is not ready after 90 s" };
                return Err(format!("the broker {what}; its log ends with:\n{last}"));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let running = self.running().take();
        if let Some(Running { mut shell, .. }) = running {
            drop(shell.stdin.take()); // the shell kills the broker and removes the folder
            let _ = shell.wait();
        } else {
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}

/// Whether the process has ended, and only the shell does not know yet. Only Linux tells.
fn is_zombie(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z'))
}

/// The version of Kafka that is tested with.
fn version() -> &'static str {
    let after = include_str!("../pom.xml").split_once("<kafka.version>").map_or("", |(_, after)| after);
    after.split_once('<').map_or("", |(version, _)| version)
}

/// The folder with the jars: the one named by `DATAFLOW_KAFKA_LIBS`, else the one in the cache of `test.sh`.
fn libs() -> Result<PathBuf, String> {
    let libs = std::env::var_os("DATAFLOW_KAFKA_LIBS").map(PathBuf::from);
    let libs = libs.or_else(|| {
        let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let cache = cache.or_else(|| Some(Path::new(&std::env::var_os("HOME")?).join(".cache")));
        Some(cache?.join("dataflow").join(format!("kafka-{}", version())))
    });
    match libs {
        Some(libs) if libs.join("complete").is_file() => Ok(libs),
        _ => Err("the jars of a Kafka broker are missing: run ./test.sh kafka, which fetches them".to_owned()),
    }
}

fn free_ports<const N: usize>() -> Result<[u16; N], String> {
    let text = |e: std::io::Error| format!("there is no free port: {e}");
    // All are held until all are found, so that they differ.
    let listeners = (0..N).map(|_| TcpListener::bind(("127.0.0.1", 0))).collect::<Result<Vec<_>, _>>().map_err(text)?;
    let mut ports = [0; N];
    for (port, listener) in ports.iter_mut().zip(&listeners) {
        *port = listener.local_addr().map_err(text)?.port();
    }
    Ok(ports)
}
