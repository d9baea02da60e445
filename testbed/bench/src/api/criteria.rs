//! By what an API server is judged: conditions, ratios, aims.

use crate::aims::{aims, ratio};
use crate::criteria::Criteria;

/// Of `ferry-bench api`.
pub(crate) const CRITERIA: Criteria = Criteria {
    conditions: CONDITIONS,
    ratios: RATIOS,
    aims: aims! {
        "durable creates by 1 writer, of etcd's puts through TLS":
            AtLeast(1.0) Times = |all| ratio(all, "creates 1", "etcd puts by TLS 1");
        "durable creates by 1 writer, of etcd's puts without TLS":
            AtLeast(1.0) Times = |all| ratio(all, "creates 1", "etcd puts 1");
        "durable creates by 16 writers, of etcd's puts through TLS":
            AtLeast(1.0) Times = |all| ratio(all, "creates 16", "etcd puts by TLS 16");
        "durable creates by 16 writers, of etcd's puts without TLS":
            AtLeast(1.0) Times = |all| ratio(all, "creates 16", "etcd puts 16");
        "durable creates by 256 writers, of etcd's puts through TLS":
            AtLeast(1.0) Times = |all| ratio(all, "creates 256", "etcd puts by TLS 256");
        "durable creates by 256 writers, of etcd's puts without TLS":
            AtLeast(1.0) Times = |all| ratio(all, "creates 256", "etcd puts 256");
        "an event at each of 1,000 watchers that share connections, 99 of 100":
            AtMost(10.0) Milliseconds = |all| all.median("watch by streams, p99");
        "the same from the first word of it on":
            AtMost(10.0) Milliseconds = |all| all.median("watch by streams, delivery, p99");
        "how much longer etcd takes through TLS, from a put to 99 of 100 watchers":
            AtLeast(1.0) Times = |all| ratio(all, "etcd watch by TLS, p99", "watch by streams, p99");
        "how much longer etcd takes without TLS":
            AtLeast(1.0) Times = |all| ratio(all, "etcd watch, p99", "watch by streams, p99");
        "an event at each of 1,000 watchers that share none, 99 of 100":
            AtMost(10.0) Milliseconds = |all| all.median("watch, p99");
        "the same from the first word of it on, of 1,000 that share none":
            AtMost(10.0) Milliseconds = |all| all.median("watch, delivery, p99");
        "memory with 10,000 objects of 2 KiB, after they were created":
            AtMost(50.0) Mebibytes = |all| all.median("memory, objects");
        "the same after a start":
            AtMost(50.0) Mebibytes = |all| all.median("memory, objects, after a start");
        "start on an empty directory":
            AtMost(1000.0) Milliseconds = |all| all.median("start-up, empty");
        "start with 10,000 objects":
            AtMost(1000.0) Milliseconds = |all| all.median("start-up, objects");
        "start with 10,000 objects after a kill":
            AtMost(1000.0) Milliseconds = |all| all.median("start-up, objects, after a kill");
        "growth of the data by 10,000 renewals of leases that follow 10,000":
            AtMost(4.0) Mebibytes = |all| all.median("leases, growth by the second half");
        "a get beside 16 writers, 99 of 100":
            AtMost(10.0) Milliseconds = |all| all.median("gets beside 16 writers, p99");
    },
};

const CONDITIONS: &[&str] = &[
    "Client and server share the processors, over loopback. The client's side is one thread, where nothing else is said. Ferry is spoken to through \
     TLS 1.3 with a client certificate, one HTTP/1.1 connection for each writer, reader and watcher; 'by streams' through connections of HTTP/2 \
     that many share, at most 4 for writers and one for 50 watchers.",
    "etcd is spoken to over HTTP/2 with at most 4 connections, as its own benchmark does, and 'creates by streams' has as many. 'By TLS' \
     is with certificates on both sides, as Kubernetes has it; by itself etcd serves that through Go's HTTP server, which is slower \
     than gRPC's own (newer versions can be told not to, with --listen-client-http-urls). Without TLS it has less to do than ferry. It is \
     one member without peers. It puts the bytes that ferry is sent, under as many keys.",
    "Creates are of ConfigMaps whose JSON is 1 KiB, answered once they are durable. Every case has a server with an empty \
     directory, on the same disk, and 250 ms that are not counted.",
    "'yardstick append' writes 1 KiB for each writer to a log that has its space and makes it durable at once: the disk, and nothing else. 'yardstick \
     https' is a server that answers at once with what it was sent, and 'yardstick watch' one that hands each event on: TLS, \
     HTTP and the client, and nothing else.",
    "'watch' is from just before a create is sent to the moment at which a watcher has read its event, over all events and \
     watchers; one create each 50 ms, for five times as long as a rate is measured. Its 'delivery' begins when anybody knows of the create: \
     when it is answered, where etcd's own benchmark begins ('watch-latency'), or when the first watcher has its event, if that is earlier. So the \
     disk is no part of it. etcd's watchers share connections as those 'by streams' do. All are read by several threads, at most as many as there are processors.",
    "'memory' is resident and not shared, once the server has nothing to do. 'start-up' is from the start of the process to \
     its first answer that it is ready. 'growth' is what is allocated on the disk.",
];

const RATIOS: &[(&str, &str)] = &[
    ("creates 1", "etcd puts 1"),
    ("creates 16", "etcd puts 16"),
    ("creates 256", "etcd puts 256"),
    ("creates 1", "etcd puts by TLS 1"),
    ("creates 16", "etcd puts by TLS 16"),
    ("creates 256", "etcd puts by TLS 256"),
    ("creates by streams 1", "etcd puts by TLS 1"),
    ("creates by streams 1", "etcd puts 1"),
    ("creates by streams 16", "etcd puts by TLS 16"),
    ("creates by streams 16", "etcd puts 16"),
    ("creates by streams 256", "etcd puts by TLS 256"),
    ("creates by streams 256", "etcd puts 256"),
    ("creates 1, p99", "etcd puts 1, p99"),
    ("creates 16, p99", "etcd puts 16, p99"),
    ("creates 256, p99", "etcd puts 256, p99"),
    ("creates 1", "yardstick append 1"),
    ("creates 16", "yardstick append 16"),
    ("creates 256", "yardstick append 256"),
    ("creates 1", "yardstick https 1"),
    ("creates 16", "yardstick https 16"),
    ("creates 256", "yardstick https 256"),
    ("watch, p99", "yardstick watch, p99"),
    ("watch by streams, p50", "etcd watch by TLS, p50"),
    ("watch by streams, p99", "etcd watch by TLS, p99"),
    ("watch by streams, p50", "etcd watch, p50"),
    ("watch by streams, p99", "etcd watch, p99"),
    ("gets beside 16 writers, p99", "gets, p99"),
];
