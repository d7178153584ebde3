//! Events of the Open Cybersecurity Schema Framework 1.9, one JSON object a line.
//!
//! An entry is an Entity Management event (class 3004): somebody created, read, updated or deleted something.
//! Two sorts of entries are an Authentication event (3002) instead, because that is where a SIEM looks for
//! them: signing in and signing out. An entry is one of these when its kind is access, the registry's verb for
//! its action says so, and it is known who came or went; "login failed" and "password reset" are not.
//!
//! | class | `activity_id` |
//! |---|---|
//! | 3004 | 1 create, 2 read, 3 update, 4 delete, 99 access and other |
//! | 3002 | 1 sign in, 2 sign out |
//!
//! With 99, `activity_name` is the action. `metadata.event_code` always is.
//!
//! Nothing is lost: what has no place in the schema is in `unmapped`, under our own names. States and data
//! are embedded as the bytes that are stored. The leaf hash is in `unmapped` too, in the shape of the
//! profile `record_integrity`, but not as that profile: there a fingerprint is computed over the *event*, and
//! ours is of the leaf in the log, which commits to the entry.

use model::{Actor, ActorType, Entity, Entry, Kind, OnBehalfOf, Outcome, SectionName, action};
use serde::Serialize;
use serde_json::value::RawValue;
use tlog::Hash;
use uuid::Uuid;

use super::{PRODUCT, PRODUCT_VERSION, VENDOR, push_json_line};

/// The version with `updated_entity` in Entity Management.
const SCHEMA_VERSION: &str = "1.9.0";

/// Identity & Access Management.
const CATEGORY_UID: u32 = 3;
const ENTITY_MANAGEMENT: (u32, &str) = (3004, "Entity Management");
const AUTHENTICATION: (u32, &str) = (3002, "Authentication");

const ACTIVITY_OTHER: u32 = 99;

/// Entity Management requires an entity with a name, even where it was erased.
const ERASED: &str = "(erased)";

pub(super) fn entry(entry: &Entry, leaf_hash: &Hash, out: &mut Vec<u8>) {
    push_json_line(&Event::new(entry, &leaf_hash.to_string()), out);
}

#[derive(Serialize)]
struct Event<'a> {
    category_uid: u32,
    class_uid: u32,
    class_name: &'static str,
    activity_id: u32,
    activity_name: &'a str,
    type_uid: u32,
    time: i64,
    severity_id: u32,
    severity: &'static str,
    status_id: u32,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_detail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration: Option<u64>,
    metadata: Metadata<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<ActorOut<'a>>,
    /// Who came or went.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<User<'a>>,
    /// To what they came.
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<Uid<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entity: Option<ManagedEntity<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_entity: Option<ManagedEntity<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    src_endpoint: Option<Endpoint>,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_request: Option<HttpRequest<'a>>,
    unmapped: Unmapped<'a>,
}

#[derive(Serialize)]
struct Metadata<'a> {
    version: &'static str,
    product: Product,
    uid: Uuid,
    sequence: u64,
    logged_time: i64,
    /// `time` has milliseconds only.
    original_time: String,
    tenant_uid: &'a str,
    event_code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_uid: Option<Uuid>,
}

#[derive(Serialize)]
struct Product {
    name: &'static str,
    vendor_name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct ActorOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<User<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<Uid<'a>>,
}

#[derive(Serialize)]
struct User<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_addr: Option<&'a str>,
    r#type: &'static str,
    type_id: u32,
}

#[derive(Serialize)]
struct Uid<'a> {
    uid: &'a str,
}

#[derive(Serialize)]
struct ManagedEntity<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct Endpoint {
    ip: std::net::IpAddr,
}

#[derive(Serialize)]
struct HttpRequest<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_method: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<Url<'a>>,
}

#[derive(Serialize)]
struct Url<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    query_string: Option<&'a str>,
}

/// What the schema has no place for, under our own names.
#[derive(Serialize)]
struct Unmapped<'a> {
    kind: &'static str,
    source: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    connector: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    actor_roles: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    on_behalf_of: Option<&'a OnBehalfOf>,
    /// All of it in an Authentication event, which has no entity.
    #[serde(skip_serializing_if = "Option::is_none")]
    entity: Option<&'a Entity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entity_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entity_previous_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    partial: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reverts: Option<Uuid>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    erased: &'a [SectionName],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    changed: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#ref: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'a str>,
    /// One by one; `status_detail` is one text.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a RawValue>,
    record_integrity: RecordIntegrity<'a>,
}

