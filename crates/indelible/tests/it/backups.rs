//! `indelible backup` and `restore`: copies made while others write, and the ceremony that brings one back.

use std::fs;
use std::path::{Path, PathBuf};

use indelible::backup::{BackupError, Restoration, back_up};
use indelible::jobs::verify_site;
use indelible::rotation::{Ended, past_keys};
use indelible::{Indelible, OpenError, OpenOptions};
use tempfile::TempDir;

use crate::filled::{Filled, SITE, append, copy_directory, fold, head_file};
use crate::process::run;

/// An installation with 700 entries, a backup of it, and what happened since.
struct Stage {
    filled: Filled,
    place: TempDir,
}

impl Stage {
    fn set() -> Self {
        let stage = Self { filled: Filled::new(), place: tempfile::tempdir().unwrap() };
        let ran = stage.run(&["backup", "--to", stage.backup().to_str().unwrap()]);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(ran.stdout.contains("entries of 3 sites, as of 20"), "{ran:?}");
        stage
    }

    fn data(&self) -> &Path {
        self.filled.path()
    }

    fn backup(&self) -> PathBuf {
        self.place.path().join("backup")
    }

    fn run(&self, arguments: &[&str]) -> crate::process::Ran {
        run(self.data(), arguments)
    }

    fn open(&self) -> Indelible {
        Indelible::open_existing(self.data(), &OpenOptions::default()).unwrap()
    }

    /// What is appended after the backup, and the checkpoint that a reader kept then.
    fn goes_on(&self, entries: usize) -> String {
        let indelible = self.open();
        let site = indelible.sites().find(&SITE.parse().unwrap()).unwrap().unwrap();
        append(&indelible, &site, 700..700 + entries);
        let checkpoint = indelible.published().head(site.log).unwrap().unwrap().checkpoint.clone();
        drop(indelible);
        fold(&head_file(self.data()));
        checkpoint
    }

    fn size(&self) -> u64 {
        let indelible = self.open();
        let site = indelible.sites().find(&SITE.parse().unwrap()).unwrap().unwrap();
        indelible.published().size(site.log).unwrap()
    }

    fn restoration(&self) -> Restoration {
        Restoration {
            backup: self.backup(),
            directory: self.data().to_owned(),
            options: OpenOptions::default(),
            checkpoints: Vec::new(),
            replace: true,
            reason: Some("ticket 7".to_owned()),
        }
    }
}

fn verifies(indelible: &Indelible) {
    for site in indelible.sites().all().unwrap() {
        let report = verify_site(indelible, &site, &|_| ()).unwrap();
        assert!(report.findings.is_empty(), "{}: {:?}", site.id, report.findings);
    }
}

/// The last entry of a site's log.
fn last(indelible: &Indelible, id: &str) -> model::Entry {
    let site = indelible.sites().find(&id.parse().unwrap()).unwrap().unwrap();
    let size = indelible.published().size(site.log).unwrap();
    let store = indelible.store().as_ref();
    indelible::search::read_entries(store, indelible.published(), &site, size - 1..size)
        .unwrap()
        .pop()
        .unwrap()
}

#[test]
fn a_backup_verifies_and_is_not_served() {
    let stage = Stage::set();
    let verified = run(&stage.backup(), &["verify"]);
    assert_eq!(verified.code, 0, "{verified:?}");
    assert!(verified.stdout.contains("acme.www: 700 entries verify"), "{verified:?}");
    for refused in [&["serve", "--listen", "127.0.0.1:0"][..], &["query", "--site", SITE], &["doctor"]] {
        let ran = run(&stage.backup(), refused);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(
            ran.stderr.contains("is a backup") && ran.stderr.contains("indelible restore --from"),
            "{ran:?}"
        );
    }
    let again = stage.run(&["backup", "--to", stage.backup().to_str().unwrap()]);
    assert!(again.code == 1 && again.stderr.contains("is not empty"), "{again:?}");
    // The log tells of it.
    let told = last(&stage.open(), "_system");
    assert_eq!(told.action, "indelible.backup");
    // Nobody else may read it: the signing seed is in it.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o077;
        assert_eq!((mode(stage.backup()), mode(stage.backup().join("keys/seed"))), (0, 0));
    }
}

