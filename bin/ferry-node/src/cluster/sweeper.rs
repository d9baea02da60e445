//! Removes the files of claims that are no more.
//!
//! A file of a claim that somebody has must never go, and what this node knows of the cluster may be
//! old: so the API server is asked about each file once more. A claim is made before its file, and a
//! uid never comes back; so a claim that is not there then is gone for good.

use std::sync::Arc;
use std::time::Duration;

use ferry_client::Cache;
use ferry_reconcile::claims::{self, Image};
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::{Api, Client};
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::guests::Guests;

/// How often files are looked at though no claim has changed: a guest may have held one, or the API
/// server may have been away. Nobody waits for it.
const EVERY: Duration = Duration::from_secs(30);

/// Looks at the files of claims whenever `changed` says that one has gone, for ever.
pub(crate) async fn sweep(client: Client, cache: Cache, guests: Guests, changed: Arc<Notify>) {
    cache.filled().await;
    loop {
        if let Err(error) = sweep_once(&client, &cache, &guests).await {
            tracing::warn!(error = format!("{error:#}"), "files of claims are left over");
        }
        tokio::select! {
            () = changed.notified() => {}
            () = sleep(EVERY) => {}
        }
    }
}

async fn sweep_once(client: &Client, cache: &Cache, guests: &Guests) -> anyhow::Result<()> {
    let unused = guests.unused_images()?;
    for image in claims::left_over(cache, &unused) {
        if is_gone(client, image).await? {
            guests.remove_image(image)?;
            let Image { namespace, name, uid } = image;
            tracing::info!(%namespace, %name, %uid, "the file of a claim has gone with it");
        }
    }
    Ok(())
}

async fn is_gone(client: &Client, image: &Image) -> anyhow::Result<bool> {
    let api = Api::<PersistentVolumeClaim>::namespaced(client.clone(), &image.namespace);
    Ok(claims::is_over(image, api.get_opt(&image.name).await?.as_ref()))
}
