//! What a site's administrators set for it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use model::diff::NoiseRules;
use model::mask::MaskRules;
use model::{ActorType, Changeable, Draft, Filter, Kind, Permission, Retention, Role, Violation};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::store::{LogNumber, Store, StoreError};

/// The name under which a store keeps them.
pub(crate) const NAME: &str = "settings";

/// The settings of one site. What was never set has its default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SiteSettings {
    /// Which entries must say why.
    pub require_reason: RequireReason,
    /// Fields whose values are never stored, beside the built-in ones: names, or paths with dots.
    pub mask_fields: Vec<String>,
    /// Fields whose changes say little and are folded away on pages: names, or JSON pointers. `None` where the site has
    /// no list of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noise_fields: Option<Vec<String>>,
    /// Whether anybody may read the log's checkpoint, tiles and leaves, which name nobody.
    pub public_log: bool,
    /// Whether only super admins read the site.
    pub network_only: bool,
    /// What a role sees of the site: only entries that the role's filter finds. A role that is not named sees all.
    pub visibility: BTreeMap<String, String>,
    /// How long content is kept. A lowered value waits for a day.
    pub audit_log_retention_days: Changeable,
    /// Whether nothing may be removed, neither by erasure nor by expiry.
    pub hold: bool,
}

/// Which entries must say why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RequireReason {
    /// None; or every creation, update and deletion by a person, and every revert.
    Always(bool),
    /// Those that this filter finds, and every revert.
    When(String),
}

impl Default for RequireReason {
    fn default() -> Self {
        Self::Always(false)
    }
}

/// What is wrong with a setting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct BadSetting {
    /// Which one.
    pub key: String,
    /// What is wrong with it, and what it may be.
    pub message: String,
}

impl SiteSettings {
    /// The settings of a site, by its log.
    ///
    /// # Errors
    /// When the store fails, or holds settings that this version does not know.
    pub fn load(store: &dyn Store, log: LogNumber) -> Result<Self, StoreError> {
        let Some(json) = store.configuration(log, NAME)? else { return Ok(Self::default()) };
        serde_json::from_str(&json)
            .map_err(|error| StoreError::Corrupt(format!("the settings of log {log} do not read: {error}")))
    }

    /// These settings with the given ones put over them; `null` puts back a default.
    ///
    /// `default` is the retention of sites that have none of their own, `now` the present time.
    ///
    /// # Errors
    /// The first setting that is unknown or has a value that it cannot have.
    pub fn merged(
        &self,
        changes: &serde_json::Map<String, Json>,
        default: Retention,
        now: Timestamp,
    ) -> Result<Self, BadSetting> {
        let mut merged = self.clone();
        for (key, value) in changes {
            let bad = |message: &str| BadSetting { key: key.clone(), message: message.to_owned() };
            match key.as_str() {
                "require_reason" => {
                    merged.require_reason = RequireReason::read(value).map_err(|message| bad(&message))?;
                }
                "mask_fields" if value.is_null() => merged.mask_fields = Vec::new(),
                "mask_fields" => {
                    let fields: Vec<String> = serde_json::from_value(value.clone()).map_err(|_| {
                        bad("must be a list of field names or paths such as \"billing.iban\"")
                    })?;
                    MaskRules::new(&fields).map_err(|error| bad(&error.to_string()))?;
                    merged.mask_fields = fields;
                }
                "noise_fields" if value.is_null() => merged.noise_fields = None,
                "noise_fields" => {
                    let fields: Vec<String> = serde_json::from_value(value.clone()).map_err(|_| {
                        bad("must be a list of field names, or of JSON pointers such as \"/meta/revision\"")
                    })?;
                    NoiseRules::new(&fields).map_err(|error| bad(&error.to_string()))?;
                    merged.noise_fields = Some(fields);
                }
                "public_log" => merged.public_log = truth(value).ok_or_else(|| bad(TRUTH))?,
                "network_only" => merged.network_only = truth(value).ok_or_else(|| bad(TRUTH))?,
                "hold" => merged.hold = truth(value).ok_or_else(|| bad(TRUTH))?,
                "visibility" => merged.visibility = visibility(value).map_err(|message| bad(&message))?,
                "audit_log_retention_days" => {
                    let read = |value| Retention::from_json(value).map_err(|error| bad(&error.to_string()));
                    let value = if value.is_null() { None } else { Some(read(value)?) };
                    merged.audit_log_retention_days =
                        merged.audit_log_retention_days.set(value, default, now);
                }
                _ => {
                    return Err(bad(
                        "is not a setting: known are audit_log_retention_days, hold, mask_fields, \
                         network_only, noise_fields, public_log, require_reason and visibility",
                    ));
                }
            }
        }
        Ok(merged)
    }

