//! One site's world and the entries that its changes leave.
//!
//! The world is told strictly in order: every change takes the entity's present state as *before*, edits
//! it, and takes the result as *after*. So the states of an entity chain by construction, and each of them
//! was true when its entry says so.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::people::Person;
use super::random::Random;

/// Namespace of every id in the demo; drawn once at random.
const NAMESPACE: Uuid = Uuid::from_u128(0x5b0e_97d4_2f6c_5c11_a8e3_70f2_1d94_e6ab);

/// Seconds after which everybody signs in anew.
const SESSION_S: i64 = 3 * 86_400;

/// What an entity looks like at a time.
pub(super) type State = Map<String, Value>;

/// An entity of the world.
#[derive(Clone)]
pub(super) struct Thing {
    pub(super) id: String,
    pub(super) url: Option<String>,
    pub(super) state: State,
}

impl Thing {
    pub(super) fn new(id: impl Into<String>, state: &Value) -> Self {
        Self { id: id.into(), url: None, state: state.as_object().cloned().unwrap_or_default() }
    }

    pub(super) fn at(self, url: impl Into<String>) -> Self {
        Self { url: Some(url.into()), ..self }
    }

    /// What people call it.
    pub(super) fn title(&self) -> Option<&str> {
        let name = |key: &&str| self.state.get(*key).and_then(Value::as_str);
        ["title", "name", "display_name", "company", "label"].iter().find_map(name)
    }
}

/// One request of somebody to the host. Its entries share actor, origin and correlation.
#[derive(Clone)]
pub(super) struct Request {
    pub(super) actor: Value,
    pub(super) origin: State,
    pub(super) correlation: Uuid,
}

impl Request {
    /// Adds or replaces a fact about where the request came from.
    pub(super) fn from(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.origin.insert(field.to_owned(), value.into());
        self
    }

    /// The person in whose place the actor acts.
    pub(super) fn on_behalf_of(mut self, person: &Person) -> Self {
        if let Some(actor) = self.actor.as_object_mut() {
            let principal =
                json!({"type": "user", "id": person.id, "name": person.name, "email": person.email});
            actor.insert("on_behalf_of".to_owned(), principal);
        }
        self
    }
}

/// What an entry says beside actor, entity and states.
pub(super) struct Deed {
    action: String,
    summary: String,
    reason: Option<String>,
    data: Option<Value>,
    duration_ms: Option<u64>,
    errors: Vec<String>,
    failed: bool,
}

impl Deed {
    pub(super) fn new(action: impl Into<String>, summary: impl Into<String>) -> Self {
        Self {
            action: action.into(),
            summary: summary.into(),
            reason: None,
            data: None,
            duration_ms: None,
            errors: Vec::new(),
            failed: false,
        }
    }

    pub(super) fn because(self, reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()), ..self }
    }

    /// A reason now and then: most people give none.
    pub(super) fn perhaps_because(self, reason: Option<String>) -> Self {
        Self { reason, ..self }
    }

    pub(super) fn data(self, data: Value) -> Self {
        Self { data: Some(data), ..self }
    }

    pub(super) fn took(self, duration_ms: u64) -> Self {
        Self { duration_ms: Some(duration_ms), ..self }
    }

    pub(super) fn failed(self, errors: &[&str]) -> Self {
        Self { failed: true, errors: errors.iter().map(|&error| error.to_owned()).collect(), ..self }
    }
}

/// What happens at one moment.
pub(super) type Scene = fn(&mut Stage);

/// A site, its people's doings and the entries told so far.
pub(super) struct Stage {
    site: &'static str,
    connector: &'static str,
    seed: u64,
    pub(super) random: Random,
    clock: Timestamp,
    end: Timestamp,
    /// How the host logs that somebody signed in, if it does.
    login: Option<fn(&mut Stage, &Request, &Person)>,
    world: BTreeMap<&'static str, Vec<Thing>>,
    next_ids: BTreeMap<&'static str, u64>,
    sessions: BTreeSet<(&'static str, i64)>,
    requests: u64,
    told: Vec<(Timestamp, String)>,
}

impl Stage {
    pub(super) fn new(site: &'static str, connector: &'static str, seed: u64, end: Timestamp) -> Self {
        Self {
            site,
            connector,
            seed,
            random: Random::new(seed, site),
            clock: Timestamp::UNIX_EPOCH,
            end,
            login: None,
            world: BTreeMap::new(),
            next_ids: BTreeMap::new(),
            sessions: BTreeSet::new(),
            requests: 0,
            told: Vec::new(),
        }
    }

    pub(super) fn with_login(mut self, login: Option<fn(&mut Stage, &Request, &Person)>) -> Self {
        self.login = login;
        self
    }

