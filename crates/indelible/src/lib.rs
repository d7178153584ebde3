//! Indelible: the audit log for content platforms. Who changed what, when, provably.
//!
//! This is the product as a library; the binary of the same name is [`cli`] around it. A module uses only
//! those above it here:
//!
//! | module | is |
//! |---|---|
//! | [`clock`], [`entropy`], [`keys`] | what the outside world gives: time, randomness, the signing seed |
//! | [`store`] | where the truth lies |
//! | [`settings`] | what a site's administrators set |
//! | [`journal`] | how an entry gets into its log: the heart |
//! | [`search`] | how entries are found |
//! | [`copy`] | moving an installation from one store to another |
//! | [`access`] | who may see and do what |
//! | [`oidc`] | single sign-on: having a provider say who somebody is |
//! | [`hosts`] | who owns the entities and puts them back |
//! | [`revert`] | taking changes back, at the hosts that own the entities |
//! | `in_process` | logging from the program that holds the installation |
//! | [`removal`] | retention, erasure, and what is said of what was removed |
//! | [`jobs`] | longer work: verifying a log |
//! | [`rotation`] | other signing keys, beside the old ones for a while |
//! | [`backup`] | copies of an installation, and the ceremony that brings one back |
//! | [`witnessing`], [`witness`] | asking outside witnesses to cosign; being one for others |
//! | [`connect`] | foreign entries in |
//! | [`capture`] | changes of a database in, whatever made them |
//! | [`demo`] | the demo's data |
//! | [`export`] | entries out, in the forms of other systems |
//! | [`api`] | the HTTP API |
//! | [`dialects`] | HTTP APIs of other systems |
//! | [`ui`] | the web screens |
//! | [`server`] | both of them, served |
//! | [`cli`], [`config`] | the commands and the settings |

pub mod clock;
pub mod entropy;
pub mod keys;
pub mod metrics;

mod causes;
mod files;
mod repeat;

pub mod store;

pub mod settings;
mod sites;

pub mod journal;
pub mod search;
pub mod trail;
pub mod umbrella;

pub mod copy;

pub mod access;
pub mod hosts;
pub mod oidc;
pub mod refusals;

pub mod auditor;
pub mod backup;
pub mod capture;
pub mod evidence;
mod in_process;
mod instance;
pub mod jobs;
pub mod public_log;
pub mod receipts;
pub mod removal;
pub mod revert;
pub mod rotation;
pub mod witness;
pub mod witnessing;

pub mod connect;
pub mod demo;

mod form;
mod mounted;

pub mod export;

pub mod api;
pub mod dialects;
pub mod ui;

mod connections;
pub mod server;

pub mod cli;
pub mod config;

pub use instance::{ConfigureError, Indelible, OpenError, OpenOptions};

pub(crate) use instance::BACKUP_FILE;
pub use sites::Sites;
