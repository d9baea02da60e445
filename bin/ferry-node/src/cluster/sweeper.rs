//! Removes the files of claims that are no more.
//!
//! A file of a claim that somebody has must never go, and what this node knows of the cluster may be
//! old: so the API server is asked about each file once more. A claim is made before its file, and a
//! uid never comes back; so a claim that is not there then is gone for good.

use std::io;
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
            tracing::warn!(%error, "cannot tell which files of claims there are");
        }
        tokio::select! {
            () = changed.notified() => {}
            () = sleep(EVERY) => {}
        }
    }
}

async fn sweep_once(client: &Client, cache: &Cache, guests: &Guests) -> io::Result<()> {
    let unused = guests.unused_images()?;
    for image in claims::left_over(cache, &unused) {
        let Image { namespace, name, uid } = image;
        // One that cannot be removed is in the way of no other.
        match remove(client, guests, image).await {
            Ok(true) => {
                tracing::info!(%namespace, %name, %uid, "the file of a claim has gone with it");
            }
            Ok(false) => {}
            Err(error) => {
                let error = format!("{error:#}");
                tracing::warn!(%namespace, %name, %uid, error, "the file of a claim is left over");
            }
        }
    }
    Ok(())
}

/// Removes a file if its claim is gone, and says whether it was.
async fn remove(client: &Client, guests: &Guests, image: &Image) -> anyhow::Result<bool> {
    let is_gone = is_gone(client, image).await?;
    if is_gone {
        guests.remove_image(image)?;
    }
    Ok(is_gone)
}

async fn is_gone(client: &Client, image: &Image) -> anyhow::Result<bool> {
    let api = Api::<PersistentVolumeClaim>::namespaced(client.clone(), &image.namespace);
    Ok(claims::is_over(image, api.get_opt(&image.name).await?.as_ref()))
}
