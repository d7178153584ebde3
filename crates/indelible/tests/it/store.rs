//! What every store must do, whatever its engine.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::LazyLock;

use indelible::entropy;
use indelible::store::{
    Batch, BlockInfo, Change, CreateOptions, EmbeddedStore, Head, LogNumber, NewEntry, Run,
    SAVED_SEARCHES_MAX, SaveError, SavedSearch, Scope, Session, SessionKind, SignedHead, Site, Store,
    StoreError, TileData, Token, TokenLimits, Walk,
};
use jiff::Timestamp;
use model::Role;
use tlog::{RightEdge, TILE_WIDTH};
use uuid::Uuid;

/// The lock of every log that the tests have.
pub(crate) const ALL: Scope<'static> = Scope::Logs(&[0, 1, 2, 3, 4, 5, 6, 7]);

/// One log as the tests believe it to be; gives runs that extend it.
#[derive(Clone)]
pub(crate) struct Ledger {
    pub(crate) log: LogNumber,
    edge: RightEdge,
    tiles: BTreeMap<(u8, u64), Vec<u8>>,
    pub(crate) entries: Vec<NewEntry>,
}

impl Ledger {
    pub(crate) fn new(log: LogNumber) -> Self {
        Self { log, edge: RightEdge::new(), tiles: BTreeMap::new(), entries: Vec::new() }
    }

    pub(crate) fn head(&self) -> Head {
        Head { size: self.edge.size(), root: self.edge.root() }
    }

    /// Grows by this many entries. Ids follow from log, index and `salt`. They happened a second apart, every
    /// tenth an hour later.
    pub(crate) fn grow(&mut self, count: usize, salt: u64) -> Run {
        let first = self.edge.size();
        let seconds = |index: u64| i64::try_from(index).unwrap() + if index % 10 == 9 { 3600 } else { 0 };
        let seconds: Vec<i64> = (first..first + u64::try_from(count).unwrap()).map(seconds).collect();
        self.grow_at(&seconds, salt)
    }

    /// Grows by entries that happened at these seconds since 1970.
    pub(crate) fn grow_at(&mut self, seconds: &[i64], salt: u64) -> Run {
        let (base, mut touched, mut entries) = (self.head(), BTreeSet::new(), Vec::new());
        for second in seconds {
            let entry = entry(self.log, self.edge.size(), salt, *second);
            let stored = model::StoredEntry::decode(&entry.bytes).unwrap();
            self.edge.push_with(tlog::leaf_hash(&stored.leaf().to_bytes()), |level, index, hash| {
                if level % 8 == 0 {
                    let place = (level / 8, index / u64::from(TILE_WIDTH));
                    self.tiles.entry(place).or_default().extend(hash.as_bytes());
                    touched.insert(place);
                }
            });
            entries.push(entry);
        }
        self.entries.extend(entries.iter().cloned());
        let tiles = touched.into_iter().map(|(level, number)| TileData {
            level,
            number,
            hashes: self.tiles[&(level, number)].clone(),
        });
        Run { log: self.log, base, next: self.head(), entries, tiles: tiles.collect() }
    }

    pub(crate) fn signed(&self) -> SignedHead {
        let head = self.head();
        SignedHead { log: self.log, head, checkpoint: format!("log {} at {}", self.log, head.size) }
    }

    /// Everything that the store says of the log is what is known here.
    pub(crate) fn check(&self, store: &dyn Store) {
        let size = self.edge.size();
        let ids: Vec<Uuid> = self.entries.iter().map(|entry| entry.id).collect();
        let positions = store.positions(self.log, &ids).unwrap();
        assert_eq!(positions, (0..size).map(Some).collect::<Vec<_>>());
        let stored = store.entries(self.log, 0..size).unwrap();
        assert!(stored.iter().eq(self.entries.iter().map(|entry| &entry.bytes)));
        for ((level, number), hashes) in &self.tiles {
            assert_eq!(store.tile(self.log, *level, *number).unwrap().as_ref(), Some(hashes));
            let beyond = store.tile(self.log, *level, number + 1).unwrap();
            assert_eq!(beyond.as_ref(), self.tiles.get(&(*level, number + 1)));
        }
        let mut blocks = walk(store, self.log, Walk::OldestFirst);
        blocks.sort_by_key(|block| block.first);
        let ends = blocks.iter().map(|block| block.range().end);
        assert!(blocks.iter().map(|block| block.first).eq(std::iter::once(0).chain(ends).take(blocks.len())));
        assert_eq!(blocks.last().map_or(0, |block| block.range().end), size);
    }
}

