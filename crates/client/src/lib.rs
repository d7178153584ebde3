//! For Rust programs that send entries to an Indelible server.
//!
//! An [`Entry`] says who did what to what; a [`Client`] sends it and answers with a [`Receipt`]: the place
//! that the entry has in its site's log from now on. A receipt means that the entry is durable and readable.
//!
//! ```no_run
//! use client::{Actor, Client, Entry, Origin};
//!
//! # #[derive(serde::Serialize)]
//! # struct Page { title: &'static str }
//! # async fn publish() -> Result<(), client::Error> {
//! # let (before, after) = (Page { title: "Hom" }, Page { title: "Home" });
//! let client = Client::new("https://audit.example.com", "the token of `indelible token create`")?;
//!
//! let entry = Entry::new("page.publish", "page", "1002")
//!     .actor(Actor::user("42").name("Ana").role("editor"))
//!     .title("Home")
//!     .summary("Published Home")
//!     .before(&before)
//!     .after(&after)
//!     .origin(Origin::new().method("POST").path("/home"));
//!
//! let receipt = client.append("acme.www", &entry).await?;
//! println!("entry {} is at index {}", receipt.id, receipt.index);
//! # Ok(())
//! # }
//! ```
//!
//! # Sending again
//! Every entry has an id from the moment it is made, and a log takes an id once: the same entry sent again
//! is answered with the receipt it already has, however much later. So the client tries again by itself
//! when the server cannot be reached or asks for patience (see [`Settings`]), and a program may send again
//! whatever it got no receipt for.
//!
//! # Nothing is dropped
//! A value that cannot be written as JSON, an entry that the server refuses and an answer that makes no
//! sense are all errors ([`Error`], [`Refusal`]); none of them is passed over.
//!
//! The client needs a tokio runtime. It keeps nothing on disk: what is not sent when the process ends is lost.

mod client;
mod send;

mod answer;
mod batch;

mod entry;
mod who;

mod error;

pub use answer::Receipt;
pub use client::Client;
pub use entry::{Entry, Kind, Outcome};
pub use error::{Error, Problem, Refusal};
pub use send::Settings;
pub use who::{Actor, Origin, Principal};