    pub(super) fn into_entries(self) -> Vec<(Timestamp, String)> {
        self.told
    }

    // Time.

    pub(super) const fn now(&self) -> Timestamp {
        self.clock
    }

    /// Moves to `time`, or a little beyond the last entry if that was later.
    pub(super) fn go_to(&mut self, time: Timestamp) {
        if self.clock < time {
            self.clock = time;
            self.wait_ms(5, 900);
        } else {
            self.wait(5, 60);
        }
    }

    /// Lets some seconds pass.
    pub(super) fn wait(&mut self, low: u64, high: u64) {
        self.wait_ms(low * 1000, high * 1000 + 999);
    }

    fn wait_ms(&mut self, low: u64, high: u64) {
        let millis = i64::try_from(self.random.between(low, high)).unwrap_or(1);
        self.clock = self.clock.saturating_add(SignedDuration::from_millis(millis)).unwrap_or(self.clock);
    }

    // Requests.

    /// A request of a person. A session lasts a few days; its first request signs in.
    pub(super) fn by(&mut self, person: &Person) -> Request {
        let period = self.clock.as_second().div_euclid(SESSION_S);
        let session = format!("{}:{period}:session", person.id);
        let request = self
            .request(json!({"type": "user", "id": person.id, "name": person.name, "email": person.email,
                            "roles": [person.role]}))
            .from("ip", person.ip)
            .from("user_agent", person.agent)
            .from("session_id", self.uuid(&session).simple().to_string());
        if self.sessions.insert((person.id, period))
            && let Some(login) = self.login
        {
            login(self, &request, person);
            self.wait(4, 90);
        }
        Request { correlation: self.fresh_uuid(), ..request }
    }

    /// A request of the host itself.
    pub(super) fn by_system(&mut self, channel: &str) -> Request {
        self.request(json!({"type": "system", "name": channel})).from("channel", channel)
    }

    /// A request of a program with an identity of its own.
    pub(super) fn by_service(&mut self, id: &str, name: &str, ip: &str) -> Request {
        self.request(json!({"type": "service", "id": id, "name": name}))
            .from("ip", ip)
            .from("user_agent", format!("{id}/2.4"))
            .from("channel", "api")
    }

    /// A request of whoever `actor` says.
    pub(super) fn request(&mut self, actor: Value) -> Request {
        let correlation = self.fresh_uuid();
        let origin = State::new();
        let id = self.fresh_uuid().simple().to_string();
        Request { actor, origin, correlation }
            .from("request_id", format!("req-{}", id.get(..16).unwrap_or(&id)))
    }

    fn fresh_uuid(&mut self) -> Uuid {
        self.requests += 1;
        self.uuid(&format!("request:{}", self.requests))
    }

    fn uuid(&self, name: &str) -> Uuid {
        Uuid::new_v5(&NAMESPACE, format!("{}:{}:{name}", self.seed, self.site).as_bytes())
    }

    // The world.

    /// An entity that existed before the log began.
    pub(super) fn furnish(&mut self, kind: &'static str, thing: Thing) {
        self.world.entry(kind).or_default().push(thing);
    }

    /// The next id of the host's counter for this type.
    pub(super) fn next_id(&mut self, kind: &'static str, first: u64) -> String {
        let next = self.next_ids.entry(kind).or_insert(first);
        *next += 1;
        next.to_string()
    }

    pub(super) fn count(&self, kind: &str) -> usize {
        self.world.get(kind).map_or(0, Vec::len)
    }

    pub(super) fn thing(&self, kind: &str, at: usize) -> Option<&Thing> {
        self.world.get(kind)?.get(at)
    }

    pub(super) fn title(&self, kind: &str, at: usize) -> String {
        self.thing(kind, at).and_then(Thing::title).unwrap_or_default().to_owned()
    }

