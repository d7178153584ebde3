//! What is captured and how it is told: the file of rules.
//!
//! ```toml
//! name = "shop"              # of the slot, the publication and the entries' source
//! site = "acme.shop"         # whose log it goes to
//!
//! [[table]]
//! match = "public.order"
//! type = "order"
//! title = "number"
//! noise = ["updated_at"]
//! mask = ["card_number"]
//!
//! [[table]]
//! match = "audit.*"
//! capture = false
//!
//! [[table]]
//! match = "public.*"
//! ```

use std::path::Path;

use config::{Config, File, FileFormat};
use model::SiteId;
use model::mask::MaskRules;
use serde::Deserialize;

use super::CaptureError;

/// Bytes of a capture's name, at most: PostgreSQL's names have 63, and ours have something before them.
const NAME_BYTES_MAX: usize = 40;

/// All rules of one capture.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// What it is called: lower-case letters, digits and `_`.
    pub name: String,
    /// The site whose log has its entries, unless a table says another.
    #[serde(deserialize_with = "site")]
    pub site: SiteId,
    /// How changes are learnt of.
    #[serde(default)]
    pub mode: Mode,
    /// Database users that may say who acts.
    #[serde(default)]
    pub context_users: Vec<String>,
    /// The database user that takes changes back, if one may.
    #[serde(default)]
    pub revert_user: Option<String>,
    /// Bytes of log that the server keeps for this capture, at most, in megabytes: what `capture doctor` holds the server's
    /// own limit against.
    #[serde(default = "default_lag_megabytes")]
    pub lag_megabytes_max: u64,
    /// The tables; the first rule that fits a table counts, and a table that none fits is not captured.
    #[serde(default, rename = "table")]
    pub tables: Vec<TableRule>,
}

/// How changes are learnt of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// By logical replication.
    #[default]
    Replication,
    /// By triggers, where a server does not let one replicate.
    Triggers,
}

/// How some tables are told.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableRule {
    /// Which tables: `schema.table`, in which `*` stands for any characters.
    #[serde(rename = "match")]
    pub pattern: String,
    /// Whether they are captured at all.
    #[serde(default = "yes")]
    pub capture: bool,
    /// The type of their rows as entities; the table's name with its schema if none is given.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// The columns that tell a row from others, where the table has no primary key or another is meant.
    #[serde(default)]
    pub key: Vec<String>,
    /// The column that people call a row by.
    pub title: Option<String>,
    /// The site, with columns in braces: `acme.{tenant}`.
    pub site: Option<String>,
    /// Columns, or paths within JSON, whose values are never stored.
    #[serde(default)]
    pub mask: Vec<String>,
    /// Columns whose changes alone are no entry of their own: they are counted.
    #[serde(default)]
    pub noise: Vec<String>,
    /// Columns that are left out.
    #[serde(default)]
    pub leave_out: Vec<String>,
    /// Names that the table had before: its rows keep their histories.
    #[serde(default)]
    pub was: Vec<String>,
    /// Whether rows that were there before the capture become entries, so that states are complete from then on.
    #[serde(default = "yes")]
    pub baseline: bool,
}

const fn yes() -> bool {
    true
}

const fn default_lag_megabytes() -> u64 {
    10_240
}

fn site<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<SiteId, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(serde::de::Error::custom)
}

impl Rules {
    /// Reads a file of rules.
    ///
    /// # Errors
    /// When it cannot be read, has a key that there is none of, or a value that cannot be.
    pub fn load(path: &Path) -> Result<Self, CaptureError> {
        let refused = |reason: String| CaptureError::Rules { file: path.display().to_string(), reason };
        let text = std::fs::read_to_string(path).map_err(|error| refused(error.to_string()))?;
        Self::parse(&text).map_err(refused)
    }

    /// The same from a text.
    fn parse(text: &str) -> Result<Self, String> {
        let source = File::from_str(text, FileFormat::Toml);
        let read = Config::builder().add_source(source).build().and_then(Config::try_deserialize);
        let rules: Self = read.map_err(|error| error.to_string())?;
        rules.check()?;
        Ok(rules)
    }

