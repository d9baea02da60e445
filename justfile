# What one does with this repository. CI runs the same recipes (`.ci/run`).

# A failure in the middle of a pipe is a failure.
set shell := ["bash", "-euo", "pipefail", "-c"]
# Comments are for readers of this file, not for the log.
set ignore-comments

# This list
default:
    @just --list

# Everything that can be said without running the product: style, lints, rules, documents
check: && doc
    cargo fmt --all --check
    # --all-targets compiles tests and benches too, so that none rots between two runs of it.
    cargo clippy --workspace --all-targets --locked -- -D warnings
    # The rules of the house are tests: floors, waterline, wings, what source may not say.
    cargo test --package ferry-tidy --locked --quiet

# Every test: units, integration, examples in the documents. Property tests try the same cases each time: `PROPTEST_RNG_SEED=…` tries others, and `cargo test` always does
test:
    PROPTEST_RNG_SEED="${PROPTEST_RNG_SEED:-20261123}" cargo test --workspace --locked

# The programs of the profile `profile`: `testbed` (Cargo.toml) unless `just profile=release …` or `profile=dev` says otherwise
profile := 'testbed'
target := env('CARGO_TARGET_DIR', 'target')
programs := target / if profile == 'dev' { 'debug' } else { profile }

# The five programs that a testbed consists of
build:
    cargo build --locked --profile {{ profile }} --package ferry --package ferry-apiserver --package ferry-controller --package ferry-guest --package ferry-node

# A cluster on this machine: `just testbed up [--nodes N] [--topology FILE] [--netns] [--semantics documented|kubevirt] [--dir DIR]`, then status, logs, link, down
testbed *ARGS: build
    {{ programs }}/ferry testbed {{ ARGS }}

# A guided tour in under a minute, on the testbed that $KUBECONFIG names, or one of its own
demo *ARGS: build
    {{ programs }}/ferry demo {{ ARGS }}

# One crate alone, while its neighbours do not compile
crate NAME:
    cargo fmt --package {{ NAME }} --check
    cargo clippy --package {{ NAME }} --all-targets --locked -- -D warnings
    cargo test --package {{ NAME }} --locked

# One bench in release, or all of criterion's; `transfer` is migrations, `peers` QEMU's beside them, `api` the API server: `just bench api --rounds 1 -o json`
bench NAME='*' *ARGS:
    {{ if NAME =~ '^(transfer|peers)$' { 'cargo build --release --locked --package ferry-guest --package ferry-bench' } else { '' } }}
    {{ if NAME == 'api' { 'cargo build --release --locked --package ferry-apiserver --package ferry-bench' } else { '' } }}
    # Nothing else should run meanwhile. With QEMU or etcd installed, they are measured beside ferry.
    # --bench leaves out the unit tests, which would not know criterion's flags.
    {{ if NAME =~ '^(transfer|peers|api)$' { target / 'release/ferry-bench ' + NAME + ' ' + ARGS } else { "cargo bench --locked --bench '" + NAME + "' -- " + ARGS } }}

# One busy guest, moved so many times with settings drawn from a seed (FERRY_SOAK_SEED repeats a run), verified each time
soak HOPS='200':
    FERRY_SOAK_HOPS={{ HOPS }} cargo test --release --locked --package ferry-scenarios --test transfer -- soak:: --nocapture

# The documents, with every link followed: a broken one fails
doc:
    RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --locked