    pub(super) fn text(&self, kind: &str, at: usize, field: &str) -> String {
        let value = self.thing(kind, at).and_then(|thing| thing.state.get(field));
        value.and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// Any entity that fits. Half of the choices fall on the front of the list, so that some entities get a
    /// long history.
    pub(super) fn pick(&mut self, kind: &str, fits: impl Fn(&State) -> bool) -> Option<usize> {
        let things = self.world.get(kind)?;
        let fitting: Vec<usize> =
            things.iter().enumerate().filter(|(_, thing)| fits(&thing.state)).map(|(at, _)| at).collect();
        let first = self.random.position(fitting.len());
        let second = self.random.position(fitting.len());
        fitting.get(first.min(second)).copied()
    }

    pub(super) fn find(&self, kind: &str, id: &str) -> Option<usize> {
        self.world.get(kind)?.iter().position(|thing| thing.id == id)
    }

    // What happens.

    pub(super) fn create(&mut self, by: &Request, kind: &'static str, thing: Thing, deed: Deed) {
        self.tell(by, kind, &thing, None, Some(thing.state.clone()), deed);
        self.furnish(kind, thing);
    }

    /// Edits an entity. An edit that changes nothing leaves no entry.
    pub(super) fn change(
        &mut self,
        by: &Request,
        kind: &'static str,
        at: usize,
        deed: Deed,
        edit: impl FnOnce(&mut State, &mut Random),
    ) {
        if let Some((before, thing)) = self.edit(kind, at, edit) {
            self.tell(by, kind, &thing, Some(before), Some(thing.state.clone()), deed);
        }
    }

    /// Edits an entity by a body that has only some of its fields, and lists as JSON text, as some hosts send
    /// them. The entry's after is that body.
    pub(super) fn change_by_body(
        &mut self,
        by: &Request,
        kind: &'static str,
        at: usize,
        (deed, sent): (Deed, &[&str]),
        edit: impl FnOnce(&mut State, &mut Random),
    ) {
        let Some((before, thing)) = self.edit(kind, at, edit) else { return };
        let as_sent =
            |value: &Value| if value.is_array() { Value::String(value.to_string()) } else { value.clone() };
        let body = sent.iter().filter_map(|&name| Some((name.to_owned(), as_sent(thing.state.get(name)?))));
        self.tell(by, kind, &thing, Some(before), Some(body.collect()), deed.data(json!({"partial": true})));
    }

    fn edit(
        &mut self,
        kind: &str,
        at: usize,
        edit: impl FnOnce(&mut State, &mut Random),
    ) -> Option<(State, Thing)> {
        let thing = self.world.get_mut(kind)?.get_mut(at)?;
        let before = thing.state.clone();
        edit(&mut thing.state, &mut self.random);
        (before != thing.state).then(|| (before, thing.clone()))
    }

    /// Removes an entity and hands it over, for those who want to bring it back.
    pub(super) fn delete(
        &mut self,
        by: &Request,
        kind: &'static str,
        at: usize,
        deed: Deed,
    ) -> Option<Thing> {
        let things = self.world.get_mut(kind)?;
        if at >= things.len() {
            return None;
        }
        let thing = things.remove(at);
        self.tell(by, kind, &thing, Some(thing.state.clone()), None, deed);
        Some(thing)
    }

    /// Something that happened to an entity of the world without changing it.
    pub(super) fn note_on(&mut self, by: &Request, kind: &'static str, at: usize, deed: Deed) {
        if let Some(thing) = self.thing(kind, at).cloned() {
            self.tell(by, kind, &thing, None, None, deed);
        }
    }

    /// Something that happened to what has no state in the world.
    pub(super) fn note(&mut self, by: &Request, kind: &str, id: &str, title: Option<&str>, deed: Deed) {
        let state = title.map_or(Value::Null, |title| json!({ "title": title }));
        self.tell(by, kind, &Thing::new(id, &state), None, None, deed);
    }

    fn tell(
        &mut self,
        by: &Request,
        kind: &str,
        thing: &Thing,
        before: Option<State>,
        after: Option<State>,
        deed: Deed,
    ) {
        self.wait_ms(12, 420);
        if self.clock >= self.end {
            return;
        }
        let mut entry = State::new();
        let mut set = |name: &str, value: Value| {
            if !value.is_null() {
                entry.insert(name.to_owned(), value);
            }
        };
        set("id", json!(self.uuid(&format!("entry:{}", self.told.len()))));
        set("occurred_at", json!(format!("{:.3}", self.clock)));
        set("actor", by.actor.clone());
        set("action", deed.action.into());
        set("outcome", if deed.failed { json!("failure") } else { Value::Null });
        let mut entity = json!({"type": kind, "id": thing.id});
        if let Some(entity) = entity.as_object_mut() {
            entity.extend(thing.title().map(|title| ("title".to_owned(), json!(title))));
            entity.extend(thing.url.iter().map(|url| ("url".to_owned(), json!(url))));
        }
        set("entity", entity);
        set("summary", deed.summary.into());
        set("reason", deed.reason.into());
        set("before", before.into());
        set("after", after.into());
        set("origin", json!(by.origin));
        set("correlation_id", json!(by.correlation));
        set("connector", json!(self.connector));
        set("duration_ms", deed.duration_ms.into());
        set("errors", if deed.errors.is_empty() { Value::Null } else { deed.errors.into() });
        set("data", deed.data.into());
        self.told.push((self.clock, Value::Object(entry).to_string()));
    }
}