/// Parsing and sealing anew each time would take most of the tests' time: only the ids differ.
static TEMPLATE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let json = br#"{"action":"page.update","entity":{"type":"page","id":"1"},"data":{"some":"thing"}}"#;
    let draft = model::parse(json).unwrap();
    draft.seal(Uuid::nil(), Timestamp::UNIX_EPOCH, "test", &[7; 32]).place(0).unwrap().0
});

/// An entry that is a real stored form.
fn entry(log: LogNumber, index: u64, salt: u64, second: i64) -> NewEntry {
    let id = Uuid::from_u64_pair(u64::from(log) << 32 | salt, index);
    let occurred_at = Timestamp::from_second(second).unwrap();
    let mut bytes = TEMPLATE.clone();
    bytes[9..25].copy_from_slice(id.as_bytes());
    let epoch = b"1970-01-01T00:00:00Z";
    let place = bytes.windows(epoch.len()).position(|found| found == epoch).unwrap();
    bytes[place..place + epoch.len()].copy_from_slice(occurred_at.to_string().as_bytes());
    NewEntry { id, occurred_at, links: Vec::new(), bytes }
}

/// Every block of a log, a few at a time.
pub(crate) fn walk(store: &dyn Store, log: LogNumber, walk: Walk) -> Vec<BlockInfo> {
    let mut all: Vec<BlockInfo> = Vec::new();
    loop {
        let some = store.blocks(log, walk, all.last().copied(), 3).unwrap();
        if some.is_empty() {
            return all;
        }
        all.extend(some);
    }
}

pub(crate) fn batch(runs: Vec<Run>) -> Batch {
    Batch { runs, changes: Vec::new() }
}

pub(crate) fn site(log: LogNumber, id: &str) -> Site {
    Site { log, id: id.parse().unwrap(), name: id.to_owned(), created_at: Timestamp::from_second(7).unwrap() }
}

/// Persists and publishes, as one committer.
pub(crate) fn commit(store: &dyn Store, batch: &Batch, heads: &[(Head, SignedHead)]) {
    let lock = store.lock(ALL).unwrap();
    store.persist(batch).unwrap();
    store.publish(heads).unwrap();
    drop(lock);
}

/// Grows a log by a run and publishes it.
pub(crate) fn grow(store: &dyn Store, ledger: &mut Ledger, count: usize) {
    let run = ledger.grow(count, 0);
    publish(store, ledger, run);
}

/// Commits a run that a ledger has just grown by.
pub(crate) fn publish(store: &dyn Store, ledger: &Ledger, run: Run) {
    let base = run.base;
    commit(store, &batch(vec![run]), &[(base, ledger.signed())]);
}

/// Creates the site of a log and returns the log.
pub(crate) fn create(store: &dyn Store, log: LogNumber, id: &str) -> Ledger {
    let ledger = Ledger::new(log);
    let changes = vec![Change::CreateSite(site(log, id))];
    commit(store, &Batch { runs: Vec::new(), changes }, &[(Head::empty(), ledger.signed())]);
    ledger
}

/// Judges a store; `make` gives a new, empty one each time.
pub(crate) fn conformance<S: Store>(make: impl Fn() -> S) {
    keeps_what_is_published(&make());
    shows_no_staged_heads(&make());
    takes_a_batch_whole_or_not_at_all(&make());
    walks_blocks_in_order_of_time(&make());
    keeps_accounts(&make());
    keeps_saved_searches(&make());
    compares_heads_before_it_swaps(&make());
    undoes_staged_changes(&make());
    merges_without_a_trace(&make());
}