    /// The fields whose changes say little, as the site or the default says.
    #[must_use]
    pub fn noise_fields(&self) -> Vec<String> {
        let default = || NoiseRules::DEFAULT.map(str::to_owned).into();
        self.noise_fields.clone().unwrap_or_else(default)
    }

    /// Which changes say little.
    ///
    /// # Errors
    /// When a stored rule does not read any more.
    pub fn noise(&self) -> Result<NoiseRules, StoreError> {
        NoiseRules::new(self.noise_fields())
            .map_err(|error| StoreError::Corrupt(format!("the setting noise_fields: {error}")))
    }

    /// What a role sees of the site: what this filter finds; `None` for everything.
    ///
    /// # Errors
    /// When a stored rule does not read any more: nothing is seen then, rather than too much.
    pub fn visible_to(&self, role: Role) -> Result<Option<Filter>, StoreError> {
        let read = |rule: &String| {
            Filter::parse(rule)
                .map_err(|error| StoreError::Corrupt(format!("the setting visibility: {error}")))
        };
        self.visibility.get(role.as_str()).map(read).transpose()
    }

    /// What is asked of entries on their way into the site's log.
    ///
    /// # Errors
    /// When a stored rule does not read any more.
    pub fn rules(&self) -> Result<Rules, StoreError> {
        let unread = |what: &str, error: String| StoreError::Corrupt(format!("the setting {what}: {error}"));
        let mask =
            MaskRules::new(&self.mask_fields).map_err(|error| unread("mask_fields", error.to_string()))?;
        let reason = match &self.require_reason {
            RequireReason::Always(false) => ReasonRule::Never,
            RequireReason::Always(true) => ReasonRule::Changes,
            RequireReason::When(filter) => {
                let filter =
                    Filter::parse(filter).map_err(|error| unread("require_reason", error.to_string()))?;
                ReasonRule::When(Box::new(filter))
            }
        };
        Ok(Rules { mask, reason, entity_types: None })
    }
}

/// Bytes of a rule of visibility, at most. It is read with every request.
const RULE_BYTES_MAX: usize = 2_000;

/// Filters by role: for those who read, and do not govern the site.
fn visibility(value: &Json) -> Result<BTreeMap<String, String>, String> {
    let rules: Option<BTreeMap<String, String>> = serde_json::from_value(value.clone()).map_err(|_| {
        "must be an object of roles and their filters, such as {\"auditor\": \"entity.type:page\"}".to_owned()
    })?;
    let rules = rules.unwrap_or_default();
    for (name, rule) in &rules {
        let role: Role = name.parse()?;
        if !role.may(Permission::Read) || role.may(Permission::Govern) {
            let why = "it reads nothing, or governs the site and sees all of it";
            return Err(format!("`{name}` cannot have a rule: {why}"));
        }
        if rule.trim().is_empty() || rule.len() > RULE_BYTES_MAX {
            return Err(format!("the rule for `{name}` must have 1 to {RULE_BYTES_MAX} bytes"));
        }
        Filter::parse(rule).map_err(|error| format!("the rule for `{name}` is not a filter: {error}"))?;
    }
    Ok(rules)
}

/// What a setting that is on or off may be.
const TRUTH: &str = "must be true or false";

/// The value of a setting that is on or off; `null` is off.
const fn truth(value: &Json) -> Option<bool> {
    match value {
        Json::Null => Some(false),
        Json::Bool(truth) => Some(*truth),
        Json::Number(_) | Json::String(_) | Json::Array(_) | Json::Object(_) => None,
    }
}

