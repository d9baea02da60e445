//! An API server and its clients: which cases there are.

mod certificates;
mod client;
mod creates;
mod criteria;
mod disk;
mod etcd;
mod fanout;
mod files;
mod latency;
mod leases;
mod lists;
mod load;
mod metrics;
mod objects;
mod reads;
mod scan;
mod server;
mod standin;

use std::time::Duration;

use ferry_harness::Program;

use self::creates::Way;
use self::etcd::Transport;
use crate::cli::ApiOptions;
use crate::turns::Case;

pub(crate) use criteria::CRITERIA;

/// The cases. Ferry and its peer take turns within a round, one number of writers after the other.
pub(crate) fn cases(options: &ApiOptions) -> Vec<Case> {
    let span = Duration::from_secs(options.seconds.into());
    let &ApiOptions { watchers, objects, renewals, .. } = options;
    let etcd = Program::installed("etcd");
    let mut cases = Vec::new();
    for writers in creates::WRITERS {
        cases.push(Case::new(format!("yardstick append {writers}"), move || {
            disk::yardstick(writers)
        }));
        cases.push(Case::new(format!("yardstick https {writers}"), move || {
            creates::yardstick(writers)
        }));
        for (name, way) in [("creates", Way::Connections), ("creates by streams", Way::Streams)] {
            cases.push(Case::new(format!("{name} {writers}"), move || {
                creates::ferry(way, writers, span)
            }));
        }
        if let Some(program) = etcd.clone() {
            for (name, transport) in
                [("etcd puts", Transport::Plain), ("etcd puts by TLS", Transport::Tls)]
            {
                let program = program.clone();
                cases.push(Case::new(format!("{name} {writers}"), move || {
                    creates::etcd(&program, transport, writers, span)
                }));
            }
        }
    }
    let fanout = fanout::Fanout { watchers, span: span * fanout::SPANS };
    cases.push(Case::new("yardstick watch", move || fanout.yardstick()));
    cases.push(Case::new("watch", move || fanout.ferry()));
    cases.push(Case::new("watch by streams", move || fanout.streams()));
    if let Some(program) = etcd {
        for (name, transport) in
            [("etcd watch", Transport::Plain), ("etcd watch by TLS", Transport::Tls)]
        {
            let program = program.clone();
            cases.push(Case::new(name, move || fanout.etcd(&program, transport)));
        }
    }
    cases.push(Case::new("lists, memory, starts", move || lists::take(objects)));
    cases.push(Case::new("leases", move || leases::take(renewals)));
    cases.push(Case::new("gets", move || reads::take(span)));
    cases
}