fn keeps_what_is_published(store: &impl Store) {
    let (mut one, mut two) = (create(store, 1, "acme.www"), create(store, 2, "acme.docs"));
    for count in [1, 254, 1, 1, 600, 3] {
        // Both logs in one batch.
        let (first, second) = (one.grow(count, 0), two.grow(count + 1, 0));
        let heads = [(first.base, one.signed()), (second.base, two.signed())];
        commit(store, &batch(vec![first, second]), &heads);
    }
    one.check(store);
    two.check(store);
    assert_eq!(store.entries(1, 255..258).unwrap().len(), 3, "across blocks");
    assert_eq!(store.entries(1, 7..7).unwrap(), Vec::<Vec<u8>>::new());
    assert!(matches!(store.entries(1, 859..861), Err(StoreError::Corrupt(_))), "none is left out silently");
    let scattered = [859, 0, 255, 256, 3, 700, 128, 127, 3, 5];
    let found = store.entries_at(1, &scattered).unwrap();
    let known = |index: &u64| &one.entries[usize::try_from(*index).unwrap()].bytes;
    assert!(
        found.iter().eq(scattered.iter().map(known)),
        "in the order asked for, and twice where asked twice"
    );
    assert_eq!(store.entries_at(1, &[]).unwrap(), Vec::<Vec<u8>>::new());
    for beyond in [860, 100_000, u64::MAX] {
        assert!(matches!(store.entries_at(1, &[7, beyond, 9]), Err(StoreError::Corrupt(_))), "{beyond}");
    }
    assert_eq!(store.positions(1, &[two.entries[0].id]).unwrap(), [None], "ids are per log");
    let known: BTreeMap<Uuid, u64> = one.entries.iter().map(|entry| entry.id).zip(0..).collect();
    let mut found: Vec<(Uuid, u64)> = Vec::new();
    while let Some(some) =
        Some(store.ids(1, found.last().map(|(id, _)| *id), 100).unwrap()).filter(|some| !some.is_empty())
    {
        found.extend(some);
    }
    assert!(found.into_iter().eq(known), "each once, in the order of the ids");
    let sites: Vec<_> =
        store.sites().unwrap().into_iter().map(|site| (site.log, site.id.to_string())).collect();
    assert_eq!(sites, [(0, "_system".into()), (1, "acme.www".into()), (2, "acme.docs".into())]);
    let (mark, heads) = store.heads(0).unwrap().unwrap();
    assert_eq!(heads.iter().map(|head| head.head).max_by_key(|head| head.size), Some(two.head()));
    let again = store.heads(mark).unwrap().map(|(_, heads)| heads).unwrap_or_default();
    assert!(again.iter().all(|head| heads.contains(head)), "nothing happened since");
    grow(store, &mut one, 1);
    let (next, heads) = store.heads(mark).unwrap().unwrap();
    assert!(next >= mark && heads.contains(&one.signed()));
}

/// What is published, whatever it is marked with.
fn heads(store: &impl Store) -> Vec<SignedHead> {
    let mut heads = store.heads(0).unwrap().map(|(_, heads)| heads).unwrap_or_default();
    heads.sort_by_key(|signed| signed.log);
    heads
}

fn shows_no_staged_heads(store: &impl Store) {
    let mut ledger = create(store, 1, "acme.www");
    grow(store, &mut ledger, 300);
    let before = heads(store);
    let mut ahead = ledger.clone();
    let staged = ahead.grow(300, 1);
    let lock = store.lock(ALL).unwrap();
    store.persist(&batch(vec![staged.clone()])).unwrap();
    assert_eq!(heads(store), before, "staged is not published");
    let staged_id = store.positions(1, &[staged.entries[0].id]).unwrap();
    assert!(matches!(staged_id[..], [None | Some(300)]), "staged ids may be known");
    drop(lock);
    // The next to commit discards what was never published.
    drop(store.lock(ALL).unwrap());
    assert_eq!(store.positions(1, &[staged.entries[0].id]).unwrap(), [None]);
    ledger.check(store);
    // Its ids and indexes are free again, for the same entries or others.
    commit(store, &batch(vec![staged.clone()]), &[(staged.base, ahead.signed())]);
    ahead.check(store);
}