    fn check(&self) -> Result<(), String> {
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if self.name.is_empty() || self.name.len() > NAME_BYTES_MAX || !self.name.chars().all(is_plain) {
            return Err(format!(
                "name: `{}` is not 1 to {NAME_BYTES_MAX} lower-case letters, digits and `_`",
                self.name.chars().take(NAME_BYTES_MAX).collect::<String>()
            ));
        }
        if self.site.is_system() {
            return Err("site: `_system` is the log's own; name a site".to_owned());
        }
        if !self.tables.iter().any(|table| table.capture) {
            return Err(
                "there is no [[table]] to capture; `match = \"public.*\"` captures a whole schema".to_owned()
            );
        }
        for table in &self.tables {
            table.check().map_err(|reason| format!("[[table]] `{}`: {reason}", table.pattern))?;
        }
        Ok(())
    }

    /// The rule for a table, if it is captured.
    #[must_use]
    pub fn of(&self, schema: &str, name: &str) -> Option<(usize, &TableRule)> {
        let (place, rule) = self.tables.iter().enumerate().find(|(_, rule)| rule.is_of(schema, name))?;
        rule.capture.then_some((place, rule))
    }

    /// The slot's name, and the publication's.
    #[must_use]
    pub fn slot(&self) -> String {
        format!("indelible_{}", self.name)
    }

    /// Who the entries' source is.
    #[must_use]
    pub fn source(&self) -> String {
        format!("capture {}", self.name)
    }
}

impl TableRule {
    fn check(&self) -> Result<(), String> {
        if !self.pattern.contains('.') {
            return Err("write the schema too, such as `public.order`".to_owned());
        }
        if let Some(kind) = self.kind.as_ref().filter(|kind| kind.trim().is_empty()) {
            return Err(format!("type: `{kind}` is empty"));
        }
        if self.pattern.contains('*') && (self.kind.is_some() || !self.was.is_empty()) {
            return Err("`type` and `was` are of one table: name it in `match`, without `*`".to_owned());
        }
        MaskRules::new(&self.mask).map_err(|error| error.to_string())?;
        let Some(site) = &self.site else { return Ok(()) };
        // Whatever the columns hold, the rest must be a site's name.
        let example = fill(site, |_| Some("x".to_owned())).ok_or("site: a brace is not closed")?;
        match example.parse::<SiteId>() {
            Ok(site) if !site.is_system() => Ok(()),
            Ok(_) => Err("site: `_system` is the log's own".to_owned()),
            Err(error) => Err(format!("site: {error}")),
        }
    }

    /// The columns that it names, each with the setting that names it; those that are masked may be fields within JSON.
    pub(super) fn columns(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let lists = [("key", &self.key), ("noise", &self.noise), ("leave_out", &self.leave_out)];
        let listed =
            lists.into_iter().flat_map(|(name, list)| list.iter().map(move |column| (name, column.as_str())));
        let title = self.title.as_deref().map(|column| ("title", column));
        let braces = self.site.as_deref().unwrap_or_default().split('{').skip(1);
        let of_site = braces.filter_map(|rest| rest.split_once('}')).map(|(column, _)| ("site", column));
        listed.chain(title).chain(of_site)
    }

    /// Whether this rule is about a table, by the name it has or one that it had.
    #[must_use]
    pub fn is_of(&self, schema: &str, name: &str) -> bool {
        let full = format!("{schema}.{name}");
        fits(&self.pattern, &full) || self.was.contains(&full)
    }

    /// The type of a table's rows as entities.
    #[must_use]
    pub fn entity_type(&self, schema: &str, name: &str) -> String {
        match (&self.kind, self.was.first()) {
            (Some(kind), _) => kind.clone(),
            // The first name it had, under which its rows' histories began.
            (None, Some(first)) => first.clone(),
            (None, None) => format!("{schema}.{name}"),
        }
    }

