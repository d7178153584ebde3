//! The client against a server that plays an Indelible server's answers, good and bad.

// Marked as tests, so that helpers may unwrap as tests do.
#[cfg(test)]
mod append;
#[cfg(test)]
mod append_all;
#[cfg(test)]
mod retry;
#[cfg(test)]
mod server;
