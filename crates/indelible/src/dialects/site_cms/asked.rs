//! The parameters of lists here. What is not known is ignored, as that CMS does, and an empty one counts as absent.

use jiff::Timestamp;
use model::filter::Pattern;
use model::text::Glob;
use model::{Field, Filter, Order, SortColumn};

use super::action;
use super::problem::Problem;
use crate::api::App;
use crate::dialects::told_within;
use crate::search::{FacetsQuestion, Question};
use crate::store::Site;

const PAGE_SIZE_DEFAULT: u64 = 10;
const PAGE_SIZE_MAX: u64 = 100;

/// Entries of one entity in one answer, at most, and when the caller does not say.
const LIMIT_MAX: usize = 1000;

/// Distinct codes or types that a site is expected to have, at most.
const NAMES_MAX: usize = 10_000;

/// The type of entries that tell of the CMS' AI: they have a list of their own.
pub(super) const AI_TYPE: &str = "ai_generation";

/// What is asked for.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) page: u64,
    pub(super) page_size: u64,
    pub(super) order: Order,
    /// Entries of one entity are told from the newest.
    pub(super) newest_first: bool,
    pub(super) limit: usize,
    pub(super) cursor: Option<String>,
    search: Option<String>,
    action: Option<String>,
    entity_type: Option<String>,
    user: Option<String>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
}

impl Asked {
    /// Reads a query string.
    pub(super) fn parse(query: Option<&str>) -> Result<Self, Problem> {
        let pairs: Vec<(String, String)> =
            serde_urlencoded::from_str(query.unwrap_or_default()).unwrap_or_default();
        let get = |names: &[&str]| {
            let mut found =
                pairs.iter().filter(|(name, value)| names.contains(&name.as_str()) && !value.is_empty());
            found.next_back().map(|(_, value)| value.as_str())
        };
        let number = |name: &str, value: Option<&str>, default: u64| match value {
            None => Ok(default),
            Some(text) => whole(text).ok_or_else(|| Problem::bad(name, "is not a whole number")),
        };
        let page_size = number("page_size", get(&["page_size", "per_page"]), PAGE_SIZE_DEFAULT)?;
        let limit = number("limit", get(&["limit"]), u64::try_from(LIMIT_MAX).unwrap_or(u64::MAX))?;
        let descending = !get(&["sort_dir"]).is_some_and(|direction| direction.eq_ignore_ascii_case("asc"));
        let column = get(&["sort_by"]).map_or(SortColumn::Timestamp, column);
        Ok(Self {
            page: number("page", get(&["page"]), 1)?.max(1),
            page_size: page_size.clamp(1, PAGE_SIZE_MAX),
            order: Order { column, descending },
            newest_first: get(&["order"]).is_some_and(|order| order.eq_ignore_ascii_case("desc")),
            limit: usize::try_from(limit).unwrap_or(LIMIT_MAX).clamp(1, LIMIT_MAX),
            cursor: get(&["cursor"]).map(ToOwned::to_owned),
            search: get(&["search"]).map(ToOwned::to_owned),
            action: get(&["action"]).map(ToOwned::to_owned),
            entity_type: get(&["entity_type"]).map(ToOwned::to_owned),
            user: get(&["user"]).map(ToOwned::to_owned),
            from: get(&["from_date"]).map(|text| time("from_date", text)).transpose()?,
            to: get(&["to_date"]).map(|text| time("to_date", text)).transpose()?,
        })
    }

    /// The entries that pass all filters. Blocks: some names are looked up among those that occur in the sites.
    pub(super) fn filter(&self, app: &App, sites: &[Site]) -> Result<Filter, Problem> {
        let mut filter = Filter::all();
        if self.from.is_some() || self.to.is_some() {
            filter = filter.and(told_within(self.from, self.to));
        }
        if let Some(entity_type) = &self.entity_type {
            filter = filter.and(Filter::equals(Field::EntityType, entity_type));
        }
        if let Some(user) = &self.user {
            filter = filter.and(Filter::equals(Field::Actor, user));
        }
        if self.action.is_none() && self.search.is_none() {
            return Ok(filter);
        }
        let names = Names::occurring(app, sites)?;
        if let Some(action) = &self.action {
            filter = filter.and(action::named(action, &names.codes));
        }
        if let Some(search) = &self.search {
            filter = filter.and(names.containing(search));
        }
        Ok(filter)
    }

