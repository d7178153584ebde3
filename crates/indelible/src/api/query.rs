//! Query parameters of lists. A parameter that is not known is refused by name: a filter that was silently
//! ignored would show entries that nobody asked for, and hide that it did.

use axum::body::Body;
use model::filter::Network;
use model::limits::{PAGE_ENTRIES_DEFAULT, PAGE_ENTRIES_MAX};
use model::{Field, Filter, Order};

use super::Problem;

/// Parameters of which a second one would contradict the first.
const ONCE: [&str; 7] = ["q", "from", "to", "sort", "limit", "cursor", "count"];

/// What a list's parameters ask for.
pub(crate) struct ListQuery {
    pub(crate) filter: Filter,
    pub(crate) order: Order,
    pub(crate) limit: usize,
    pub(crate) cursor: Option<String>,
    pub(crate) exact_count: bool,
}

impl ListQuery {
    /// What a list without parameters asks for.
    pub(crate) fn all(order: Order) -> Self {
        Self { filter: Filter::all(), order, limit: PAGE_ENTRIES_DEFAULT, cursor: None, exact_count: false }
    }

    /// Reads a query string. `order` is the list's own when it is not sorted.
    pub(crate) fn parse(query: Option<&str>, order: Order) -> Result<Self, Problem> {
        let mut fields = Fields::default();
        let mut list = Self::all(order);
        let mut given: Vec<String> = Vec::new();
        let mut search = Filter::all();
        for (name, value) in pairs(query)? {
            // A form sends its empty fields too.
            if value.is_empty() {
                continue;
            }
            if ONCE.contains(&name.as_str()) && given.contains(&name) {
                return Err(Problem::invalid(&name, "invalid_value", "is given more than once"));
            }
            given.push(name.clone());
            match name.as_str() {
                "from" => fields.from = Some(time("from", &value)?),
                "to" => fields.to = Some(time("to", &value)?),
                "sort" => {
                    list.order = Order::parse(&value)
                        .map_err(|message| Problem::invalid("sort", "invalid_value", message))?;
                }
                "limit" => list.limit = limit(&value)?,
                "cursor" => list.cursor = Some(value),
                "count" => list.exact_count = count(&value)?,
                "q" => search = language(&value)?,
                _ => fields.put(&name, value)?,
            }
        }
        list.filter = fields.into_filter().and(search);
        Ok(list)
    }
}

#[derive(Default)]
struct Fields {
    from: Option<jiff::Timestamp>,
    to: Option<jiff::Timestamp>,
    /// Values by field, those of one field joined by "or".
    values: Vec<(Field, Vec<String>)>,
}

impl Fields {
    fn put(&mut self, name: &str, value: String) -> Result<(), Problem> {
        let field = match name {
            "user" | "actor" => Field::Actor,
            "action" => Field::Action,
            "kind" => {
                let kind: model::Kind = value.parse().map_err(|error: model::action::KindError| {
                    Problem::invalid("kind", "invalid_value", error.to_string())
                })?;
                return self.put_value(Field::Kind, kind.as_str().to_owned());
            }
            "entity_type" => Field::EntityType,
            "entity_id" => Field::EntityId,
            "ip" => return self.put_value(Field::Ip, address(&value)?),
            "correlation_id" => Field::CorrelationId,
            other => {
                let message = "not a parameter of a list: use q, from, to, user, actor, action, kind, \
                               entity_type, entity_id, ip, correlation_id, sort, limit, cursor, count";
                return Err(Problem::invalid(other, "unknown_parameter", message));
            }
        };
        self.put_value(field, value)
    }

    #[expect(clippy::unnecessary_wraps, reason = "ends the arms of `put`, which can fail")]
    fn put_value(&mut self, field: Field, value: String) -> Result<(), Problem> {
        match self.values.iter_mut().find(|(known, _)| *known == field) {
            Some((_, values)) => values.push(value),
            None => self.values.push((field, vec![value])),
        }
        Ok(())
    }

