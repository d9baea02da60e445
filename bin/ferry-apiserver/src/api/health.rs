//! Whether the server is well.

use std::collections::BTreeSet;

use http::StatusCode;

use super::answer::{self, Answer};
use super::backend::{Check, CheckScope};
use super::path::{Health, Query};

/// The answer about the server's health. Without details it is `ok`, which is all that most ask.
// PARITY: apiserver/pkg/server/healthz/healthz.go#handleRootHealth
pub(super) fn answer(health: &Health, query: &Query, checks: &[Check]) -> Answer {
    let counts = |check: &&Check| health.endpoint == "readyz" || check.scope == CheckScope::Alive;
    let mut checks: Vec<&Check> = checks.iter().filter(counts).collect();
    if let Some(name) = &health.check {
        checks.retain(|check| check.name == name);
        if checks.is_empty() {
            return answer::no_page();
        }
    }
    let mut excluded: BTreeSet<&str> = query.all("exclude").collect();
    let mut lines = String::new();
    let mut is_well = true;
    for check in checks {
        let name = check.name;
        match &check.problem {
            _ if excluded.remove(name) => lines.extend(["[+]", name, " excluded: ok\n"]),
            None => lines.extend(["[+]", name, " ok\n"]),
            // What it is goes into the log: anybody may ask here.
            Some(_) => {
                is_well = false;
                lines.extend(["[-]", name, " failed: reason withheld\n"]);
            }
        }
    }
    if !excluded.is_empty() {
        let quoted: Vec<_> = excluded.iter().map(|name| format!("\"{name}\"")).collect();
        let names = quoted.join(", ");
        lines.push_str("warn: some health checks cannot be excluded: no matches for ");
        lines.extend([&*names, "\n"]);
    }
    let endpoint = health.endpoint;
    if !is_well {
        let text = format!("{lines}{endpoint} check failed\n");
        return answer::text(StatusCode::INTERNAL_SERVER_ERROR, text);
    }
    if query.get("verbose").is_some() && health.check.is_none() {
        return answer::text(StatusCode::OK, format!("{lines}{endpoint} check passed\n"));
    }
    answer::text(StatusCode::OK, "ok")
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn parity_it_is_ok_or_it_is_said_which_check_failed() {
        let checks = |problem: Option<&str>| {
            vec![
                Check { name: "ping", scope: CheckScope::Alive, problem: None },
                Check { name: "journal", scope: CheckScope::Alive, problem: None },
                Check {
                    name: "shutdown",
                    scope: CheckScope::Ready,
                    problem: problem.map(str::to_owned),
                },
            ]
        };
        let failed = "[+]ping ok\n[+]journal ok\n[-]shutdown failed: reason withheld\n\
                      readyz check failed\n";
        let warned = "[+]ping ok\n[+]journal excluded: ok\n[+]shutdown ok\n\
                      warn: some health checks cannot be excluded: no matches for \"moon\", \"nope\"\n\
                      readyz check passed\n";
        let unknown = "verbose&exclude=nope&exclude=journal&exclude=moon";
        for (endpoint, check, query, problem, code, text) in [
            ("readyz", None, unknown, None, 200, warned),
            ("readyz", None, "exclude=nope", None, 200, "ok"),
            ("healthz", None, "", None, 200, "ok"),
            ("readyz", None, "", None, 200, "ok"),
            ("readyz", None, "", Some("stopping"), 500, failed),
            ("livez", None, "", Some("stopping"), 200, "ok"),
            ("readyz", None, "exclude=shutdown", Some("stopping"), 200, "ok"),
            ("readyz", Some("ping"), "", Some("stopping"), 200, "ok"),
            ("readyz", Some("journal"), "", None, 200, "ok"),
            ("readyz", Some("moon"), "", None, 404, "404 page not found\n"),
            (
                "livez",
                None,
                "verbose",
                None,
                200,
                "[+]ping ok\n[+]journal ok\nlivez check passed\n",
            ),
        ] {
            let health = Health { endpoint, check: check.map(str::to_owned) };
            let answer = answer(&health, &Query::parse(query), &checks(problem));
            assert_eq!(answer.status().as_u16(), code, "{endpoint} {check:?} {query}");
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(String::from_utf8(body.to_vec()).unwrap(), text);
        }
    }
}
