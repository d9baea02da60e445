//! Which of several controllers works: the one that holds a lease.
//!
//! Whoever places pods, or lets migrations begin, has to be alone. A controller that leads renews the
//! lease every two seconds, and ends if it could not for ten; one that waits takes the lease once it has
//! not seen it change for fifteen. It goes by its own clock: calendars of two machines may differ.
//!
//! ```text
//!  lease seen to change ──15 s──► anybody may take it
//!  lease renewed ──10 s──► its holder has ended
//! ```

use std::fs;
use std::time::Duration;

use anyhow::anyhow;
use ferry_client::Calendar;
use ferry_runtime::{Clock, entropy};
use ferry_units::Instant;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{Api, ObjectMeta, PostParams};
use kube::{Client, Error};
use serde_json::json;
use tokio::time::{sleep, timeout};

/// Where upstream's components have theirs.
const NAMESPACE: &str = "kube-system";
const NAME: &str = "ferry-controller";

/// How long a lease is good that is not renewed, how long its holder tries to, and how often.
// PARITY: staging/src/k8s.io/component-base/config/v1alpha1/defaults.go#RecommendedDefaultLeaderElectionConfiguration
const GOOD_FOR: Duration = Duration::from_secs(15);
const RENEW_LIMIT: Duration = Duration::from_secs(10);
const EVERY: Duration = Duration::from_secs(2);

/// One that would lead, or does.
pub(crate) struct Candidate {
    leases: Api<Lease>,
    identity: String,
    clock: Clock,
    calendar: Calendar,
    seen: Option<Seen>,
}

/// What a lease said when it was last seen to change.
#[derive(Clone, Debug)]
struct Seen {
    spec: LeaseSpec,
    at: Instant,
}

impl Candidate {
    pub(crate) fn new(client: Client, calendar: Calendar) -> Self {
        let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let number = u64::from_le_bytes(entropy::bytes());
        Self {
            leases: Api::namespaced(client, NAMESPACE),
            identity: format!("{}_{number:016x}", host.trim()),
            clock: Clock::system(),
            calendar,
            seen: None,
        }
    }

    /// Waits until it leads.
    pub(crate) async fn win(&mut self) {
        let mut told = None;
        loop {
            match timeout(RENEW_LIMIT, self.attempt()).await {
                Ok(Ok(true)) => {
                    tracing::info!(identity = self.identity, "leads");
                    return;
                }
                Ok(Ok(false)) => {
                    let holder = self.seen.as_ref().and_then(|seen| holder(&seen.spec));
                    if told.as_deref() != holder {
                        tracing::info!(holder, "another one leads; waiting");
                        told = holder.map(str::to_owned);
                    }
                }
                Ok(Err(error)) => tracing::debug!(%error, "the lease cannot be had"),
                Err(_) => tracing::debug!("the lease cannot be had: no answer"),
            }
            sleep(EVERY).await;
        }
    }

    /// Goes on leading, and says why it does not any more.
    pub(crate) async fn hold(&mut self) -> anyhow::Error {
        let mut end = self.clock.now() + RENEW_LIMIT;
        loop {
            sleep(EVERY).await;
            let now = self.clock.now();
            match timeout(end.since(now), self.attempt()).await {
                Ok(Ok(true)) => end = now + RENEW_LIMIT,
                Ok(Ok(false)) => tracing::debug!("the lease is not as it was seen"),
                Ok(Err(error)) => tracing::debug!(%error, "the lease is not renewed"),
                Err(_) => tracing::debug!("the lease is not renewed: no answer"),
            }
            let holder = self.seen.as_ref().and_then(|seen| holder(&seen.spec));
            if let Some(other) = holder.filter(|holder| *holder != self.identity) {
                return anyhow!("{other} has taken the lease {NAMESPACE}/{NAME}, and leads");
            }
            if self.clock.now() >= end {
                return anyhow!(
                    "the lease {NAMESPACE}/{NAME} was not renewed for {RENEW_LIMIT:?}: another one may \
                     lead by now"
                );
            }
        }
    }