    fn into_filter(self) -> Filter {
        let times = (self.from.is_some() || self.to.is_some()).then(|| Filter::occurred(self.from, self.to));
        let values = self.values.into_iter().map(|(field, values)| {
            let mut any: Vec<Filter> = values.iter().map(|value| is(field, value)).collect();
            if any.len() == 1 { any.remove(0) } else { Filter::Or(any) }
        });
        Filter::And(times.into_iter().chain(values).collect())
    }
}

/// The filter that a query string asks for, and those of its parameters that `own` are the route's own. For
/// routes that have a list's filters but neither its pages nor its order.
pub(crate) fn filter_and_own(
    query: Option<&str>,
    own: &[&str],
) -> Result<(Filter, Vec<(String, String)>), Problem> {
    let (own, others): (Vec<_>, Vec<_>) =
        pairs(query)?.into_iter().partition(|(name, _)| own.contains(&name.as_str()));
    for name in ["sort", "limit", "cursor", "count"] {
        if others.iter().any(|(other, _)| other == name) {
            let message = "not a parameter of this route, which has no pages and an order of its own";
            return Err(Problem::invalid(name, "unknown_parameter", message));
        }
    }
    let rest = serde_urlencoded::to_string(others).unwrap_or_default();
    Ok((ListQuery::parse(Some(&rest), Order::OLDEST_FIRST)?.filter, own))
}

/// The pairs of a query string, decoded.
pub(crate) fn pairs(query: Option<&str>) -> Result<Vec<(String, String)>, Problem> {
    serde_urlencoded::from_str(query.unwrap_or_default())
        .map_err(|error| Problem::invalid("query", "invalid_value", error.to_string()))
}

/// Bytes of a body that configures something, at most.
const SMALL_BODY_BYTES_MAX: usize = 64 * 1024;

/// Reads a small JSON body where nothing need be sent.
pub(super) async fn json_or_nothing<T: serde::de::DeserializeOwned + Default>(
    body: Body,
) -> Result<T, Problem> {
    let too_large = || Problem::too_large(format!("the body is larger than {SMALL_BODY_BYTES_MAX} bytes"));
    let bytes = super::body::collect(body, SMALL_BODY_BYTES_MAX, too_large).await?;
    if bytes.iter().all(u8::is_ascii_whitespace) { Ok(T::default()) } else { read_json(&bytes) }
}

/// Reads a small JSON body.
pub(super) async fn json<T: serde::de::DeserializeOwned>(body: Body) -> Result<T, Problem> {
    let too_large = || Problem::too_large(format!("the body is larger than {SMALL_BODY_BYTES_MAX} bytes"));
    let bytes = super::body::collect(body, SMALL_BODY_BYTES_MAX, too_large).await?;
    read_json(&bytes)
}

fn read_json<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes).map_err(|error| {
        let text = error.to_string();
        // serde's messages quote the field in backticks, first of all.
        let field = text.split('`').nth(1).unwrap_or_default();
        if text.starts_with("missing field") {
            return Problem::invalid(field, "missing_field", "is required");
        }
        if let Some((_, known)) = text.split_once(", expected ").filter(|_| text.starts_with("unknown field"))
        {
            let known = known.split(" at line ").next().unwrap_or_default();
            return Problem::invalid(
                field,
                "unknown_field",
                format!("is no field of this; known here are {known}"),
            );
        }
        let code = if error.is_data() { "invalid_value" } else { "json_syntax" };
        let detail = format!("the body does not fit: {text}");
        Problem::new(axum::http::StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    })
}

/// Refuses a `name` that lists and messages could not show.
pub(super) fn check_name(name: &str) -> Result<(), Problem> {
    let is_odd = name.trim().is_empty() || name.contains(char::is_control);
    if is_odd || name.len() > model::limits::CODE_BYTES_MAX {
        let message = "must have 1 to 255 bytes and no control characters";
        return Err(Problem::invalid("name", "invalid_value", message));
    }
    Ok(())
}

pub(super) fn time(name: &str, value: &str) -> Result<jiff::Timestamp, Problem> {
    value.parse().map_err(|_| {
        let message = format!(
            "`{value}` is not an RFC 3339 time with zone such as 2026-11-21T04:15:15Z (`+` is `%2B` in a URL)"
        );
        Problem::invalid(name, "invalid_value", message)
    })
}