impl RequireReason {
    fn read(value: &Json) -> Result<Self, String> {
        match value {
            Json::Null => Ok(Self::default()),
            Json::Bool(always) => Ok(Self::Always(*always)),
            Json::String(filter) => {
                Filter::parse(filter).map_err(|error| format!("is not a filter: {error}"))?;
                Ok(Self::When(filter.clone()))
            }
            Json::Number(_) | Json::Array(_) | Json::Object(_) => {
                Err("must be true, false, or a filter such as \"entity.type:ratecard kind:update\""
                    .to_owned())
            }
        }
    }

    /// Whether reverting asks for a reason.
    #[must_use]
    pub const fn asks_for_reverts(&self) -> bool {
        !matches!(self, Self::Always(false))
    }
}

/// What is asked of entries on their way into a site's log.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// What is never stored.
    pub mask: MaskRules,
    reason: ReasonRule,
    /// Types of entities that entries may be about; `None` for all.
    entity_types: Option<Vec<String>>,
}

#[derive(Clone, Debug, Default)]
enum ReasonRule {
    #[default]
    Never,
    Changes,
    When(Box<Filter>),
}

impl Rules {
    /// The same without asking for reasons: for entries that come from elsewhere, where nobody asked.
    #[must_use]
    pub fn for_imports(&self) -> Self {
        Self { reason: ReasonRule::Never, ..self.clone() }
    }

    /// The same with other fields that are never stored.
    #[must_use]
    pub fn masking(&self, mask: MaskRules) -> Self {
        Self { mask, ..self.clone() }
    }

    /// The same for a sender who may only tell of entities of these types.
    #[must_use]
    pub fn for_entity_types(&self, types: Vec<String>) -> Self {
        Self { entity_types: Some(types), ..self.clone() }
    }

    /// Whether an entry is about something that its sender may not tell of.
    #[must_use]
    pub fn foreign_entity(&self, draft: &Draft) -> Option<Violation> {
        let types = self.entity_types.as_ref()?;
        let is_own = types.contains(&draft.entity.kind);
        let message = || format!("this token sends only entries about: {}", types.join(", "));
        (!is_own).then(|| Violation::new(model::Code::InvalidValue, "entity.type", message()))
    }

    /// Whether an entry without a reason may be taken; `draft` is asked for as it came.
    #[must_use]
    pub fn missing_reason(&self, draft: &Draft) -> Option<Violation> {
        if draft.reason.as_ref().is_some_and(|reason| !reason.trim().is_empty()) {
            return None;
        }
        let is_asked_for = match &self.reason {
            ReasonRule::Never => false,
            ReasonRule::Changes => {
                let is_change = matches!(draft.kind, Kind::Create | Kind::Update | Kind::Delete);
                is_change && draft.actor.kind == ActorType::User
            }
            ReasonRule::When(filter) => filter.matches(&draft.preview()),
        };
        is_asked_for.then(|| {
            Violation::new(
                model::Code::MissingField,
                "reason",
                "this site asks for a reason: say why it was done",
            )
        })
    }
}

/// The rules of sites at hand, as they are asked for with every write.
///
/// A change by this process holds at once, one by another process within [`RULES_HOLD`].
#[derive(Debug, Default)]
pub(crate) struct RulesAtHand(Mutex<HashMap<LogNumber, (Instant, Arc<Rules>)>>);

/// How long rules are believed without looking again.
const RULES_HOLD: Duration = Duration::from_secs(1);

impl RulesAtHand {
    /// A site's rules, by its log.
    pub(crate) fn of(&self, store: &dyn Store, log: LogNumber) -> Result<Arc<Rules>, StoreError> {
        if let Some(rules) = self.fresh(log) {
            return Ok(rules);
        }
        let looked = Instant::now();
        let rules = Arc::new(SiteSettings::load(store, log)?.rules()?);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(log, (looked, Arc::clone(&rules)));
        Ok(rules)
    }

    /// The rules at hand, where they need not be read.
    pub(crate) fn fresh(&self, log: LogNumber) -> Option<Arc<Rules>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .get(&log)
            .filter(|(looked, _)| looked.elapsed() < RULES_HOLD)
            .map(|(_, rules)| Arc::clone(rules))
    }

    /// Has the rules of a log read anew.
    pub(crate) fn forget(&self, log: LogNumber) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&log);
    }
}