fn takes_a_batch_whole_or_not_at_all(store: &impl Store) {
    let (mut one, mut two) = (create(store, 1, "acme.www"), create(store, 2, "acme.docs"));
    grow(store, &mut one, 10);
    grow(store, &mut two, 10);
    let good = one.clone().grow(5, 1);
    let mut bad = two.clone().grow(5, 1);
    bad.base.root = tlog::leaf_hash(b"another");
    let token = token("staged");
    let changes = vec![Change::CreateToken(token.clone()), Change::CreateSite(site(3, "acme.shop"))];
    let lock = store.lock(ALL).unwrap();
    let refused = store.persist(&Batch { runs: vec![good.clone(), bad], changes });
    assert!(matches!(refused, Err(StoreError::Corrupt(_))), "{refused:?}");
    drop(lock);
    one.check(store);
    two.check(store);
    assert_eq!(store.positions(1, &[good.entries[0].id]).unwrap(), [None]);
    assert_eq!(store.token(&token.secret_sha256).unwrap(), None);
    assert_eq!(store.sites().unwrap().len(), 3);
    // An id that is there already cannot be persisted again, and takes nothing else with it.
    let mut twice = two.clone().grow(2, 1);
    twice.entries[1].id = two.entries[0].id;
    let lock = store.lock(ALL).unwrap();
    store.persist(&batch(vec![one.clone().grow(1, 1), twice])).unwrap_err();
    drop(lock);
    one.check(store);
    two.check(store);
}

fn walks_blocks_in_order_of_time(store: &impl Store) {
    let mut ledger = create(store, 1, "acme.www");
    for count in [300, 7, 400, 1, 1, 90] {
        grow(store, &mut ledger, count);
    }
    let newest = walk(store, 1, Walk::NewestFirst);
    let oldest = walk(store, 1, Walk::OldestFirst);
    assert!(newest.iter().map(|block| block.occurred_max_us).is_sorted_by(|one, other| one >= other));
    assert!(oldest.iter().map(|block| block.occurred_min_us).is_sorted());
    let mut sorted = newest.clone();
    sorted.sort_by_key(|block| block.first);
    let covered: Vec<Range<u64>> = sorted.iter().map(BlockInfo::range).collect();
    assert_eq!(covered.last().unwrap().end, 799);
    for (block, range) in sorted.iter().zip(covered) {
        for index in range {
            let us = ledger.entries[usize::try_from(index).unwrap()].occurred_at.as_microsecond();
            assert!((block.occurred_min_us..=block.occurred_max_us).contains(&us));
        }
    }
    assert_eq!(newest.len(), oldest.len());
}

/// Whether a store merges is its own affair; what it says of the log stays the same.
fn merges_without_a_trace(store: &impl Store) {
    let mut ledger = create(store, 1, "acme.www");
    for _ in 0..90 {
        grow(store, &mut ledger, 3);
    }
    let mut next = 0;
    loop {
        let step = store.merge_blocks(1, next).unwrap();
        ledger.check(store);
        assert!(step.next >= next && step.next <= 256, "{step:?}");
        if !step.merged {
            break;
        }
        next = step.next;
    }
    grow(store, &mut ledger, 3);
    ledger.check(store);
}

fn keeps_accounts(store: &impl Store) {
    let ledger = create(store, 1, "acme.www");
    let (one, two) = (token("one"), token("two"));
    let changes = vec![Change::CreateToken(one.clone()), Change::CreateToken(two.clone())];
    commit(store, &Batch { runs: Vec::new(), changes }, &[]);
    assert_eq!(store.token(&one.secret_sha256).unwrap().as_ref(), Some(&one));
    assert_eq!(store.tokens().unwrap().len(), 2);
    let session = Session {
        secret_sha256: [9; 32],
        kind: SessionKind::Session,
        name: "Ana".into(),
        role: Role::Auditor,
        site: Some("acme.www".parse().unwrap()),
        token: Some(one.id),
        account: Some("token/1".into()),
        opened_at: Timestamp::from_second(9).unwrap(),
        opened_from: Some("203.0.113.9".into()),
        expires_at: Timestamp::from_second(99).unwrap(),
    };
    let link = Session { secret_sha256: [8; 32], kind: SessionKind::Link, token: None, ..session.clone() };
    assert!(store.put_session(&session, None).unwrap());
    assert!(store.put_session(&link, None).unwrap());
    assert_eq!(store.session(&[9; 32]).unwrap().as_ref(), Some(&session));
    assert_eq!(store.session(&[8; 32]).unwrap().as_ref(), Some(&link));
    assert!(store.end_session(&[8; 32]).unwrap());
    assert!(!store.end_session(&[8; 32]).unwrap(), "a link works once");
    let at = Timestamp::from_second(50).unwrap();
    let changes = vec![Change::RevokeToken { id: one.id, at }];
    commit(store, &Batch { runs: Vec::new(), changes }, &[]);
    assert_eq!(store.token(&one.secret_sha256).unwrap().unwrap().revoked_at, Some(at));
    assert_eq!(store.session(&[9; 32]).unwrap(), None, "sessions end with their token");
    assert!(!store.put_session(&session, None).unwrap(), "and none is opened with it any more");
    assert_eq!(store.session(&[9; 32]).unwrap(), None);
    assert_eq!(store.token(&two.secret_sha256).unwrap().unwrap().revoked_at, None);
    ledger.check(store);
}

