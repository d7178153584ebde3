//! Talking to the database in secret: with `sslmode=require`, and wherever the server is another machine that offers it.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::errors::engine;
use crate::store::StoreError;

/// Connects as the machine's own certificates allow.
pub(super) fn connector() -> Result<MakeRustlsConnect, StoreError> {
    let what = "preparing secret connections to the database";
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(BuilderVerifierExt::with_platform_verifier)
        .map_err(|error| engine(what, &error))?;
    Ok(MakeRustlsConnect::new(config.with_no_client_auth()))
}
