//! Changes of sites, tokens, users, settings and connectors, each committed with the entry that tells of it.

use std::sync::{MutexGuard, PoisonError};

use jiff::Timestamp;
use model::{Changeable, Class, Permission, Retention, Role, SiteId};
use serde_json::json;

use super::Indelible;
use crate::access::{Caller, Denied};
use crate::clock;
use crate::entropy::NoEntropy;
use crate::hosts::Connector;
use crate::journal::{self, Append, JournalError, Outcome, Receipt};
use crate::settings::{self, BadSetting, Rules, SiteSettings};
use crate::store::{Change, SYSTEM_LOG, Site, StoreError, Token, User};

/// The name under which a store keeps the default retention, in the system's log.
const RETENTION: &str = "retention";

impl Indelible {
    /// Creates a site. The entry that tells of it is committed with it. Blocks.
    ///
    /// # Errors
    /// [`ConfigureError::Exists`] when there is one with this id.
    pub fn create_site(&self, id: SiteId, name: &str, caller: &Caller) -> Result<Site, ConfigureError> {
        if self.sites.find(&id)?.is_some() {
            return Err(ConfigureError::Exists(id));
        }
        // The number is the committer's to give.
        let site = Site { log: 0, id: id.clone(), name: name.to_owned(), created_at: clock::now() };
        let entry = json!({
            "action": "indelible.site.create",
            "entity": {"type": "site", "id": site.id, "title": site.name},
            "after": {"id": site.id, "name": site.name},
        });
        let configured = self.configure(Change::CreateSite(site), &entry, caller);
        match (configured, self.sites.find(&id)?) {
            (Ok(()), Some(site)) => Ok(site),
            (Ok(()), None) => Err(StoreError::Corrupt(format!("the new site `{id}` is missing")).into()),
            // Somebody else was faster.
            (Err(ConfigureError::Entry(_)), Some(_)) => Err(ConfigureError::Exists(id)),
            (Err(error), _) => Err(error),
        }
    }

    /// Makes a token valid. Blocks.
    pub fn create_token(&self, token: &Token, caller: &Caller) -> Result<(), ConfigureError> {
        let entry = json!({
            "action": "indelible.token.create",
            "entity": {"type": "token", "id": token.id, "title": token.name},
            "after": {"name": token.name, "role": token.role, "site": token.site, "limits": token.limits},
        });
        self.configure(Change::CreateToken(token.clone()), &entry, caller)
    }

    /// Ends a token. Blocks.
    pub fn revoke_token(&self, token: &Token, caller: &Caller) -> Result<(), ConfigureError> {
        let entry = json!({
            "action": "indelible.token.revoke",
            "entity": {"type": "token", "id": token.id, "title": token.name},
            "before": {"name": token.name, "role": token.role, "site": token.site},
        });
        self.configure(Change::RevokeToken { id: token.id, at: clock::now() }, &entry, caller)
    }

    /// Makes it possible for somebody to sign in. Blocks.
    ///
    /// # Errors
    /// [`ConfigureError::UserExists`] when there is one with this name.
    pub fn add_user(&self, user: &User, caller: &Caller) -> Result<(), ConfigureError> {
        let _configuring = self.configuring.lock().unwrap_or_else(PoisonError::into_inner);
        if self.store.user(&user.name)?.is_some() {
            return Err(ConfigureError::UserExists(user.name.clone()));
        }
        let after = json!({"name": user.name, "role": user.role, "site": user.site});
        self.put_user("indelible.user.create", user, &json!({ "after": after }), caller)
    }

    /// Sets another password for a user. Its sessions end. Blocks.
    pub fn change_user(&self, user: &User, caller: &Caller) -> Result<(), ConfigureError> {
        let _configuring = self.configuring.lock().unwrap_or_else(PoisonError::into_inner);
        self.must_be_there(user)?;
        self.put_user("indelible.user.password", user, &json!({}), caller)
    }

    /// Removes a user. Its sessions end. Blocks.
    pub fn remove_user(&self, user: &User, caller: &Caller) -> Result<(), ConfigureError> {
        let before = json!({"name": user.name, "role": user.role, "site": user.site});
        let _configuring = self.configuring.lock().unwrap_or_else(PoisonError::into_inner);
        self.must_be_there(user)?;
        let removed = User { removed_at: Some(clock::now()), password: String::new(), ..user.clone() };
        self.put_user("indelible.user.remove", &removed, &json!({ "before": before }), caller)
    }

