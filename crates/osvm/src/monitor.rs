//! QEMU's monitor (QMP): buttons and cables of the machine.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

/// QEMU answers at once; if it does not, it hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// Sends one command on a connection of its own. The answer is what QEMU said, `return` or `error`.
///
/// *Source*: QEMU's docs/interop/qmp-spec: a greeting, `qmp_capabilities`, then commands; events may
/// come in between.
pub(crate) fn command(socket: &Path, name: &str, arguments: &Value) -> io::Result<Value> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut lines = BufReader::new(stream.try_clone()?);
    next(&mut lines, &["QMP"])?;
    let mut ask = |request: Value| {
        stream.write_all(format!("{request}\n").as_bytes())?;
        next(&mut lines, &["return", "error"])
    };
    ask(json!({ "execute": "qmp_capabilities" }))?;
    ask(json!({ "execute": name, "arguments": arguments }))
}

/// The next message that has one of these keys.
fn next(lines: &mut impl BufRead, keys: &[&str]) -> io::Result<Value> {
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let message: Value = serde_json::from_str(&line)?;
        if keys.iter().any(|key| message.get(key).is_some()) {
            return Ok(message);
        }
    }
}
