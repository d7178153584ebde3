//! `indelible serve` and `indelible demo`: processes that others talk to while commands run beside them.

use reqwest::header::{COOKIE, HOST, SET_COOKIE};
use reqwest::{Client, StatusCode, redirect};
use serde_json::{Value, json};

use crate::program::Place;
use crate::support::{entry, json as body_of};

fn client() -> Client {
    Client::builder().redirect(redirect::Policy::none()).build().unwrap()
}

async fn get(client: &Client, url: &str, token: &str) -> (StatusCode, Value) {
    body_of(client.get(url).bearer_auth(token).send().await.unwrap()).await
}

#[tokio::test]
async fn a_new_installation_prints_a_link_that_signs_in_once() {
    let place = Place::empty();
    let mut serving = place.start("serve --listen 127.0.0.1:0");
    let url = serving.after("Indelible is at ");
    let link = serving.after("  http");
    let link = format!("http{link}");
    assert!(link.starts_with(&format!("{url}/sign-in?link=")), "{link}");
    let client = client();
    let looked = client.head(&link).send().await.unwrap();
    assert!(looked.headers().get(SET_COOKIE).is_none(), "looking at the link does not use it up");
    let first = client.get(&link).send().await.unwrap();
    assert_eq!(first.status(), 303);
    let cookie = first.headers()[SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    let again = client.get(&link).send().await.unwrap();
    assert_eq!(again.status(), 401, "it is used up");
    assert!(again.headers().get(SET_COOKIE).is_none());

    let with_cookie = |path: &str| client.get(format!("{url}{path}")).header(COOKIE, cookie.as_str()).send();
    let (status, sites) = body_of(with_cookie("/api/v1/sites").await.unwrap()).await;
    assert_eq!((status.as_u16(), &sites["data"][0]["id"]), (200, &json!("_system")), "a super admin");
    assert_eq!(with_cookie("/").await.unwrap().status(), 200, "the screens too");
    drop(client);
    let ended = serving.stop();
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), ""), "{ended:?}");

    let mut serving = place.start("serve --listen 127.0.0.1:0");
    serving.after("Indelible is at ");
    assert_eq!(serving.stop().out, "", "the link is for the first start only");
    let mut serving = place.start("serve --listen 127.0.0.1:0 --sign-in-link");
    serving.after("/sign-in?link=");
    serving.stop();
}

