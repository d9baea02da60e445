//! The end of the server with requests under way.

use std::time::Duration;

use http::StatusCode;
use http_body_util::BodyExt;
use tokio::net::TcpStream;

use super::client::Client;
use super::handler::Fixture;
use super::{BOTH, Limits};

#[tokio::test]
async fn watches_end_in_good_order_and_nobody_else_comes_in() {
    for protocol in BOTH {
        let fixture = Fixture::start(Limits::DEFAULT).await;
        let mut client = Client::connect(&fixture, protocol, Some("ann")).await;
        let mut idle = Client::connect(&fixture, protocol, Some("ann")).await;
        assert_eq!(idle.get("/whoami", &[]).await.0, StatusCode::OK);
        let mut body = client.send("/watch", &[]).await.unwrap().into_body();
        let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!(first, "begun\n");
        fixture.stop.begin();
        let rest = body.collect().await.unwrap().to_bytes();
        assert_eq!(rest, "ended\n", "{protocol:?}");
        fixture.served.await.unwrap();
        idle.ended().await;
        client.ended().await;
        assert!(TcpStream::connect(fixture.address).await.is_err());
    }
}

#[tokio::test]
async fn what_does_not_end_is_cut_off() {
    let grace = Duration::from_millis(60);
    for protocol in BOTH {
        let fixture = Fixture::start(Limits { grace, ..Limits::DEFAULT }).await;
        let mut client = Client::connect(&fixture, protocol, Some("ann")).await;
        // Nothing comes back before the end, so this is known to be stuck by what comes after it.
        let mut other = Client::connect(&fixture, protocol, Some("ann")).await;
        let (stuck, ()) = tokio::join!(client.try_get("/stuck", &[]), async {
            assert_eq!(other.get("/whoami", &[]).await.0, StatusCode::OK);
            fixture.stop.begin();
        });
        assert!(stuck.is_err(), "{protocol:?}");
        fixture.served.await.unwrap();
    }
}