fn keeps_saved_searches(store: &impl Store) {
    let search = |id: u128, owner: &str, name: &str| SavedSearch {
        id: Uuid::from_u128(id),
        owner: owner.to_owned(),
        site: Some("acme.www".parse().unwrap()),
        name: name.to_owned(),
        query: "kind=delete".to_owned(),
        created_at: Timestamp::from_second(50).unwrap(),
    };
    let (b, a) = (search(1, "Ana", "b"), search(2, "Ana", "a"));
    let network = SavedSearch { site: None, ..search(3, "Ana", "a") };
    let others = search(4, "Ben", "a");
    for search in [&b, &a, &network, &others] {
        store.put_saved_search(search).unwrap();
        assert_eq!(store.saved_search(search.id).unwrap().as_ref(), Some(search));
    }
    assert_eq!(store.saved_searches("Ana").unwrap(), [a.clone(), network.clone(), b.clone()]);
    for taken in [search(5, "Ana", "a"), search(1, "Ana", "a"), SavedSearch { id: b.id, ..network.clone() }] {
        let error = store.put_saved_search(&taken).unwrap_err();
        let other = if taken.site.is_some() { a.id } else { network.id };
        assert!(matches!(error, SaveError::NameTaken { id } if id == other), "{error}");
    }
    // Only name and query change, and only for their owner.
    let moved = SavedSearch { site: None, query: String::new(), name: "c".into(), ..b.clone() };
    store.put_saved_search(&moved).unwrap();
    let kept = SavedSearch { site: b.site.clone(), ..moved };
    assert_eq!(store.saved_search(b.id).unwrap().as_ref(), Some(&kept));
    store.put_saved_search(&search(1, "Ben", "taken over")).unwrap();
    assert_eq!(store.saved_search(b.id).unwrap().as_ref(), Some(&kept));

    assert!(!store.delete_saved_search("Ben", b.id).unwrap());
    assert!(store.delete_saved_search("Ana", b.id).unwrap());
    assert!(!store.delete_saved_search("Ana", b.id).unwrap(), "it is deleted once");
    for number in 0..SAVED_SEARCHES_MAX - 1 {
        let id = u128::try_from(number).unwrap() + 100;
        store.put_saved_search(&search(id, "Ben", &format!("n{number}"))).unwrap();
    }
    assert!(matches!(store.put_saved_search(&search(6, "Ben", "more")), Err(SaveError::TooMany)));
    store.put_saved_search(&SavedSearch { name: "renamed".into(), ..others }).unwrap();
    store.put_saved_search(&search(6, "Ana", "more")).unwrap();
}

fn compares_heads_before_it_swaps(store: &impl Store) {
    let (mut one, mut two) = (create(store, 1, "acme.www"), create(store, 2, "acme.docs"));
    grow(store, &mut one, 3);
    grow(store, &mut two, 3);
    let before = heads(store);
    let (first, second) = (one.grow(1, 0), two.grow(1, 0));
    let lock = store.lock(ALL).unwrap();
    store.persist(&batch(vec![first.clone(), second])).unwrap();
    let stale = (Head::empty(), two.signed());
    store.publish(&[(first.base, one.signed()), stale]).unwrap_err();
    assert_eq!(heads(store), before, "all heads are swapped or none");
    drop(lock);
}