#[derive(Serialize)]
struct RecordIntegrity<'a> {
    attestation: Attestation<'a>,
}

#[derive(Serialize)]
struct Attestation<'a> {
    chain_uid: &'a str,
    fingerprint: Fingerprint<'a>,
}

#[derive(Serialize)]
struct Fingerprint<'a> {
    algorithm_id: u32,
    algorithm: &'static str,
    value: &'a str,
}

/// Which class an entry belongs to, with what that class is about.
enum Class<'a> {
    EntityManagement,
    Authentication { activity_id: u32, activity_name: &'static str, user: User<'a> },
}

impl<'a> Event<'a> {
    fn new(entry: &'a Entry, leaf_hash: &'a str) -> Self {
        let class = Class::of(entry);
        let is_change = matches!(class, Class::EntityManagement);
        let (class_uid, class_name) = if is_change { ENTITY_MANAGEMENT } else { AUTHENTICATION };
        let (activity_id, activity_name, user) = match class {
            Class::EntityManagement => {
                let (id, name) = activity(entry);
                (id, name, None)
            }
            Class::Authentication { activity_id, activity_name, user } => {
                (activity_id, activity_name, Some(user))
            }
        };
        let (severity_id, severity, status_id, status) = match entry.outcome {
            Outcome::Success => (1, "Informational", 1, "Success"),
            Outcome::Failure => (3, "Medium", 2, "Failure"),
        };
        let origin = entry.origin.as_ref();
        Self {
            category_uid: CATEGORY_UID,
            class_uid,
            class_name,
            activity_id,
            activity_name,
            type_uid: class_uid * 100 + activity_id,
            time: entry.occurred_at.as_millisecond(),
            severity_id,
            severity,
            status_id,
            status,
            status_detail: (!entry.errors.is_empty()).then(|| entry.errors.join("; ")),
            message: entry.summary.as_deref(),
            comment: entry.reason.as_deref(),
            duration: entry.duration_ms,
            metadata: Metadata::new(entry),
            actor: ActorOut::new(entry),
            service: user.is_some().then(|| Uid { uid: entry.site.as_str() }),
            user,
            entity: is_change.then(|| ManagedEntity::new(entry, entry.before.as_deref())),
            updated_entity: entry
                .after
                .as_deref()
                .filter(|_| is_change)
                .map(|after| ManagedEntity::new(entry, Some(after))),
            src_endpoint: origin.and_then(|origin| origin.ip).map(|ip| Endpoint { ip }),
            http_request: HttpRequest::new(entry),
            unmapped: Unmapped::new(entry, is_change, leaf_hash),
        }
    }
}

/// Activity of an Entity Management event.
fn activity(entry: &Entry) -> (u32, &str) {
    match entry.kind {
        Kind::Create => (1, "Create"),
        Kind::Read => (2, "Read"),
        Kind::Update => (3, "Update"),
        Kind::Delete => (4, "Delete"),
        Kind::Access | Kind::Other => (ACTIVITY_OTHER, &entry.action),
    }
}

impl<'a> Class<'a> {
    fn of(entry: &'a Entry) -> Self {
        if entry.kind != Kind::Access {
            return Self::EntityManagement;
        }
        let verb = action::verb_of(&entry.action);
        let says = |words: [&str; 2]| words.iter().any(|word| verb.starts_with(word));
        let (activity_id, activity_name) = if says(["signed in", "logged in"]) {
            (1, "Logon")
        } else if says(["signed out", "logged out"]) {
            (2, "Logoff")
        } else {
            return Self::EntityManagement;
        };
        // Nobody is signed in before signing in, so that the system may tell of it: then the entity is who.
        let account = entry.entity.as_ref().filter(|entity| entity.kind == "user");
        let user = account.map(User::of_account).or_else(|| entry.actor.as_ref().map(User::of_actor));
        user.map_or(Self::EntityManagement, |user| Self::Authentication { activity_id, activity_name, user })
    }
}

