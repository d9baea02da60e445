//! How long the one writer thinks about a write. Everything that is written to the cluster waits
//! for it, one after the other.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use ferry_api::{Kind, KindVersion};
use ferry_registry::{
    Admission, Body, Context, Document, Draft, FieldValidation, ListOptions, ListStart, Part,
    Patch, Refusal, Request, Review, Selection, State, Target, User, Write, WriteOptions, decide,
};
use ferry_units::WallTime;
use serde_json::{Value, json};

const OBJECTS: usize = 10_000;

struct Open;

impl Admission for Open {
    fn mutate(&self, _: &Review<'_>, _: &mut Document, _: &State) -> Result<(), Refusal> {
        Ok(())
    }

    fn validate(&self, _: &Review<'_>, _: &State) -> Result<Vec<String>, Refusal> {
        Ok(Vec::new())
    }
}

fn now() -> WallTime {
    WallTime::from_unix_seconds(1_795_651_200).expect("it is in this century")
}

/// A virtual machine of some 2 KiB, as a client sends it.
fn machine(name: &str) -> Vec<u8> {
    let disks: Vec<Value> = (0..12)
        .map(|index| json!({ "name": format!("disk-{index}"), "disk": { "bus": "virtio" } }))
        .collect();
    let volumes: Vec<Value> = (0..12)
        .map(|index| {
            let claim = json!({ "claimName": format!("claim-of-{name}-{index}") });
            json!({ "name": format!("disk-{index}"), "persistentVolumeClaim": claim })
        })
        .collect();
    let object = json!({
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachine",
        "metadata": {
            "name": name,
            "namespace": "a",
            "labels": { "app": "db", "tier": "gold", "kubevirt.io/size": "large" },
            "annotations": { "note": "x".repeat(200) },
        },
        "spec": { "runStrategy": "Always", "template": {
            "metadata": { "labels": { "kubevirt.io/domain": name } },
            "spec": {
                "domain": { "devices": { "disks": disks }, "memory": { "guest": "4Gi" } },
                "volumes": volumes,
            },
        } },
    });
    serde_json::to_vec(&object).expect("it is JSON")
}

fn target(name: &str) -> Target {
    Target {
        served: KindVersion::storage(Kind::VirtualMachine),
        namespace: "a".to_owned(),
        name: name.to_owned(),
        part: Part::Main,
    }
}

fn request(target: Target, write: Write) -> Request {
    Request {
        user: User::default().into(),
        target,
        write,
        options: WriteOptions { manager: "bench".to_owned(), ..WriteOptions::default() },
    }
}

fn draft(json: &[u8]) -> Draft {
    let body = Body::json(json).expect("it is an object");
    Draft::read(&target(""), body, FieldValidation::Strict).expect("it fits its schema")
}

fn context(uid: usize) -> Context {
    Context { now: now(), uid: format!("uid-{uid}"), suffixes: vec!["bcdfg".to_owned()] }
}

fn make(state: &mut State, request: &Request) {
    let decision = decide(state, request, &context(state.len()), &Open);
    let change = decision.expect("nothing is refused").change;
    state.apply(change.expect("it is new"), now());
}

fn full() -> State {
    let mut state = State::default();
    let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "a" } });
    let Value::Object(namespace) = namespace else { return state };
    let at = Target {
        served: KindVersion::storage(Kind::Namespace),
        namespace: String::new(),
        name: String::new(),
        part: Part::Main,
    };
    let made = Draft::read(&at, Body::from(namespace), FieldValidation::Strict);
    make(&mut state, &request(at, Write::Create(made.expect("it fits its schema"))));
    for index in 0..OBJECTS {
        let json = machine(&format!("vm-{index:05}"));
        make(&mut state, &request(target(""), Write::Create(draft(&json))));
    }
    state
}

fn benches(criterion: &mut Criterion) {
    let state = full();
    let json = machine("new");
    criterion.bench_function(&format!("read a draft of {} bytes", json.len()), |bencher| {
        bencher.iter(|| draft(black_box(&json)));
    });
    let create = request(target(""), Write::Create(draft(&json)));
    criterion.bench_function("create", |bencher| {
        bencher.iter(|| decide(&state, black_box(&create), &context(OBJECTS + 1), &Open));
    });
    let patch = json!({ "status": { "printableStatus": "Running", "ready": true } });
    let at = Target { part: Part::Status, ..target("vm-05000") };
    let status = request(at, Write::Patch(Patch::Merge(patch)));
    criterion.bench_function("patch the status", |bencher| {
        bencher.iter(|| decide(&state, black_box(&status), &context(OBJECTS + 1), &Open));
    });
    let decision = decide(&state, &create, &context(OBJECTS + 1), &Open);
    let change = decision.expect("nothing is refused").change.expect("it is new");
    let mut ahead = state.speculative();
    criterion.bench_function("apply", |bencher| {
        bencher.iter_batched(
            || change.clone(),
            |change| ahead.apply(change, now()),
            BatchSize::SmallInput,
        );
    });
    let all = Selection::of(Kind::VirtualMachine);
    let options = ListOptions { limit: None, start: ListStart::Newest };
    criterion.bench_function("list 10,000", |bencher| {
        bencher.iter(|| state.list(black_box(&all), &options));
    });
}

criterion_group!(group, benches);
criterion_main!(group);
