//! Fields whose changes say little, as they come with every save: the time of the last edit, a revision's number.
//! Pages fold them away. Nothing is left out of what the log keeps, proves or answers.

use std::borrow::Cow;

/// Rules of one site, at most.
const RULES_MAX: usize = 200;

/// Bytes of one rule, at most.
const RULE_BYTES_MAX: usize = 200;

/// Which changes are noise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoiseRules {
    /// Fields that are noise wherever they are.
    names: Vec<String>,
    /// Places, by the steps of their pointers; `*` is any one step.
    places: Vec<Vec<String>>,
}

/// What is wrong with a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoiseError {
    /// It says nothing.
    #[error(
        "rule {position} is empty: give a field such as `updated_at` or a place such as `/meta/revision`"
    )]
    Empty {
        /// Which rule, counted from 1.
        position: usize,
    },
    /// It is too long.
    #[error("rule {position} is {bytes} bytes long, {RULE_BYTES_MAX} are allowed: name the field alone")]
    TooLong {
        /// Which rule, counted from 1.
        position: usize,
        /// Its length.
        bytes: usize,
    },
    /// It has a character that cannot be seen.
    #[error(
        "rule {position} has a control character, such as a line break: give each field as a rule of its own"
    )]
    ControlCharacter {
        /// Which rule, counted from 1.
        position: usize,
    },
    /// It is neither a name nor a pointer.
    #[error(
        "rule {position}, `{rule}`, is neither a field's name nor a JSON pointer: a place begins with `/`, and a `/` or `~` \
         in a name is written `~1` or `~0`"
    )]
    NoPlace {
        /// Which rule, counted from 1.
        position: usize,
        /// The rule as given.
        rule: String,
    },
    /// There are too many.
    #[error("more than {RULES_MAX} rules: name the field alone where several places end with it, or use `*`")]
    TooMany,
}

impl Default for NoiseRules {
    fn default() -> Self {
        Self::new(Self::DEFAULT).unwrap_or(Self { names: Vec::new(), places: Vec::new() })
    }
}

impl NoiseRules {
    /// What holds where a site says nothing else: the times and numbers of the systems that send entries. Words that
    /// mean something else further inside, such as the version of a plugin, are noise only at the root of a state.
    pub const DEFAULT: [&'static str; 16] = [
        "updated_at",
        "updatedAt",
        "modified_at",
        "last_modified",
        "lastModified",
        "post_modified",
        "post_modified_gmt",
        "last_published_at",
        "latest_revision",
        "latest_revision_created_at",
        "lock_version",
        "etag",
        "/updated",
        "/modified",
        "/revision",
        "/version",
    ];

    /// The rules of a site. Each is a field's name (`updated_at`, noise wherever it is, with all that is in it) or a JSON
    /// pointer (`/meta/revision`, that place and what is in it), in which `*` stands for one step. Upper and lower
    /// case of ASCII letters do not count.
    ///
    /// # Errors
    /// The first rule that is empty, longer than 200 bytes, has control characters or is neither; more than 200 rules.
    pub fn new<S: AsRef<str>>(rules: impl IntoIterator<Item = S>) -> Result<Self, NoiseError> {
        let mut all = Self { names: Vec::new(), places: Vec::new() };
        for (index, rule) in rules.into_iter().enumerate() {
            if index >= RULES_MAX {
                return Err(NoiseError::TooMany);
            }
            all.add(index + 1, rule.as_ref())?;
        }
        Ok(all)
    }

    fn add(&mut self, position: usize, rule: &str) -> Result<(), NoiseError> {
        let rule = rule.trim();
        if rule.is_empty() {
            return Err(NoiseError::Empty { position });
        }
        if rule.len() > RULE_BYTES_MAX {
            return Err(NoiseError::TooLong { position, bytes: rule.len() });
        }
        if rule.chars().any(char::is_control) {
            return Err(NoiseError::ControlCharacter { position });
        }
        let no_place = || NoiseError::NoPlace { position, rule: rule.to_owned() };
        match rule.strip_prefix('/') {
            Some(steps) => {
                let is_step = |step: &&str| step.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
                let steps: Vec<&str> = steps.split('/').collect();
                if !steps.iter().all(is_step) || steps.iter().all(|step| step.is_empty() || *step == "*") {
                    return Err(no_place());
                }
                self.places.push(steps.into_iter().map(|step| name_of(step).into_owned()).collect());
            }
            None if rule.contains('/') => return Err(no_place()),
            None => self.names.push(rule.to_owned()),
        }
        Ok(())
    }

    /// Whether a change at this JSON pointer is noise.
    #[must_use]
    pub fn covers(&self, pointer: &str) -> bool {
        let steps: Vec<Cow<'_, str>> = pointer.split('/').skip(1).map(name_of).collect();
        let is_named = |name: &String| steps.iter().any(|step| step.eq_ignore_ascii_case(name));
        let is_inside = |place: &Vec<String>| {
            let fits =
                |(rule, step): (&String, &Cow<'_, str>)| rule == "*" || rule.eq_ignore_ascii_case(step);
            place.len() <= steps.len() && place.iter().zip(&steps).all(fits)
        };
        self.names.iter().any(is_named) || self.places.iter().any(is_inside)
    }
}

/// The name that a step of a pointer stands for.
fn name_of(step: &str) -> Cow<'_, str> {
    if step.contains('~') {
        Cow::Owned(step.replace("~1", "/").replace("~0", "~"))
    } else {
        Cow::Borrowed(step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_noise_anywhere_and_places_where_they_are() {
        let rules = NoiseRules::new(["updated_at", "/meta/revision", "/cards/*/seen", "/a~1b"]).unwrap();
        for noise in [
            "/updated_at",
            "/UPDATED_AT",
            "/page/0/updated_at",
            "/updated_at/seconds",
            "/meta/revision",
            "/meta/revision/id",
            "/cards/3/seen",
            "/a~1b",
        ] {
            assert!(rules.covers(noise), "{noise}");
        }
        for signal in [
            "",
            "/",
            "/title",
            "/updated_at_utc",
            "/meta",
            "/revision",
            "/x/meta/revision",
            "/cards/seen",
            "/a",
        ] {
            assert!(!rules.covers(signal), "{signal}");
        }
    }

    #[test]
    fn the_default_knows_a_plugins_version_from_a_revisions_number() {
        let rules = NoiseRules::default();
        assert!(
            rules.covers("/version") && rules.covers("/lastmodified") && rules.covers("/pages/1/updatedAt")
        );
        assert!(!rules.covers("/plugins/akismet/version") && !rules.covers("/content"));
    }

    #[test]
    fn rules_that_say_nothing_are_refused() {
        let error = |rule: &str| NoiseRules::new(["ok", rule]).unwrap_err();
        assert_eq!(error(" "), NoiseError::Empty { position: 2 });
        assert_eq!(error(&"x".repeat(201)), NoiseError::TooLong { position: 2, bytes: 201 });
        assert_eq!(error("a\u{7}b"), NoiseError::ControlCharacter { position: 2 });
        for rule in ["/", "a/b", "/a~2", "/*/*", "//"] {
            assert_eq!(error(rule), NoiseError::NoPlace { position: 2, rule: rule.to_owned() });
        }
        assert_eq!(NoiseRules::new(["x"; 201]).unwrap_err(), NoiseError::TooMany);
        assert!(NoiseRules::new([""; 0]).is_ok_and(|rules| !rules.covers("/updated_at")), "none at all");
    }
}