impl<'a> Metadata<'a> {
    fn new(entry: &'a Entry) -> Self {
        Self {
            version: SCHEMA_VERSION,
            product: Product { name: PRODUCT, vendor_name: VENDOR, version: PRODUCT_VERSION },
            uid: entry.id,
            sequence: entry.index,
            logged_time: entry.recorded_at.as_millisecond(),
            original_time: entry.occurred_at.to_string(),
            tenant_uid: entry.site.as_str(),
            event_code: &entry.action,
            correlation_uid: entry.correlation_id,
        }
    }
}

impl<'a> ActorOut<'a> {
    fn new(entry: &'a Entry) -> Option<Self> {
        let user = entry.actor.as_ref().map(User::of_actor);
        let session = entry.origin.as_ref().and_then(|origin| origin.session_id.as_deref());
        (user.is_some() || session.is_some()).then(|| Self { user, session: session.map(|uid| Uid { uid }) })
    }
}

impl<'a> User<'a> {
    fn of_actor(actor: &'a Actor) -> Self {
        let (r#type, type_id) = match actor.kind {
            ActorType::User => ("User", 1),
            ActorType::System => ("System", 3),
            ActorType::Service => ("Service", 4),
        };
        // A user must have an id or a name.
        let stand_in = actor.id.is_none().then(|| actor.display_name());
        Self {
            uid: actor.id.as_deref(),
            name: actor.name.as_deref().or(stand_in),
            email_addr: actor.email.as_deref(),
            r#type,
            type_id,
        }
    }

    fn of_account(entity: &'a Entity) -> Self {
        let (uid, name) = (Some(entity.id.as_str()), entity.title.as_deref());
        Self { uid, name, email_addr: None, r#type: "User", type_id: 1 }
    }
}

impl<'a> ManagedEntity<'a> {
    fn new(entry: &'a Entry, data: Option<&'a RawValue>) -> Self {
        let Some(entity) = &entry.entity else {
            return Self { uid: None, name: Some(ERASED), r#type: None, data };
        };
        Self { uid: Some(&entity.id), name: entity.title.as_deref(), r#type: Some(&entity.kind), data }
    }
}

impl<'a> HttpRequest<'a> {
    fn new(entry: &'a Entry) -> Option<Self> {
        let origin = entry.origin.as_ref()?;
        let (path, query_string) = (origin.path.as_deref(), origin.query.as_deref());
        let request = Self {
            uid: origin.request_id.as_deref(),
            http_method: origin.method.as_deref(),
            user_agent: origin.user_agent.as_deref(),
            url: (path.is_some() || query_string.is_some()).then_some(Url { path, query_string }),
        };
        let is_known = request.url.is_some()
            || [request.uid, request.http_method, request.user_agent].iter().any(Option::is_some);
        is_known.then_some(request)
    }
}

impl<'a> Unmapped<'a> {
    fn new(entry: &'a Entry, is_change: bool, leaf_hash: &'a str) -> Self {
        let (actor, origin) = (entry.actor.as_ref(), entry.origin.as_ref());
        let (entity, before, after) =
            (entry.entity.as_ref(), entry.before.as_deref(), entry.after.as_deref());
        Self {
            kind: entry.kind.as_str(),
            source: &entry.source,
            connector: entry.connector.as_deref(),
            actor_roles: actor.map_or(&[], |actor| &actor.roles),
            on_behalf_of: actor.and_then(|actor| actor.on_behalf_of.as_ref()),
            entity: entity.filter(|_| !is_change),
            entity_url: entity.filter(|_| is_change).and_then(|entity| entity.url.as_deref()),
            before: before.filter(|_| !is_change),
            after: after.filter(|_| !is_change),
            entity_previous_id: entity.filter(|_| is_change).and_then(|entity| entity.previous_id.as_deref()),
            partial: entry.partial,
            reverts: entry.reverts,
            erased: &entry.erased,
            changed: entry.changed(),
            route: origin.and_then(|origin| origin.route.as_deref()),
            r#ref: origin.and_then(|origin| origin.r#ref.as_deref()),
            channel: origin.and_then(|origin| origin.channel.as_deref()),
            errors: &entry.errors,
            data: entry.data.as_deref(),
            record_integrity: RecordIntegrity {
                attestation: Attestation {
                    chain_uid: entry.site.as_str(),
                    fingerprint: Fingerprint { algorithm_id: 3, algorithm: "SHA-256", value: leaf_hash },
                },
            },
        }
    }
}
