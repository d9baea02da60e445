//! Real signals, in a process that runs nothing else.

use std::sync::mpsc;
use std::time::Duration;

use ferry_runtime::signals;
use signal_hook::consts::SIGHUP;
use signal_hook::low_level;

#[test]
fn the_first_signal_acts() {
    let (sender, acted) = mpsc::channel();
    signals::on_termination(move || sender.send(()).unwrap()).unwrap();
    assert!(acted.try_recv().is_err());
    low_level::raise(SIGHUP).unwrap();
    acted.recv_timeout(Duration::from_secs(30)).unwrap();
}
