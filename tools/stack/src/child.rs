//! Programs started by the local stack, which never outlive it.
//!
//! Each program runs on a leash: a few lines of shell beside it wait at the
//! reading end of a pipe whose writing end only we hold. However we end (by
//! returning, by a panic, by SIGKILL), the kernel closes the pipe, and the leash
//! stops the program: first with its own stop signal, so that it can finish what
//! it is doing, and after [`GRACE`] with SIGKILL.
//!
//! Each program leads a process group of its own. So Ctrl-C in a terminal reaches
//! only us, and everything is stopped in order; and the leash, being in the group
//! too, keeps the group's number from being given to anyone else.

use std::{
    io,
    path::Path,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use tokio::process::{ChildStderr, ChildStdin, ChildStdout, Command};

/// How long a program may take to stop before it is killed.
pub const GRACE: Duration = Duration::from_secs(10);

/// Becomes the program by `exec`, so the process id stays that of the shell.
///
/// Standard input is the leash; the program itself reads nothing. The loop gives
/// up its output, or a reader of the program's output would wait for it as well.
const ON_A_LEASH: &str = r#"
signal=$1 tenths=$2
shift 2
exec 3<&0 </dev/null
(
  PATH=/usr/bin:/bin
  read -r _ <&3
  kill -s "$signal" $$ || exit
  while [ "$tenths" -gt 0 ] && kill -s 0 $$; do
    sleep 0.1
    tenths=$((tenths - 1))
  done
  kill -s KILL -- -$$
) >/dev/null 2>&1 &
exec "$@" 3<&-
"#;

/// The signal that asks a program to finish what it is doing and end.
#[derive(Clone, Copy, Debug)]
pub enum StopSignal {
    /// SIGINT, at which Postgres rolls back what is open and ends.
    Interrupt,
    /// SIGTERM, the usual one.
    Terminate,
}

/// A command that will run `program` on a leash; arguments, variables and output are for
/// the caller to add.
pub fn command(program: &Path, stop: StopSignal) -> Command {
    let signal = match stop {
        StopSignal::Interrupt => "INT",
        StopSignal::Terminate => "TERM",
    };
    let tenths = GRACE.as_millis() / 100;

    let mut command = Command::new("/bin/sh");
    command.args(["-c", ON_A_LEASH, "leash", signal, &tenths.to_string()]).arg(program);
    command
}

/// A program that runs on a leash. It is asked to end when this value is dropped.
#[derive(Debug)]
pub struct Child {
    process: tokio::process::Child,
    /// Only ever closed: `wait` of tokio would close it if it were left in `process`.
    leash: Option<ChildStdin>,
}

impl Child {
    /// Starts a command made by [`command`].
    pub fn spawn(command: &mut Command) -> io::Result<Self> {
        let mut process = command.stdin(Stdio::piped()).process_group(0).spawn()?;
        let leash = process.stdin.take();
        Ok(Self { process, leash })
    }

    /// The program's process id, or none once it has ended.
    pub fn id(&self) -> Option<u32> {
        self.process.id()
    }

    /// What the program prints, if the command said `Stdio::piped()`. Can be taken once.
    pub fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.process.stdout.take()
    }

    /// What the program prints as errors, if the command said `Stdio::piped()`. Can be taken
    /// once.
    pub fn take_stderr(&mut self) -> Option<ChildStderr> {
        self.process.stderr.take()
    }

    /// How the program ended, or none while it runs.
    pub fn exit_status(&mut self) -> io::Result<Option<ExitStatus>> {
        self.process.try_wait()
    }

    /// Waits until the program ends by itself.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.process.wait().await
    }

    /// Ends the program at once, as a crash would, and waits for it.
    pub async fn kill(&mut self) -> io::Result<ExitStatus> {
        if self.exit_status()?.is_none() {
            self.process.start_kill()?;
        }
        self.process.wait().await
    }

    /// Asks the program to end, kills it if it does not within [`GRACE`], and waits for it.
    pub async fn stop(mut self) -> io::Result<ExitStatus> {
        drop(self.leash.take());
        self.process.wait().await
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};

    use super::*;

    /// A shell on a leash, and what it prints after its first line.
    struct Shell {
        child: Child,
        first_line: String,
        output: Lines<BufReader<ChildStdout>>,
    }

    /// Runs `script` in a shell on a leash, and waits for its first line.
    async fn run(script: &str) -> Shell {
        let mut command = command(Path::new("/bin/sh"), StopSignal::Terminate);
        command.args(["-c", script]).env_clear().stdout(Stdio::piped());
        let mut child = Child::spawn(&mut command).unwrap();
        let mut output = BufReader::new(child.take_stdout().unwrap()).lines();
        let first_line = output.next_line().await.unwrap().unwrap();
        Shell { child, first_line, output }
    }

    #[tokio::test]
    async fn the_process_id_is_the_programs_own() {
        let shell = run("echo $$; exec /bin/sleep 60").await;
        assert_eq!(shell.child.id().unwrap().to_string(), shell.first_line);
        shell.child.stop().await.unwrap();
    }

    #[tokio::test]
    async fn a_stopped_program_is_asked_to_end() {
        let script = "trap 'exit 7' TERM; echo ready; while :; do /bin/sleep 0.05; done";
        let shell = run(script).await;
        assert_eq!(shell.child.stop().await.unwrap().code(), Some(7));
    }

    #[tokio::test]
    async fn a_dropped_program_is_asked_to_end() {
        let script = "trap 'echo end; exit' TERM; echo ready; while :; do /bin/sleep 0.05; done";
        let mut shell = run(script).await;
        drop(shell.child);
        assert_eq!(shell.output.next_line().await.unwrap().as_deref(), Some("end"));
        assert_eq!(shell.output.next_line().await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_killed_program_has_ended() {
        let mut shell = run("trap '' TERM; echo ready; exec /bin/sleep 60").await;
        assert_eq!(shell.child.kill().await.unwrap().code(), None);
        assert!(shell.child.exit_status().unwrap().is_some());
        assert_eq!(shell.child.kill().await.unwrap().code(), None);
    }
}