#[test]
fn a_backup_is_of_one_moment_while_others_write() {
    let filled = Filled::new();
    let indelible = Indelible::open(filled.path(), &OpenOptions::default()).unwrap();
    let site = indelible.sites().find(&SITE.parse().unwrap()).unwrap().unwrap();
    let place = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| {
            for number in 700..760 {
                append(&indelible, &site, number..number + 1);
            }
        });
        let mut copies = 0;
        while !writing.is_finished() || copies == 0 {
            let to = place.path().join(copies.to_string());
            let caller = indelible::access::Caller::local("test");
            let copied = back_up(&indelible, filled.path(), &to, true, &caller, &|_, _| ()).unwrap();
            let options = OpenOptions { is_backup: true, without_indexing: true, ..OpenOptions::default() };
            let copy = Indelible::open_existing(&to, &options).unwrap();
            verifies(&copy);
            let size = copy.published().size(site.log).unwrap();
            assert_eq!(copied.logs.iter().find(|log| log.site == SITE).unwrap().size, size);
            copies += 1;
        }
    });
    assert_eq!(indelible.published().size(site.log).unwrap(), 760, "nobody was refused meanwhile");
}

#[test]
fn nothing_lost_goes_on_in_the_same_epoch() {
    let stage = Stage::set();
    let origin = stage.open().keys().origin(&SITE.parse().unwrap());
    let restoration = stage.restoration();
    let plan = restoration.plan(&|_| ()).unwrap();
    assert!(!plan.is_new_epoch(), "{plan:?}");
    restoration.give_up().unwrap();
    // The data are lost, the head store is not.
    fs::remove_file(stage.data().join("indelible.sqlite")).unwrap();
    let ran =
        stage.run(&["restore", "--from", stage.backup().to_str().unwrap(), "--reason", "the disk broke"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("nothing is lost: the logs go on in the same epoch"), "{ran:?}");
    let indelible = stage.open();
    verifies(&indelible);
    assert_eq!(indelible.keys().origin(&SITE.parse().unwrap()), origin);
    let told = last(&indelible, "_system");
    assert_eq!((told.action.as_str(), told.reason.as_deref()), ("indelible.restore", Some("the disk broke")));
}

#[test]
fn lost_entries_begin_an_epoch_that_every_log_tells_of() {
    let stage = Stage::set();
    let old_key = stage.open().keys().verifier_key(&SITE.parse().unwrap()).unwrap();
    let checkpoint = stage.goes_on(30);
    let ran = stage.run(&["restore", "--from", stage.backup().to_str().unwrap(), "--replace", "--dry-run"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let lost = "LOST: `acme.www` had 730 entries or more, the backup has 700";
    assert!(ran.stdout.contains(lost) && ran.stdout.contains("a new epoch"), "{ran:?}");
    assert_eq!(stage.size(), 730, "a dry run changes nothing");

    let restoration = stage.restoration();
    let plan = restoration.plan(&|_| ()).unwrap();
    let restored = restoration.carry_out(&plan, &indelible::access::Caller::local("test")).unwrap();
    assert_eq!((restored.epoch, restored.is_new_epoch, restored.moved.len()), (2, true, 1));
    let indelible = stage.open();
    verifies(&indelible);
    let origin = indelible.keys().origin(&SITE.parse().unwrap());
    assert!(origin.ends_with("/logs/acme.www/2"), "{origin}");
    let told = last(&indelible, SITE);
    assert_eq!(
        (told.index, told.action.as_str(), told.reason.as_deref()),
        (700, "indelible.restore", Some("ticket 7"))
    );
    let data: serde_json::Value = serde_json::from_str(told.data.as_ref().unwrap().get()).unwrap();
    assert_eq!(
        (&data["kept"], &data["lost"], &data["last_checkpoint"]),
        (&700.into(), &30.into(), &checkpoint.into())
    );
    let site = indelible.sites().find(&SITE.parse().unwrap()).unwrap().unwrap();
    let past = past_keys(indelible.store().as_ref(), site.log).unwrap();
    assert_eq!((past.len(), past[0].ended, past[0].size), (1, Ended::Restored, 700));
    assert_eq!(past[0].vkey, old_key.to_string());
    assert_ne!(indelible.keys().verifier_key(&site.id).unwrap(), old_key);
    // What was there is still there, and the old head store does not fit the new data.
    let moved = &restored.moved[0];
    assert!(moved.join("indelible.sqlite").exists());
    drop(indelible);
    let copy = tempfile::tempdir().unwrap();
    copy_directory(stage.data(), copy.path());
    copy_directory(&moved.join("head"), &copy.path().join("head"));
    let refused = Indelible::open_existing(copy.path(), &OpenOptions::default()).unwrap_err().to_string();
    assert!(refused.contains("is of epoch 1, and the data are of epoch 2"), "{refused}");
}

#[test]
fn a_head_store_that_is_lost_too_begins_an_epoch_and_kept_checkpoints_say_what_is_lost() {
    let stage = Stage::set();
    let checkpoint = stage.goes_on(5);
    fs::remove_dir_all(stage.data().join("head")).unwrap();
    let mut restoration = stage.restoration();
    let plan = restoration.plan(&|_| ()).unwrap();
    assert!(plan.is_new_epoch() && plan.lost.is_empty(), "{plan:?}");
    assert!(plan.unheard[0].contains("head store") && plan.unheard[0].contains("it is lost"), "{plan:?}");

    let kept = stage.place.path().join("kept");
    fs::write(&kept, &checkpoint).unwrap();
    restoration.checkpoints.push(kept.clone());
    let plan = restoration.plan(&|_| ()).unwrap();
    assert_eq!((plan.lost[0].kept, plan.lost[0].known), (700, 705));

    fs::write(&kept, checkpoint.replace("acme.www", "acme.wwx")).unwrap();
    let error = restoration.plan(&|_| ()).unwrap_err();
    assert!(matches!(error, BackupError::Checkpoint { .. }), "{error}");
}

#[test]
fn a_backup_of_another_history_is_refused() {
    let stage = Stage::set();
    // The same installation went another way: its heads are not the backup's, at the same size.
    let other = tempfile::tempdir().unwrap();
    copy_directory(&stage.backup(), other.path());
    fs::remove_file(other.path().join("backup.json")).unwrap();
    let grow = |directory: &Path, first: usize| {
        let indelible = Indelible::open_existing(directory, &OpenOptions::default()).unwrap();
        let site = indelible.sites().find(&SITE.parse().unwrap()).unwrap().unwrap();
        append(&indelible, &site, first..first + 10);
        let caller = indelible::access::Caller::local("test");
        let to = stage.place.path().join(format!("backup of {first}"));
        back_up(&indelible, directory, &to, true, &caller, &|_, _| ()).unwrap();
        to
    };
    let backup = grow(other.path(), 900);
    grow(stage.data(), 700);
    let restoration = Restoration { backup, ..stage.restoration() };
    let error = restoration.plan(&|_| ()).unwrap_err();
    assert!(matches!(&error, BackupError::Contradiction { size: 710, .. }), "{error}");
}

#[test]
fn a_head_store_elsewhere_is_put_aside_and_made_anew() {
    let stage = Stage::set();
    stage.goes_on(3);
    let heads = tempfile::tempdir().unwrap();
    copy_directory(&stage.data().join("head"), heads.path());
    fs::remove_dir_all(stage.data().join("head")).unwrap();
    let options = OpenOptions { head_directory: Some(heads.path().to_owned()), ..OpenOptions::default() };
    let restoration = Restoration { options: options.clone(), ..stage.restoration() };
    let plan = restoration.plan(&|_| ()).unwrap();
    assert_eq!(plan.lost.len(), 1, "{plan:?}");
    let restored = restoration.carry_out(&plan, &indelible::access::Caller::local("test")).unwrap();
    assert_eq!(restored.moved.len(), 2);
    assert!(restored.moved[0].join("heads.sqlite").exists());
    let indelible = Indelible::open_existing(stage.data(), &options).unwrap();
    verifies(&indelible);
    assert!(!stage.data().join("head").exists());
}

#[test]
fn what_is_no_backup_is_refused_with_the_reason() {
    let stage = Stage::set();
    let restore = |from: &Path, more: &[&str]| {
        let arguments = [&["restore", "--from", from.to_str().unwrap()], more].concat();
        let ran = stage.run(&arguments);
        assert_eq!(ran.code, 1, "{ran:?}");
        ran.stderr
    };
    assert!(restore(&stage.backup(), &[]).contains("there are data in"), "the data are in the way");
    assert!(restore(stage.data(), &["--replace"]).contains("is no whole backup"));
    let damaged = tempfile::tempdir().unwrap();
    copy_directory(&stage.backup(), damaged.path());
    fs::remove_dir_all(damaged.path().join("keys")).unwrap();
    assert!(restore(damaged.path(), &["--replace"]).contains("has no keys"));
    copy_directory(&stage.backup().join("keys"), &damaged.path().join("keys"));
    let connection = rusqlite::Connection::open(damaged.path().join("indelible.sqlite")).unwrap();
    connection
        .execute("UPDATE tile SET hashes = zeroblob(length(hashes)) WHERE log = 1 AND number = 0", [])
        .unwrap();
    drop(connection);
    let told = restore(damaged.path(), &["--replace"]);
    assert!(told.contains("the backup is damaged, nothing was restored"), "{told}");
    // Nothing was touched by all of that.
    verifies(&stage.open());
    let error = Indelible::open_existing(&stage.backup(), &OpenOptions::default()).unwrap_err();
    assert!(matches!(error, OpenError::Backup(_)));
}
