//! The client against a server that plays an Indelible server's answers, good and bad.

// Marked as tests, so that helpers may unwrap as tests do.
#[cfg(test)]
mod append;
#[cfg(test)]
mod append_all;
#[cfg(test)]
mod context;
#[cfg(test)]
#[cfg(feature = "derive")]
mod derive;
#[cfg(test)]
#[cfg(feature = "axum")]
mod layer;
#[cfg(test)]
mod log;
#[cfg(test)]
mod outbox_crash;
#[cfg(test)]
mod retry;
#[cfg(test)]
mod server;
#[cfg(test)]
mod table;
