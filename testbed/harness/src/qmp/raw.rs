//! A QMP client that speaks bytes, for what no well-behaved client would say.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::wait::LIMIT;

/// A connection on which a test says what it likes, and reads lines.
#[derive(Debug)]
pub struct RawQmp {
    stream: BufReader<UnixStream>,
}

impl RawQmp {
    /// Connects. Nothing is said yet, and the greeting is the first line to read.
    ///
    /// # Errors
    /// When nobody listens there.
    pub fn connect(path: &Path) -> Result<Self> {
        let stream = UnixStream::connect(path)
            .with_context(|| format!("connecting to {}", path.display()))?;
        stream.set_read_timeout(Some(LIMIT))?;
        stream.set_write_timeout(Some(LIMIT))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Says this, and nothing else.
    ///
    /// # Errors
    /// When the machine does not take it.
    pub fn say(&mut self, bytes: impl AsRef<[u8]>) -> Result<()> {
        self.stream.get_mut().write_all(bytes.as_ref()).context("writing to the machine")
    }

    /// The next line, without its end.
    ///
    /// # Errors
    /// When there is none.
    pub fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line).context("reading from the machine")? == 0 {
            bail!("the machine closed the connection");
        }
        Ok(line.trim_end().to_owned())
    }

    /// Ends the negotiation, after which commands are answered.
    ///
    /// # Errors
    /// When the machine refuses.
    pub fn negotiate(&mut self) -> Result<()> {
        let greeting = self.line()?;
        let answer = self.ask(r#"{"execute": "qmp_capabilities"}"#)?;
        if answer != r#"{"return": {}}"# {
            bail!("after {greeting} the machine answered {answer}");
        }
        Ok(())
    }

    /// Says something, and reads the next line that is no event.
    ///
    /// # Errors
    /// When there is none.
    pub fn ask(&mut self, text: &str) -> Result<String> {
        self.say(text)?;
        loop {
            let line = self.line()?;
            if !line.contains(r#""event": "#) {
                return Ok(line);
            }
        }
    }
}