/// A change of configuration is part of its batch: with the entry that tells of it, or not at all.
fn undoes_staged_changes(store: &impl Store) {
    let mut ledger = create(store, 1, "acme.www");
    let (kept, staged) = (token("kept"), token("staged"));
    let set = |value: Option<&str>| Change::Configure {
        log: 1,
        name: "settings".to_owned(),
        value: value.map(ToOwned::to_owned),
    };
    let changes = vec![Change::CreateToken(kept.clone()), set(Some("{}"))];
    let mut run = ledger.grow(1, 0);
    let target = b"somewhere".to_vec();
    run.entries[0].links = vec![target.clone()];
    let base = run.base;
    commit(store, &Batch { runs: vec![run], changes }, &[(base, ledger.signed())]);

    let mut run = ledger.clone().grow(3, 1);
    run.entries[1].links = vec![target.clone()];
    let changes = vec![
        set(Some("[]")),
        Change::CreateToken(staged.clone()),
        Change::RevokeToken { id: kept.id, at: Timestamp::from_second(50).unwrap() },
        Change::CreateSite(site(2, "acme.docs")),
    ];
    let lock = store.lock(ALL).unwrap();
    store.persist(&Batch { runs: vec![run], changes: changes.clone() }).unwrap();
    drop(lock);
    drop(store.lock(ALL).unwrap());
    assert_eq!(store.token(&staged.secret_sha256).unwrap(), None);
    assert_eq!(store.token(&kept.secret_sha256).unwrap(), Some(kept));
    assert_eq!(store.sites().unwrap().len(), 2);
    assert_eq!(store.configuration(1, "settings").unwrap().as_deref(), Some("{}"));
    assert_eq!(store.linked(1, &[target.clone(), b"nowhere".to_vec()]).unwrap(), [vec![0], vec![]]);
    ledger.check(store);
    // And it can be made again.
    let run = ledger.grow(3, 1);
    let heads = [(run.base, ledger.signed()), (Head::empty(), Ledger::new(2).signed())];
    commit(store, &Batch { runs: vec![run], changes }, &heads);
    assert_eq!(store.sites().unwrap().len(), 3);
    assert_eq!(store.tokens().unwrap().len(), 2);
    assert_eq!(store.configurations(1).unwrap(), [("settings".to_owned(), "[]".to_owned())]);
    let run = ledger.grow(1, 2);
    let base = run.base;
    commit(store, &Batch { runs: vec![run], changes: vec![set(None)] }, &[(base, ledger.signed())]);
    assert_eq!(store.configuration(1, "settings").unwrap(), None);
    assert_eq!(store.configurations(1).unwrap(), []);
    ledger.check(store);
}

fn token(name: &str) -> Token {
    let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes());
    Token {
        id,
        name: name.to_owned(),
        role: Role::Writer,
        site: Some("acme.www".parse().unwrap()),
        secret_sha256: entropy::sha256(name),
        created_at: Timestamp::from_second(9).unwrap(),
        revoked_at: None,
        used_at: None,
        limits: TokenLimits { filter: Some("kind:delete".to_owned()), ..TokenLimits::default() },
    }
}

/// An embedded store in a directory, made new if there is none.
pub(crate) fn embedded(directory: &std::path::Path) -> EmbeddedStore {
    let head_directory = directory.join("head");
    if !EmbeddedStore::exists(directory) {
        let options = CreateOptions {
            origin: "test".to_owned(),
            installation: Uuid::from_u128(1),
            epoch: 1,
            now: Timestamp::from_second(5).unwrap(),
        };
        EmbeddedStore::create(directory, &head_directory, &options).unwrap();
    }
    EmbeddedStore::open(directory, &head_directory).unwrap()
}

#[test]
fn the_embedded_store_conforms() {
    let directories = tempfile::tempdir().unwrap();
    let count = std::cell::Cell::new(0);
    conformance(|| {
        count.set(count.get() + 1);
        embedded(&directories.path().join(count.get().to_string()))
    });
}
