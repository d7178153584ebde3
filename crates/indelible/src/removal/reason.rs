//! What those entries say that tell of removals, and of the settings that allow them. They are entries as all others,
//! but of classes that no sender can write: only these count.

use jiff::{SignedDuration, Timestamp};
use model::{Class, Entry, Retention, SectionName};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::settings::SiteSettings;

/// What an entry of a class of the log's own says.
#[derive(Clone, Debug, PartialEq)]
pub enum Reason {
    /// These sections were erased.
    Erasure(Vec<Erased>),
    /// What was older than this expired.
    Expiry(Expiry),
    /// The site's settings from here on.
    Settings(Box<SiteSettings>),
    /// Something else.
    Other,
}

/// The sections that were erased from an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Erased {
    /// The entry's index.
    pub index: u64,
    /// Its id.
    pub id: uuid::Uuid,
    /// Which sections.
    pub sections: Vec<SectionName>,
}

/// An expiry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expiry {
    /// The rule that was in force.
    pub policy: Policy,
    /// What is older than this has expired.
    pub cutoff: Timestamp,
    /// The lowest index among what expired.
    pub first: u64,
    /// The highest.
    pub last: u64,
    /// How many entries expired.
    pub count: u64,
}

/// How long content of a site is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// What is in force.
    pub retention_days: Retention,
    /// Whether the site says so, or the default of all sites does.
    pub source: PolicySource,
    /// The default.
    pub default: Retention,
}

/// See [`Policy::source`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PolicySource {
    /// The site's own value.
    Site,
    /// The default of all sites.
    System,
}

impl PolicySource {
    /// The word in JSON and on screen.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Site => "site",
            Self::System => "system",
        }
    }
}

impl Policy {
    /// What is in force for a site with these settings.
    #[must_use]
    pub fn of(settings: &SiteSettings, default: Retention, now: Timestamp) -> Self {
        let own = settings.audit_log_retention_days;
        let source = if own.value.is_some() { PolicySource::Site } else { PolicySource::System };
        Self { retention_days: own.in_force(default, now), source, default }
    }
}

/// The data of an erasure's entry.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ErasureData {
    pub(super) erased: Vec<Erased>,
}

/// The data of an expiry's entry.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExpiryData {
    pub(super) expired: Expiry,
}

impl Reason {
    /// What an entry of this class says.
    ///
    /// # Errors
    /// When it does not say what entries of its class say.
    pub fn of(class: Class, entry: &Entry) -> Result<Self, String> {
        fn read<T: serde::de::DeserializeOwned>(data: Option<&RawValue>) -> Result<T, String> {
            let data = data.ok_or("it says nothing of what was removed")?;
            serde_json::from_str(data.get()).map_err(|error| error.to_string())
        }
        match class {
            Class::ERASURE => read(entry.data.as_deref()).map(|ErasureData { erased }| Self::Erasure(erased)),
            Class::EXPIRY => read(entry.data.as_deref()).map(|ExpiryData { expired }| Self::Expiry(expired)),
            Class::SETTINGS if entry.entity.as_ref().is_some_and(|entity| entity.kind == "site_settings") => {
                read(entry.after.as_deref()).map(|settings| Self::Settings(Box::new(settings)))
            }
            _ => Ok(Self::Other),
        }
    }
}

impl Expiry {
    /// Whether an entry that is as old as this was to expire.
    #[must_use]
    pub fn covers(&self, index: u64, age: Timestamp) -> bool {
        (self.first..=self.last).contains(&index) && age < self.cutoff
    }

    /// What is wrong with it, as the log itself tells: `settings` are those that were in force, `recorded_at` is when
    /// the log took it.
    #[must_use]
    pub fn fault(&self, settings: &SiteSettings, recorded_at: Timestamp) -> Option<String> {
        if settings.hold {
            return Some("an expiry while a hold was on".to_owned());
        }
        let in_force = Policy::of(settings, self.policy.default, recorded_at).retention_days;
        if self.policy.retention_days < in_force {
            return Some(format!(
                "an expiry after {}, while {in_force} were in force",
                self.policy.retention_days
            ));
        }
        // Between taking the time and taking the entry nobody's clock runs backwards by more than this.
        let latest = recorded_at.checked_add(SignedDuration::from_mins(1)).unwrap_or(Timestamp::MAX);
        match self.policy.retention_days.cutoff(latest) {
            Some(cutoff) if self.cutoff <= cutoff => None,
            _ => Some(format!(
                "an expiry of what is older than {}, although content is kept for {}",
                self.cutoff, self.policy.retention_days
            )),
        }
    }
}