    /// Who was removed meanwhile must not come back.
    fn must_be_there(&self, user: &User) -> Result<(), ConfigureError> {
        let is_there = self.store.user(&user.name)?.is_some_and(|now| now.id == user.id);
        if is_there { Ok(()) } else { Err(ConfigureError::NoUser(user.name.clone())) }
    }

    fn put_user(
        &self,
        action: &str,
        user: &User,
        states: &serde_json::Value,
        caller: &Caller,
    ) -> Result<(), ConfigureError> {
        let mut entry = json!({
            "action": action,
            "entity": {"type": "user", "id": user.id, "title": user.name},
        });
        if let (Some(entry), Some(states)) = (entry.as_object_mut(), states.as_object()) {
            entry.extend(states.clone());
        }
        self.configure(Change::PutUser(user.clone()), &entry, caller)
    }

    /// Changes settings of a site. The entry that tells of it is in the site's own log. Blocks.
    pub fn change_settings(
        &self,
        site: &Site,
        changes: &serde_json::Map<String, serde_json::Value>,
        caller: &Caller,
    ) -> Result<SiteSettings, ConfigureError> {
        // Nobody whom a rule limits may lift it.
        if changes.contains_key("hold") || changes.contains_key("visibility") {
            caller.may(Permission::Govern)?;
        }
        let _configuring = self.configuring();
        let before = SiteSettings::load(self.store.as_ref(), site.log)?;
        let now = clock::now();
        let after = before.merged(changes, self.retention(now)?, now)?;
        if before.network_only && !after.network_only && caller.role != Role::SuperAdmin {
            return Err(Denied::NetworkOnly { site: site.id.clone() }.into());
        }
        if site.id.is_system() && after.audit_log_retention_days != before.audit_log_retention_days {
            let message = "cannot be set here: the system's own log follows the default of all sites";
            return Err(BadSetting {
                key: "audit_log_retention_days".to_owned(),
                message: message.to_owned(),
            }
            .into());
        }
        if after == before {
            return Ok(after);
        }
        let entry = json!({
            "action": "indelible.site.settings",
            "entity": {"type": "site_settings", "id": site.id, "title": site.name},
            "before": before,
            "after": after,
        });
        let value = serde_json::to_string(&after).ok();
        let change = Change::Configure { log: site.log, name: settings::NAME.to_owned(), value };
        self.tell(site.clone(), Some(Class::SETTINGS), Some(change), &entry, caller)?;
        self.rules.forget(site.log);
        Ok(after)
    }

    /// Held from reading settings to committing what follows from them.
    pub(crate) fn configuring(&self) -> MutexGuard<'_, ()> {
        self.configuring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long content is kept where a site says nothing else: as the last run of the expiry took it up. A value that
    /// was lowered since then waits for a day, as one that a site sets.
    ///
    /// # Errors
    /// When the store fails.
    pub fn retention(&self, now: Timestamp) -> Result<Retention, StoreError> {
        let known = self.known_retention()?;
        Ok(known.map_or(self.retention, |known| known.in_force(self.retention, now)))
    }