    /// Whether entries of the CMS' AI are asked for by name.
    pub(super) fn wants_ai(&self) -> bool {
        self.entity_type.as_deref() == Some(AI_TYPE)
    }
}

/// A whole number that may be below zero or beyond all bounds, which the limits then take in.
fn whole(text: &str) -> Option<u64> {
    let (is_negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| if is_negative { 0 } else { digits.parse().unwrap_or(u64::MAX) })
}

fn time(name: &str, text: &str) -> Result<Timestamp, Problem> {
    text.parse().map_err(|_| {
        Problem::bad(
            name,
            "is not an RFC 3339 time with zone such as 2026-11-21T04:15:15Z (`+` is `%2B` in a URL)",
        )
    })
}

/// Any column by its name here or in our own API; another name is the time's.
fn column(name: &str) -> SortColumn {
    match name {
        "user_id" | "user_name" => SortColumn::User,
        "ip_address" => SortColumn::Ip,
        "entity_display" => SortColumn::Entity,
        other => Order::parse(other).map_or(SortColumn::Timestamp, |order| order.column),
    }
}

/// Codes and types that occur. There are few, so that a text is looked for in them in any case.
struct Names {
    codes: Vec<String>,
    types: Vec<String>,
}

impl Names {
    fn occurring(app: &App, sites: &[Site]) -> Result<Self, Problem> {
        let all = Filter::all();
        let question = Question::newest(sites, &all, 1);
        let columns = [SortColumn::Action, SortColumn::EntityType];
        let asked = FacetsQuestion { columns: &columns, bucket: None, values_max: NAMES_MAX };
        let facets = app.indelible.search().facets(&question, &asked)?;
        let mut values = facets
            .columns
            .into_iter()
            .map(|(_, values, _)| values.into_iter().map(|found| found.value).collect::<Vec<String>>());
        Ok(Self { codes: values.next().unwrap_or_default(), types: values.next().unwrap_or_default() })
    }

    /// The entries of which one column has a text in it.
    fn containing(&self, text: &str) -> Filter {
        let folded = text.to_lowercase();
        let codes = self.codes.iter().filter(|code| action::code_contains(code, &folded));
        let types = self.types.iter().filter(|name| name.to_lowercase().contains(&folded));
        let texts = [Field::Actor, Field::Entity, Field::Summary, Field::Ip];
        let contains = |field| Filter::Text { field, pattern: Pattern::from(Glob::containing(text)) };
        Filter::Or(
            codes
                .map(|code| Filter::equals(Field::Action, code))
                .chain(types.map(|name| Filter::equals(Field::EntityType, name)))
                .chain(texts.map(contains))
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_taken_into_their_limits() {
        let asked = |query: &str| Asked::parse(Some(query)).map(|asked| (asked.page, asked.page_size)).ok();
        for (query, expected) in [
            ("", (1, 10)),
            ("page=0&page_size=0", (1, 1)),
            ("page=-3&page_size=-3", (1, 1)),
            ("page=3&page_size=200", (3, 100)),
            ("per_page=25", (1, 25)),
            ("page=&page_size=", (1, 10)),
            ("page=99999999999999999999", (u64::MAX, 10)),
        ] {
            assert_eq!(asked(query), Some(expected), "{query}");
        }
        for query in ["page=x", "page_size=1.5", "from_date=yesterday", "to_date=2026-11-21"] {
            assert_eq!(asked(query), None, "{query}");
        }
    }

    #[test]
    fn orders() {
        let order = |query: &str| Asked::parse(Some(query)).unwrap().order;
        assert_eq!(order(""), Order::NEWEST_FIRST);
        assert_eq!(order("sort_by=created_at&sort_dir=ASC"), Order::OLDEST_FIRST);
        assert_eq!(order("sort_by=colour&sort_dir=up"), Order::NEWEST_FIRST);
        assert_eq!(
            order("sort_by=action&sort_dir=asc"),
            Order { column: SortColumn::Action, descending: false }
        );
        assert_eq!(order("sort_by=entity_type").column, SortColumn::EntityType);
        assert_eq!(order("sort_by=ip_address").column, SortColumn::Ip);
    }
}
