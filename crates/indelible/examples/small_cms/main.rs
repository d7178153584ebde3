//! A small content management system that logs into an Indelible of its own:
//!
//! ```sh
//! cargo run -p indelible --example small_cms
//! ```
//!
//! It prints what to try. The code that matters is in `cms.rs`.

// As the tests do it, so that its own module is found by both.
#[path = "cms.rs"]
mod cms;

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use tokio::net::TcpListener;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "it tells what to try")]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let directory = std::env::args().nth(1).unwrap_or_else(|| "./small-cms-data".to_owned());
    // Opening and the journal's set-up block.
    let cms = tokio::task::spawn_blocking(move || cms::Cms::open(Path::new(&directory))).await??;
    let listener = TcpListener::bind("127.0.0.1:8090").await?;
    let (address, token) = (listener.local_addr()?, cms.auditor_token().to_owned());
    println!("The CMS is at http://{address}. Try, as the user `ana`:\n");
    println!(
        "  curl -X POST http://{address}/admin/posts -H 'x-user: ana' --json '{{\"id\":\"1\",\"title\":\"Hello\",\"body\":\"\"}}'"
    );
    println!(
        "  curl -X PATCH http://{address}/admin/posts/1 -H 'x-user: ana' --json '{{\"title\":\"Good morning\"}}'"
    );
    println!("  curl http://{address}/admin/posts/1/history -H 'x-user: ana'");
    println!(
        "  curl -X POST http://{address}/admin/entries/ID/revert -H 'x-user: ana' --json '{{\"reason\":\"a test\"}}'"
    );
    println!("  curl http://{address}/audit/api/v1/sites/cms/entries -H 'Authorization: Bearer {token}'");
    println!("\nand http://{address}/audit in a browser, signing in with {token}");
    let service = cms.router().into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service)
        .with_graceful_shutdown(async { drop(tokio::signal::ctrl_c().await) })
        .await?;
    tokio::task::spawn_blocking(move || cms.close(Duration::from_secs(10))).await??;
    Ok(())
}