    /// The site of a row, by its values; `None` where they name none.
    pub(super) fn site_of(&self, value: impl FnMut(&str) -> Option<String>) -> Option<SiteId> {
        let site: SiteId = fill(self.site.as_ref()?, value)?.to_lowercase().parse().ok()?;
        (!site.is_system()).then_some(site)
    }
}

/// A pattern with its names in braces replaced.
fn fill(pattern: &str, mut value: impl FnMut(&str) -> Option<String>) -> Option<String> {
    let mut filled = String::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}')?;
        filled.push_str(before);
        filled.push_str(&value(name)?);
        rest = after;
    }
    filled.push_str(rest);
    Some(filled)
}

/// Whether a text is of a pattern in which `*` stands for any characters.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut left) = text.strip_prefix(first) else { return false };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return left.ends_with(part);
        }
        let Some((_, after)) = left.split_once(part) else { return false };
        left = after;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(tables: &str) -> Result<Rules, String> {
        Rules::parse(&format!("name = \"shop\"\nsite = \"acme.shop\"\n{tables}"))
    }

    #[test]
    fn the_first_rule_that_fits_counts() {
        let rules =
            rules("[[table]]\nmatch = \"public.secret_*\"\ncapture = false\n[[table]]\nmatch = \"public.*\"")
                .unwrap();
        assert!(rules.of("public", "secret_keys").is_none());
        assert_eq!(rules.of("public", "order").map(|(place, _)| place), Some(1));
        assert!(rules.of("other", "order").is_none());
    }

    #[test]
    fn patterns_have_stars_anywhere() {
        for (pattern, text, expected) in [
            ("a.b", "a.b", true),
            ("a.b", "a.bc", false),
            ("*.b", "a.b", true),
            ("a.*_x_*", "a.1_x_2", true),
            ("a.*_x", "a.1_x_x", true),
            ("a.*_x", "a.1_y", false),
            ("*", "a.b", true),
        ] {
            assert_eq!(fits(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_renamed_table_keeps_its_histories() {
        let rules = rules("[[table]]\nmatch = \"public.purchase\"\nwas = [\"public.order\"]").unwrap();
        for name in ["order", "purchase"] {
            let (_, rule) = rules.of("public", name).unwrap();
            assert_eq!(rule.entity_type("public", name), "public.order");
        }
    }

    #[test]
    fn a_site_can_follow_from_columns() {
        let rules = rules("[[table]]\nmatch = \"public.*\"\nsite = \"acme.{tenant}\"").unwrap();
        let rule = rules.tables.first().unwrap();
        let of = |tenant: &str| rule.site_of(|name| (name == "tenant").then(|| tenant.to_owned()));
        assert_eq!(of("North").unwrap().to_string(), "acme.north");
        assert_eq!(of("_system"), None);
        assert_eq!(of("a b"), None);
    }

    #[test]
    fn mistakes_are_named() {
        for (tables, expected) in [
            ("", "there is no [[table]]"),
            ("[[table]]\nmatch = \"order\"", "write the schema too"),
            ("[[table]]\nmatch = \"a.b\"\nkeys = [\"id\"]", "keys"),
            ("[[table]]\nmatch = \"a.b\"\nsite = \"acme.{tenant\"", "a brace is not closed"),
            ("[[table]]\nmatch = \"a.b\"\nsite = \"{tenant}.x y\"", "site"),
            ("[[table]]\nmatch = \"a.b\"\nmask = [\"\"]", "mask rule 1 is empty"),
            ("[[table]]\nmatch = \"a.*\"\ntype = \"x\"", "of one table"),
        ] {
            let error = rules(tables).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        let error = Rules::parse("name = \"The Shop\"\nsite = \"acme.shop\"").unwrap_err();
        assert!(error.contains("`The Shop` is not 1 to 40 lower-case letters"), "{error}");
        let error = Rules::parse("name = \"shop\"\nsite = \"_system\"").unwrap_err();
        assert!(error.contains("_system"), "{error}");
    }
}
