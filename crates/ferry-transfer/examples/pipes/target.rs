//! The threads of the destination: one for each channel reads, one decides.

use std::io::{PipeReader, Read};
use std::sync::mpsc;

use ferry_transfer::wire::{Header, RunTable};
use ferry_transfer::{Destination, DestinationInput, Effect, Layout, Receiver, SourceInput};
use ferry_units::PageRun;

use crate::{Inputs, Memory, Outcome, at, lock};

/// The thread that reads a data connection at the destination.
pub(crate) fn receive(
    memory: &Memory,
    mut lane: Receiver,
    mut pipe: PipeReader,
    echo: impl Fn(u16) -> Outcome,
) -> Outcome {
    loop {
        let mut header = [0; Header::LENGTH];
        pipe.read_exact(&mut header)?;
        match Header::decode(&header)? {
            Header::Pages { volume, first, more } => {
                let mut table = vec![0; usize::from(more) * RunTable::ENTRY];
                pipe.read_exact(&mut table)?;
                let runs = RunTable::decode(first, &table)?;
                lane.frame(volume, &runs)?;
                for page in runs.into_iter().flat_map(PageRun::pages) {
                    pipe.read_exact(&mut *lock(&memory[at(page.0)]))?;
                }
            }
            Header::Zeros { .. } => return Err("this source sends no zeros".into()),
            Header::Probe { number, pages } => {
                lane.fence(pages)?;
                echo(number)?;
            }
            Header::Fence { pages, .. } => return Ok(lane.fence(pages)?),
        }
    }
}

/// The destination decides what to do when frames and messages have come, and answers.
pub(crate) fn decide(
    layout: &Layout,
    inputs: &Inputs,
    heard: mpsc::Receiver<DestinationInput>,
    answers: &mpsc::Sender<SourceInput>,
) -> Outcome {
    let mut destination = Destination::new(layout);
    for input in heard {
        match destination.on(input)? {
            Effect::Load(_) => inputs.send(DestinationInput::Loaded)?,
            Effect::SayReady => answers.send(SourceInput::Ready)?,
            Effect::Run(_) => return Ok(answers.send(SourceInput::Resumed)?),
            Effect::Fail => return Err("it did not come".into()),
            _nothing_before_it_runs => {}
        }
    }
    Ok(())
}