    /// The same once this process' own default is taken up, as the next run of the expiry does.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) fn retention_to_take_up(&self, now: Timestamp) -> Result<Retention, StoreError> {
        Ok(self.next_retention(self.known_retention()?, now)?.in_force(self.retention, now))
    }

    fn next_retention(&self, known: Option<Changeable>, now: Timestamp) -> Result<Changeable, StoreError> {
        Ok(known.unwrap_or_default().set(Some(self.retention), self.retention(now)?, now))
    }

    fn known_retention(&self) -> Result<Option<Changeable>, StoreError> {
        let Some(json) = self.store.configuration(SYSTEM_LOG, RETENTION)? else { return Ok(None) };
        serde_json::from_str(&json)
            .map(Some)
            .map_err(|error| StoreError::Corrupt(format!("the default retention does not read: {error}")))
    }

    /// Takes up the default retention that this process was given. The entry that tells of it is in the system's log.
    /// Blocks.
    ///
    /// # Errors
    /// When the entry is not taken.
    pub(crate) fn take_up_retention(&self, now: Timestamp, caller: &Caller) -> Result<(), ConfigureError> {
        let _configuring = self.configuring();
        let known = self.known_retention()?;
        let next = self.next_retention(known, now)?;
        if known == Some(next) {
            return Ok(());
        }
        let entry = json!({
            "action": "indelible.site.settings",
            "entity": {"type": "retention", "id": "default", "title": "Default retention"},
            "before": known,
            "after": next,
        });
        let value = serde_json::to_string(&next).ok();
        let change = Change::Configure { log: SYSTEM_LOG, name: RETENTION.to_owned(), value };
        let system = self.system()?;
        self.tell(system, Some(Class::SETTINGS), Some(change), &entry, caller).map(|_| ())
    }

    /// Sets a connector of a site, or removes it. The entry that tells of it is in the site's own log. Blocks.
    pub fn set_connector(
        &self,
        site: &Site,
        name: &str,
        connector: Option<&Connector>,
        caller: &Caller,
    ) -> Result<(), ConfigureError> {
        let before = Connector::load(self.store.as_ref(), site.log, name)?;
        // Whether there is a secret is told; the secret is not.
        let state = |connector: &Connector| json!({"revert_url": connector.revert_url, "signed": connector.has_secret()});
        let action =
            if connector.is_some() { "indelible.connector.set" } else { "indelible.connector.remove" };
        let entry = json!({
            "action": action,
            "entity": {"type": "connector", "id": name},
            "before": before.as_ref().map(state),
            "after": connector.map(state),
        });
        let value = connector.map(Connector::to_json);
        let change = Change::Configure { log: site.log, name: Connector::key(name), value };
        self.configure_in(site.clone(), change, &entry, caller)
    }

    /// Commits a change of configuration together with the entry that tells of it.
    fn configure(
        &self,
        change: Change,
        entry: &serde_json::Value,
        caller: &Caller,
    ) -> Result<(), ConfigureError> {
        self.configure_in(self.system()?, change, entry, caller)
    }

    /// Appends an entry of the installation's own to the system's log. Blocks.
    pub(crate) fn tell_system(
        &self,
        class: Option<Class>,
        change: Option<Change>,
        entry: &serde_json::Value,
        caller: &Caller,
    ) -> Result<Receipt, ConfigureError> {
        self.tell(self.system()?, class, change, entry, caller)
    }

    /// The site of what belongs to none.
    fn system(&self) -> Result<Site, StoreError> {
        self.sites
            .find(&SiteId::system())?
            .ok_or_else(|| StoreError::Corrupt("the system's site is missing".to_owned()))
    }

    /// The same, with the entry in the log of the site that it is about.
    fn configure_in(
        &self,
        site: Site,
        change: Change,
        entry: &serde_json::Value,
        caller: &Caller,
    ) -> Result<(), ConfigureError> {
        self.tell(site, None, Some(change), entry, caller).map(|_| ())
    }

    /// Appends an entry of the installation's own to a site's log; a change of configuration is committed with it.
    /// Entries of a class of their own explain what happens to others. Blocks.
    pub(crate) fn tell(
        &self,
        site: Site,
        class: Option<Class>,
        change: Option<Change>,
        entry: &serde_json::Value,
        caller: &Caller,
    ) -> Result<Receipt, ConfigureError> {
        let mut entry = entry.clone();
        if let Some(fields) = entry.as_object_mut() {
            let roles = [caller.role.as_str()];
            fields.insert("actor".to_owned(), json!({"type": "user", "name": caller.name, "roles": roles}));
            fields.insert("connector".to_owned(), json!("indelible"));
            if let Some(origin) = &caller.from {
                fields.insert("origin".to_owned(), json!(origin));
            }
        }
        let sealed = journal::admit(entry.to_string().as_bytes(), &caller.name, None, &Rules::default())?
            .map_err(|violations| ConfigureError::Entry(join(&violations)))?;
        let sealed = match class {
            Some(class) => sealed.of_class(class),
            None => sealed,
        };
        let append = Append { site, entries: vec![sealed], atomic: true, change };
        match self.journal.append_blocking(append)?.pop() {
            Some(Outcome::Appended(receipt)) => Ok(receipt),
            Some(Outcome::Known(_)) | None => Err(ConfigureError::Entry("it was there already".to_owned())),
            Some(Outcome::Refused(violation)) => Err(ConfigureError::Entry(violation.to_string())),
        }
    }
}

fn join(violations: &[model::Violation]) -> String {
    violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Why a change of configuration was not made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigureError {
    /// There is such a site already.
    #[error("there is a site `{0}` already")]
    Exists(SiteId),
    /// There is such a user already.
    #[error("there is a user `{0}` already")]
    UserExists(String),
    /// The user was removed meanwhile.
    #[error("there is no user `{0}` any more")]
    NoUser(String),
    /// The entry that tells of it was refused, so the change was not made either.
    #[error("the change was not made, because its entry was refused: {0}")]
    Entry(String),
    /// It is not the caller's to change.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// A setting is unknown, or cannot have that value.
    #[error("`{}` {}", .0.key, .0.message)]
    Setting(#[from] BadSetting),
    /// The log did not take it.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No randomness.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
}