    /// Lets whoever waits lead at once. If that fails, it leads when the lease is over.
    pub(crate) async fn release(&mut self) {
        let release = async {
            let Some(mut lease) = self.leases.get_opt(NAME).await? else { return Ok(()) };
            let spec = lease.spec.get_or_insert_default();
            if holder(spec) == Some(&self.identity) {
                spec.holder_identity = Some(String::new());
                spec.lease_duration_seconds = Some(1);
                self.leases.replace(NAME, &PostParams::default(), &lease).await?;
            }
            Ok::<_, Error>(())
        };
        match timeout(EVERY, release).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "the lease is not released"),
            Err(_) => tracing::debug!("the lease is not released: no answer"),
        }
    }

    /// Takes the lease or renews it, if it can be had. Whether it is this one's then.
    // PARITY: staging/src/k8s.io/client-go/tools/leaderelection/leaderelection.go#tryAcquireOrRenew
    async fn attempt(&mut self) -> Result<bool, Error> {
        let params = PostParams::default();
        let written = match self.leases.get_opt(NAME).await? {
            None => {
                let metadata = ObjectMeta { name: Some(NAME.to_owned()), ..ObjectMeta::default() };
                let spec = claimed(&LeaseSpec::default(), &self.identity, self.time());
                self.leases.create(&params, &Lease { metadata, spec: Some(spec) }).await
            }
            Some(mut lease) => {
                let (spec, now) = (lease.spec.take().unwrap_or_default(), self.clock.now());
                let seen = Seen::of(self.seen.take(), spec, now);
                let can_be_had = seen.can_be_had(&self.identity, now);
                let spec = claimed(&seen.spec, &self.identity, self.time());
                self.seen = Some(seen);
                if !can_be_had {
                    return Ok(false);
                }
                lease.spec = Some(spec);
                self.leases.replace(NAME, &params, &lease).await
            }
        };
        match written {
            Ok(lease) => {
                let spec = lease.spec.unwrap_or_default();
                self.seen = Some(Seen { spec, at: self.clock.now() });
                Ok(true)
            }
            // Somebody was faster.
            Err(Error::Api(status)) if status.is_conflict() || status.is_already_exists() => {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    fn time(&self) -> MicroTime {
        let text = json!((self.calendar)().to_micros());
        serde_json::from_value(text).expect("it is written as Kubernetes does")
    }
}

impl Seen {
    /// What is seen now, `before` having been seen last.
    fn of(before: Option<Self>, spec: LeaseSpec, now: Instant) -> Self {
        let at = before.filter(|before| before.spec == spec).map_or(now, |before| before.at);
        Self { spec, at }
    }

    fn can_be_had(&self, identity: &str, now: Instant) -> bool {
        holder(&self.spec).is_none_or(|holder| holder == identity) || {
            let seconds = self.spec.lease_duration_seconds.and_then(|it| u64::try_from(it).ok());
            now >= self.at + seconds.map_or(GOOD_FOR, Duration::from_secs)
        }
    }
}

fn holder(spec: &LeaseSpec) -> Option<&str> {
    spec.holder_identity.as_deref().filter(|holder| !holder.is_empty())
}

/// The lease as it is once it is this one's.
fn claimed(before: &LeaseSpec, identity: &str, time: MicroTime) -> LeaseSpec {
    let is_renewed = holder(before) == Some(identity);
    let transitions = before.lease_transitions.unwrap_or_default();
    let is_new = before.acquire_time.is_none();
    LeaseSpec {
        holder_identity: Some(identity.to_owned()),
        lease_duration_seconds: i32::try_from(GOOD_FOR.as_secs()).ok(),
        acquire_time: before.acquire_time.clone().filter(|_| is_renewed).or(Some(time.clone())),
        lease_transitions: Some(transitions.saturating_add((!is_renewed && !is_new).into())),
        renew_time: Some(time),
        ..before.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(holder: &str, renewed: &str) -> LeaseSpec {
        let text = json!({
            "holderIdentity": holder, "leaseDurationSeconds": 15, "leaseTransitions": 3,
            "acquireTime": "2026-11-26T00:00:00.000000Z", "renewTime": renewed,
        });
        serde_json::from_value(text).unwrap()
    }

    const FIRST: &str = "2026-11-26T00:00:02.000000Z";
    const SECOND: &str = "2026-11-26T00:00:04.000000Z";

    #[test]
    fn parity_a_lease_is_had_by_its_holder_and_by_others_once_it_has_not_changed_for_long() {
        let start = Clock::system().now();
        let at = |second: u64| start + Duration::from_secs(second);
        let seen = Seen::of(None, spec("other", FIRST), at(0));
        assert!(seen.can_be_had("other", at(0)));
        assert!(!seen.can_be_had("me", at(14)));
        // It is looked at again, and is as it was.
        let seen = Seen::of(Some(seen), spec("other", FIRST), at(14));
        assert!(!seen.can_be_had("me", at(14)) && seen.can_be_had("me", at(15)));
        // It was renewed meanwhile.
        let seen = Seen::of(Some(seen), spec("other", SECOND), at(15));
        assert!(!seen.can_be_had("me", at(29)) && seen.can_be_had("me", at(30)));
        // It was let go.
        assert!(Seen::of(Some(seen), spec("", SECOND), at(16)).can_be_had("me", at(16)));
    }

    #[test]
    fn parity_a_lease_says_since_when_it_is_whose_and_how_often_it_has_changed_hands() {
        let time = |text: &str| -> MicroTime { serde_json::from_value(json!(text)).unwrap() };
        let renewed = claimed(&spec("me", FIRST), "me", time(SECOND));
        assert_eq!(renewed, spec("me", SECOND));
        for before in [spec("other", FIRST), spec("", FIRST)] {
            let taken = claimed(&before, "me", time(SECOND));
            assert_eq!(taken.acquire_time, Some(time(SECOND)));
            assert_eq!(
                (taken.lease_transitions, taken.lease_duration_seconds),
                (Some(4), Some(15))
            );
        }
        let made = claimed(&LeaseSpec::default(), "me", time(FIRST));
        assert_eq!(made.lease_transitions, Some(0));
        assert_eq!(
            (made.acquire_time.clone(), made.renew_time),
            (made.acquire_time, Some(time(FIRST)))
        );
    }
}
