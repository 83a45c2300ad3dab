//! One line on stderr while something lasts; none when nobody watches.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

/// What lasts less is not worth a line.
const PATIENCE: Duration = Duration::from_secs(1);
/// Between two pictures.
const BEAT: Duration = Duration::from_millis(120);

/// A line that stays until it is dropped.
#[derive(Debug)]
pub(crate) struct Progress {
    running: Option<(mpsc::Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    /// Starts to wait; after a second the line shows, with the seconds that have passed.
    pub(crate) fn start(text: &'static str) -> Self {
        if !io::stderr().is_terminal() {
            return Self { running: None };
        }
        let (stop, stopped) = mpsc::channel();
        let line = std::thread::spawn(move || draw(text, &stopped));
        Self { running: Some((stop, line)) }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((stop, line)) = self.running.take() {
            drop(stop);
            let _panicked = line.join();
        }
    }
}

fn draw(text: &str, stopped: &mpsc::Receiver<()>) {
    if stopped.recv_timeout(PATIENCE) != Err(RecvTimeoutError::Timeout) {
        return;
    }
    let mut passed = PATIENCE;
    for picture in ['⠋', '⠙', '⠸', '⠴', '⠦', '⠇'].into_iter().cycle() {
        let line = format!("\r{picture} {text} {} s\u{1b}[K", passed.as_secs());
        let _unheard = io::stderr().lock().write_all(line.as_bytes());
        if stopped.recv_timeout(BEAT) != Err(RecvTimeoutError::Timeout) {
            break;
        }
        passed += BEAT;
    }
    let _unheard = io::stderr().lock().write_all(b"\r\x1b[K");
}