/// A field has a value, which for an address may be a network.
fn is(field: Field, value: &str) -> Filter {
    let network = value.parse().ok().filter(|_| field == Field::Ip && value.contains('/'));
    network.map_or_else(|| Filter::is(field, value), Filter::Ip)
}

/// An address in the one form that entries have (`2001:DB8::0:1` is `2001:db8::1`), the beginning of one, or a network.
fn address(value: &str) -> Result<String, Problem> {
    if value.ends_with('*') {
        return Ok(value.to_ascii_lowercase());
    }
    if value.contains('/') {
        let network: Result<Network, String> = value.parse();
        return network
            .map(|_| value.to_owned())
            .map_err(|message| Problem::invalid("ip", "invalid_value", message));
    }
    let address: Result<std::net::IpAddr, _> = value.parse();
    address.map(|address| address.to_string()).map_err(|_| {
        let message = format!(
            "`{value}` is not an IPv4 or IPv6 address, a network such as `203.0.113.0/24`, or a beginning such as `203.0.*`"
        );
        Problem::invalid("ip", "invalid_value", message)
    })
}

fn limit(value: &str) -> Result<usize, Problem> {
    value.parse().ok().filter(|limit| (1..=PAGE_ENTRIES_MAX).contains(limit)).ok_or_else(|| {
        let message = format!("`{value}` is not a number from 1 to {PAGE_ENTRIES_MAX}");
        Problem::invalid("limit", "invalid_value", message)
    })
}

fn count(value: &str) -> Result<bool, Problem> {
    match value {
        "exact" => Ok(true),
        "none" => Ok(false),
        _ => Err(Problem::invalid("count", "invalid_value", format!("`{value}` is not exact or none"))),
    }
}

/// Reads the filter language. The mistake's place goes along, so that it can be shown there.
fn language(text: &str) -> Result<Filter, Problem> {
    Filter::parse(text).map_err(|error| Problem::filter("q", &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(query: &str) -> Filter {
        ListQuery::parse(Some(query), Order::NEWEST_FIRST).map(|list| list.filter).unwrap()
    }

    #[test]
    fn values_of_one_field_are_alternatives() {
        let is = Filter::is;
        assert_eq!(filter(""), Filter::all());
        assert_eq!(filter("user=Ana+Lima&action="), Filter::And(vec![is(Field::Actor, "Ana Lima")]));
        assert_eq!(
            filter("ip=2001:DB8::0:1&ip=10.*"),
            Filter::And(vec![Filter::Or(vec![is(Field::Ip, "2001:db8::1"), is(Field::Ip, "10.*")])])
        );
        assert_eq!(
            filter("ip=203.0.113.0/24"),
            Filter::And(vec![Filter::parse("ip:203.0.113.0/24").unwrap()])
        );
        assert_eq!(
            filter("action=a&action=b&kind=update"),
            Filter::And(vec![
                Filter::Or(vec![is(Field::Action, "a"), is(Field::Action, "b")]),
                is(Field::Kind, "update")
            ])
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (query, field) in [
            ("colour=red", "colour"),
            ("from=yesterday", "from"),
            ("to=2026-11-21", "to"),
            ("limit=0", "limit"),
            ("limit=1001", "limit"),
            ("limit=x", "limit"),
            ("sort=colour", "sort"),
            ("kind=upsert", "kind"),
            ("ip=localhost", "ip"),
            ("ip=203.0.113.0/99", "ip"),
            ("count=maybe", "count"),
            ("q=acton:a", "q"),
            ("q=a&q=b", "q"),
            ("from=2026-11-21T00:00:00Z&from=2026-11-20T00:00:00Z", "from"),
            ("limit=5&limit=6", "limit"),
        ] {
            let problem = ListQuery::parse(Some(query), Order::NEWEST_FIRST).err().expect(query);
            assert!(problem.detail().starts_with(&format!("`{field}`: ")), "{}", problem.detail());
        }
    }
}
