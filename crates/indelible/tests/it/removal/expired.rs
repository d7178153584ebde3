//! What expires, when, and what is left of it.

use indelible::removal::{self, Expiring, PolicySource};
use indelible::store::{Content, Walk};
use indelible::{Indelible, OpenOptions};
use jiff::SignedDuration;
use model::{Retention, SectionName, StoredEntry};
use serde_json::json;

use super::{Opened, ago, caller, entries, entry};

#[test]
fn a_lowered_retention_waits_for_a_day_and_the_default_too() {
    let opened = Opened::quick();
    opened.append(&entries(20, ago(40)));
    opened.set(&json!({"audit_log_retention_days": 30}));
    let (soon, next_day) = (
        indelible::clock::now() + SignedDuration::from_hours(23),
        indelible::clock::now() + SignedDuration::from_hours(25),
    );
    assert_eq!(opened.would_expire(soon), Expiring::Nothing);
    assert!(matches!(opened.would_expire(next_day), Expiring::Entries(expiry) if expiry.count == 20));
    assert_eq!(opened.expire(indelible::clock::now()), Expiring::Nothing);
    // Back to the default: nothing is old enough for it.
    opened.set(&json!({"audit_log_retention_days": null}));
    assert_eq!(opened.would_expire(next_day), Expiring::Nothing);

    // The default that this process was given is taken up by a run, and a lower one waits as well.
    removal::expire_all(&opened.indelible, false, indelible::clock::now(), &caller()).unwrap();
    let Opened { indelible, site, directory } = opened;
    drop(indelible);
    let lower =
        OpenOptions { without_indexing: true, retention: Retention::Days(10), ..OpenOptions::default() };
    let indelible = Indelible::open(directory.path(), &lower).unwrap();
    let opened = Opened { indelible, site, directory };
    let now = indelible::clock::now();
    assert_eq!(opened.indelible.retention(now).unwrap(), Retention::Days(365), "no run has taken it up");
    let system: Vec<_> = removal::expire_all(&opened.indelible, true, now, &caller()).unwrap();
    assert!(
        system.iter().all(|ran| ran.policy.retention_days == Retention::Days(365)),
        "a dry run takes nothing up"
    );
    removal::expire_all(&opened.indelible, false, now, &caller()).unwrap();
    assert_eq!(opened.verified().expired, 0);
    assert_eq!(opened.indelible.retention(now).unwrap(), Retention::Days(365));
    assert_eq!(opened.indelible.retention(next_day).unwrap(), Retention::Days(10));
    let ran = removal::expire_all(&opened.indelible, true, next_day, &caller()).unwrap();
    assert!(ran.iter().all(|ran| ran.policy.source == PolicySource::System));
    assert!(
        ran.iter().any(|ran| ran.site.id.is_system() && ran.policy.retention_days == Retention::Days(10))
    );
    assert!(matches!(opened.would_expire(next_day), Expiring::Entries(expiry) if expiry.count == 20));
}

#[test]
fn what_expired_by_its_claimed_time_keeps_that_until_the_recorded_one_shows_it() {
    let opened = Opened::quick();
    opened.append(&entries(5, ago(400)));
    assert!(matches!(opened.expire(indelible::clock::now()), Expiring::Entries(expiry) if expiry.count == 5));
    let left = |index| {
        StoredEntry::decode(&opened.stored(index))
            .unwrap()
            .sections()
            .map(|(name, _)| name)
            .collect::<Vec<_>>()
    };
    assert_eq!(left(3), [SectionName::Source]);
    assert_eq!(opened.expire(indelible::clock::now()), Expiring::Nothing, "once is enough");
    assert_eq!(opened.verified().expired, 5);
    // With a clock that runs ahead all goes, but for what tells of removals; and it shows.
    let ahead = indelible::clock::now() + SignedDuration::from_hours(24 * 366);
    assert!(matches!(opened.expire(ahead), Expiring::Entries(expiry) if expiry.count == 5));
    assert!(StoredEntry::decode(&opened.stored(3)).unwrap().sections().next().is_none());
    let findings = opened.findings();
    assert!(
        findings.iter().any(|line| line.contains("it tells of an expiry of what is older than")),
        "{findings:?}"
    );
    assert!(findings.iter().any(|line| line.starts_with("Some(0..5): MISSING")), "{findings:?}");
    assert!(!StoredEntry::decode(&opened.stored(5)).unwrap().is_expired(), "what tells of an expiry is kept");
}

/// What came one by one is merged after it expired as before.
#[test]
fn expired_blocks_are_merged_and_merged_blocks_expire() {
    let opened = Opened::quick();
    for number in 0..256 {
        opened.append(&[entry(number, ago(400))]);
    }
    opened.expire(indelible::clock::now());
    let merge = || opened.indelible.store().merge_blocks(opened.site.log, 0).unwrap();
    for _ in 0..1000 {
        if !merge().merged {
            break;
        }
    }
    let blocks = opened.indelible.store().blocks(opened.site.log, Walk::ByIndex, None, 1000).unwrap();
    assert!(blocks.len() < 20, "{}", blocks.len());
    assert!(blocks.iter().any(|block| block.content == Content::ClaimedTimes));
    assert_eq!(opened.verified().expired, 256);
}
