//! Cutting connections that hang.

use super::Empty;
use crate::qapi::{qapi_enum, qapi_struct, qapi_union};

qapi_enum! {
    /// What may have a connection that hangs.
    pub enum YankInstanceType: "YankInstanceType" {
        /// A disk over the network.
        BlockNode => "block-node",
        /// A character device.
        Chardev => "chardev",
        /// The migration.
        Migration => "migration",
    }
}

qapi_union! {
    /// What has a connection that could be cut.
    #[derive(Eq)]
    pub enum YankInstance: "YankInstance" by "type": YankInstanceType {
        /// A disk over the network.
        BlockNode(YankInstanceBlockNode),
        /// A character device.
        Chardev(YankInstanceChardev),
        /// The migration.
        Migration(Empty),
    }
}

qapi_struct! {
    /// A disk over the network.
    #[derive(Eq)]
    pub struct YankInstanceBlockNode: "YankInstanceBlockNode" {
        /// Its node.
        pub node_name: String => "node-name",
    }
}

qapi_struct! {
    /// A character device.
    #[derive(Eq)]
    pub struct YankInstanceChardev: "YankInstanceChardev" {
        /// Its name.
        pub id: String => "id",
    }
}

qapi_struct! {
    /// Cuts the connections of these.
    #[derive(Eq)]
    pub struct Yank: "q_obj_yank-arg" {
        /// Whose.
        pub instances: Vec<YankInstance> => "instances",
    }
}
