//! `GET /sites/{site}/facets`, `GET /facets`

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{RawQuery, State};
use jiff::Timestamp;
use model::{Filter, Kind, Order, Permission, SortColumn};
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::{Caller, Parts};
use crate::api::parameters::{CountParameters, FilterParameters};
use crate::api::problem::Problem;
use crate::api::query;
use crate::api::{App, Path, blocking};
use crate::search::{self, Bucket, FacetsQuestion, Question};

/// Values told per field when the caller does not say, and at most.
const VALUES_DEFAULT: usize = 20;
/// See [`VALUES_DEFAULT`].
const VALUES_MAX: usize = 1000;

/// Fields that have no values to count: each entry has its own, or they are times and amounts.
const NOT_COUNTED: [SortColumn; 3] = [SortColumn::Timestamp, SortColumn::Recorded, SortColumn::Duration];

/// Counts of values and times.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct FacetsOut {
    /// Entries that match.
    total: u64,
    /// The values of each field, the most frequent first.
    facets: BTreeMap<String, Vec<ValueOut>>,
    /// How many entries have a value of each field that is not told.
    other: BTreeMap<String, u64>,
    /// The buckets that have entries, the oldest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    histogram: Option<Vec<BucketOut>>,
}

/// A value and how often it occurs.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct ValueOut {
    /// The value; empty for entries that have none. Of longer ones the first 80 characters.
    value: String,
    /// Entries that have it.
    count: u64,
}

/// A span of time and what happened in it.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct BucketOut {
    /// Its first moment.
    #[schema(value_type = String, format = DateTime)]
    start: Timestamp,
    /// Entries in it.
    count: u64,
    /// The same by kind, those of which there are any.
    kinds: BTreeMap<&'static str, u64>,
}

/// Counts per value and per time of a site's entries.
#[utoipa::path(get, path = "/sites/{site}/facets", tag = "entries",
    params(("site" = String, Path), CountParameters, FilterParameters),
    responses((status = 200, body = FacetsOut), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 422, body = Problem), (status = 503, body = Problem)))]
pub(in crate::api) async fn facets(
    State(app): State<App>,
    caller: Caller,
    Path(site): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<FacetsOut>, Problem> {
    let wanted = Wanted::parse(query.as_deref())?;
    blocking(move || {
        let part = caller.on_part_of_site(Permission::Read, &site, app.indelible.sites())?;
        wanted.answer(&app, &Parts::from(part)).map(Json)
    })
    .await
}

/// Counts per value and per time of all entries the caller may see.
#[utoipa::path(get, path = "/facets", tag = "entries",
    params(CountParameters, FilterParameters),
    responses((status = 200, body = FacetsOut), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 422, body = Problem), (status = 503, body = Problem)))]
pub(in crate::api) async fn facets_everywhere(
    State(app): State<App>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Json<FacetsOut>, Problem> {
    let wanted = Wanted::parse(query.as_deref())?;
    blocking(move || {
        let parts = caller.parts(app.indelible.sites())?;
        wanted.answer(&app, &parts).map(Json)
    })
    .await
}

/// What is to be counted.
struct Wanted {
    filter: Filter,
    /// Names as the caller wrote them, with what they stand for.
    fields: Vec<(String, SortColumn)>,
    bucket: Option<Bucket>,
    values_max: usize,
}

impl Wanted {
    fn parse(raw_query: Option<&str>) -> Result<Self, Problem> {
        let (filter, own) = query::filter_and_own(raw_query, &["fields", "histogram", "values"])?;
        let mut wanted = Self { filter, fields: Vec::new(), bucket: None, values_max: VALUES_DEFAULT };
        for (name, value) in own.iter().filter(|(_, value)| !value.is_empty()) {
            match name.as_str() {
                "fields" => {
                    for field in value.split(',').map(str::trim).filter(|field| !field.is_empty()) {
                        wanted.put_field(field)?;
                    }
                }
                "histogram" => {
                    let bucket = value
                        .parse()
                        .map_err(|reason: String| Problem::invalid("histogram", "invalid_value", reason))?;
                    wanted.bucket = Some(bucket);
                }
                _ => {
                    let limit = value.parse().ok().filter(|limit| (1..=VALUES_MAX).contains(limit));
                    wanted.values_max = limit.ok_or_else(|| {
                        let message = format!("`{value}` is not a number from 1 to {VALUES_MAX}");
                        Problem::invalid("values", "invalid_value", message)
                    })?;
                }
            }
        }
        Ok(wanted)
    }

    fn put_field(&mut self, field: &str) -> Result<(), Problem> {
        let is_counted = |column: &SortColumn| !NOT_COUNTED.contains(column);
        let column = Order::parse(field).ok().filter(|order| !order.descending).map(|order| order.column);
        let column = column.filter(is_counted).ok_or_else(|| {
            let counted = SortColumn::ALL.iter().filter(|(_, column)| is_counted(column));
            let names: Vec<_> = counted.map(|(name, _)| *name).collect();
            let message = format!("the values of `{field}` are not counted: use {}", names.join(", "));
            Problem::invalid("fields", "invalid_value", message)
        })?;
        if !self.fields.iter().any(|(known, _)| known == field) {
            self.fields.push((field.to_owned(), column));
        }
        Ok(())
    }

    fn answer(&self, app: &App, parts: &Parts) -> Result<FacetsOut, Problem> {
        let filter = parts.within(self.filter.clone());
        let question = Question {
            sites: &parts.sites,
            filter: &filter,
            order: Order::NEWEST_FIRST,
            cursor: None,
            limit: 0,
            patience: search::PATIENCE,
        };
        let columns: Vec<SortColumn> = self.fields.iter().map(|(_, column)| *column).collect();
        let counted = FacetsQuestion { columns: &columns, bucket: self.bucket, values_max: self.values_max };
        let found = app.indelible.search().facets(&question, &counted)?;
        let mut facets = BTreeMap::new();
        let mut other = BTreeMap::new();
        for ((name, _), (_, values, rest)) in self.fields.iter().zip(found.columns) {
            let value = |search::FacetValue { value, count }| ValueOut { value, count };
            facets.insert(name.clone(), values.into_iter().map(value).collect());
            if rest > 0 {
                other.insert(name.clone(), rest);
            }
        }
        let histogram = self.bucket.map(|_| found.histogram.iter().map(bucket).collect());
        Ok(FacetsOut { total: found.total, facets, other, histogram })
    }
}

fn bucket(bucket: &search::HistogramBucket) -> BucketOut {
    let kinds = Kind::ALL.iter().zip(bucket.kinds).filter(|(_, count)| *count > 0);
    BucketOut {
        start: Timestamp::from_microsecond(bucket.start_us).unwrap_or(Timestamp::UNIX_EPOCH),
        count: bucket.kinds.iter().sum(),
        kinds: kinds.map(|(kind, count)| (kind.as_str(), count)).collect(),
    }
}
