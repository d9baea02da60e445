//! What a program that works on the cluster needs: caches of its objects that are a
//! [`View`](ferry_api::View), and hands that carry out a [`Plan`](ferry_reconcile::Plan).
