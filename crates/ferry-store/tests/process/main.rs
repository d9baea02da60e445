//! What happens to whole processes: a journal whose process is killed at any moment, whose disk refuses
//! a write, or whose memory counts.
//!
//! This program runs itself as the process that suffers, and says to it what to be by its last
//! argument; it has no test harness for that reason.

mod history;
mod killed;
mod memory;
mod refused;

fn main() {
    let command = std::fs::read("/proc/self/cmdline").expect("Linux has it");
    let is = |role: &str| command.split(|byte| *byte == 0).any(|word| word == role.as_bytes());
    if is(killed::ROLE) {
        return killed::write_until_killed();
    }
    if is(refused::ROLE) {
        return refused::write_until_refused();
    }
    if is(memory::ROLE) {
        return memory::write_much();
    }
    memory::the_data_are_not_kept_in_memory();
    refused::a_refused_write_stops_the_journal();
    for seed in [1, 2] {
        killed::nothing_acknowledged_is_lost(seed);
    }
}