#[tokio::test]
async fn commands_take_effect_on_a_running_server_at_once() {
    let place = Place::new();
    let mut serving = place.start("serve --listen 127.0.0.1:0");
    let url = serving.after("Indelible is at ");
    let client = client();
    let root = place.does("token create --name root --role super_admin");
    let root = root.trim();
    let (status, sites) = get(&client, &format!("{url}/api/v1/sites"), root).await;
    assert_eq!((status.as_u16(), sites["data"].as_array().unwrap().len()), (200, 2), "the token works");

    let list = format!("{url}/api/v1/sites/blog/entries");
    assert_eq!(get(&client, &list, root).await.0, 404);
    place.does("site create blog");
    assert_eq!(get(&client, &list, root).await.0, 200, "the site is there");

    let line = entry(r#","summary":"imported""#);
    assert_eq!(place.run_with("import --site blog --format ndjson -", &line).code, Some(0));
    let (_, page) = get(&client, &list, root).await;
    assert_eq!(page["data"][0]["summary"], "imported", "the entry is there");

    // And the other way: both append to one log, in turns.
    for round in 1..4_u64 {
        let sent = client.post(&list).bearer_auth(root).body(entry("")).send().await.unwrap();
        let (status, receipt) = body_of(sent).await;
        assert_eq!((status.as_u16(), &receipt["index"]), (201, &json!(2 * round - 1)));
        let line = entry(&format!(r#","summary":"round {round}""#));
        assert_eq!(place.run_with("import --site blog --format ndjson -", &line).code, Some(0));
        let found = place.does("query --site blog --format ndjson --limit 1 sort=-recorded_at");
        assert_eq!(serde_json::from_str::<Value>(&found).unwrap()["index"], 2 * round);
    }
    assert_eq!(place.run("verify").code, Some(0));

    place.does("token revoke root");
    let (status, problem) = get(&client, &list, root).await;
    assert_eq!((status.as_u16(), &problem["code"]), (401, &json!("unauthenticated")), "the token is ended");
}

#[tokio::test]
async fn a_taken_port_is_told() {
    let place = Place::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    for command in ["serve", "demo"] {
        let message = place.fails(&format!("{command} --listen {address}"), 1);
        let expected = format!("cannot listen on {address}");
        assert!(message.contains(&expected) && message.contains("Choose another with --listen"), "{message}");
    }
    assert_eq!(place.temporary(), Vec::<std::path::PathBuf>::new(), "the demo left nothing behind");
}

#[tokio::test]
async fn the_demo_lets_in_this_machine_only_and_leaves_nothing() {
    let place = Place::empty();
    let mut demo = place.start("demo --listen 127.0.0.1:0");
    let url = demo.after("  http://");
    let url = format!("http://{}", url.trim_end_matches('/'));
    let port = url.rsplit_once(':').unwrap().1.to_owned();
    assert_eq!(place.temporary().len(), 1);
    let client = client();
    let (status, sites) = body_of(client.get(format!("{url}/api/v1/sites")).send().await.unwrap()).await;
    assert_eq!(status, 200, "{sites}");
    let filled = |site: &&Value| site["entries"].as_u64().unwrap() > 0;
    assert_eq!(
        sites["data"].as_array().unwrap().iter().filter(filled).count(),
        8,
        "seven sites and `_system`"
    );
    assert_eq!(client.get(&url).send().await.unwrap().status(), 200, "the screens too");
    assert_eq!(get(&client, &format!("{url}/api/v1/sites"), "idl_wrong").await.0, 401);

    takes_changes_back(&client, &url).await;

    for host in
        ["evil.example", "127.0.0.1.evil.example", &format!("evil.example:{port}"), "localhost.evil.example"]
    {
        for path in ["/api/v1/sites", "/", "/healthz"] {
            let answer = client.get(format!("{url}{path}")).header(HOST, host).send().await.unwrap();
            assert_eq!(answer.status(), 403, "{host} {path}");
        }
    }
    for host in [format!("localhost:{port}"), format!("[::1]:{port}"), "localhost".to_owned()] {
        let answer = client.get(format!("{url}/api/v1/sites")).header(HOST, &host).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{host}");
    }
    drop(client);
    let ended = demo.stop();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(place.temporary(), Vec::<std::path::PathBuf>::new(), "its directory is gone");
    assert!(!place.data().exists(), "and it never touched the real one");
}

/// The demo has a host behind it: what is reverted really is as it was.
async fn takes_changes_back(client: &Client, url: &str) {
    for site in ["acme.www", "acme.docs", "northwind.shop", "fern.telecom"] {
        let api = format!("{url}/api/v1/sites/{site}");
        let read = async |path: String| body_of(client.get(path).send().await.unwrap()).await.1;
        let list = read(format!("{api}/entries?kind=update&limit=40")).await;
        let mut reverted = 0;
        for entry in list["data"].as_array().unwrap() {
            let one = format!("{api}/entries/{}", entry["id"].as_str().unwrap());
            let plan = body_of(client.post(format!("{one}/revert?preview=true")).send().await.unwrap()).await;
            if plan.0 != 200 || plan.1["conflicts"] != serde_json::json!([]) {
                continue;
            }
            let (status, done) = body_of(client.post(format!("{one}/revert")).send().await.unwrap()).await;
            assert_eq!(status, 201, "{done}");
            let (kind, id) =
                (entry["entity"]["type"].as_str().unwrap(), entry["entity"]["id"].as_str().unwrap());
            let state = read(format!("{api}/entities/{kind}/{}/state", id.replace('/', "%2F"))).await;
            for (path, value) in plan.1["set"].as_object().unwrap() {
                assert_eq!(state["state"].pointer(path), Some(value), "{path} of {state}");
            }
            reverted += 1;
            if reverted == 3 {
                break;
            }
        }
        assert_eq!(reverted, 3, "{site}");
    }
}
