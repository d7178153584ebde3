//! Query parameters that several routes share, for the API's document. Filters and pages are read by
//! [`ListQuery`](super::query::ListQuery), the others by their routes.

use utoipa::IntoParams;

/// What is filtered by.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only its documentation is read")]
pub(super) struct FilterParameters {
    /// filter language, for example `actor:ana -action:wagtail.edit after.status:published created>=2026-11-01`
    q: Option<String>,
    /// earliest `occurred_at`, inclusive, RFC 3339
    from: Option<String>,
    /// latest `occurred_at`, inclusive, RFC 3339
    to: Option<String>,
    /// the actor's id, name or mail address; `*` at the end for any rest
    user: Option<String>,
    /// the same as `user`
    actor: Option<String>,
    /// code, `*` at the end for any rest; may be repeated
    action: Option<String>,
    /// create, update, delete, read, access or other; may be repeated
    kind: Option<String>,
    /// may be repeated
    entity_type: Option<String>,
    /// may be repeated
    entity_id: Option<String>,
    /// an address, a network such as `203.0.113.0/24`, or a beginning with `*`
    ip: Option<String>,
    /// what the entries of one user action share
    correlation_id: Option<String>,
}

/// How a list is ordered and cut into pages.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only its documentation is read")]
pub(super) struct PageParameters {
    /// a column, `-` before it for descending; `-timestamp` when left out
    sort: Option<String>,
    /// 1 to 1000, 50 when left out
    limit: Option<u64>,
    /// `page.next` or `page.prev` of an answer, with the same filter and sort
    cursor: Option<String>,
    /// `exact` for `page.total`
    count: Option<String>,
}

/// What is counted.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only its documentation is read")]
pub(super) struct CountParameters {
    /// columns with commas between them, for example `actor,action,kind,entity_type`
    fields: Option<String>,
    /// width of its buckets: minute, hour, day, week, month or year
    histogram: Option<String>,
    /// values told per field, 1 to 1000, 20 when left out
    values: Option<u64>,
}

/// How an export is written.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only its documentation is read")]
pub(super) struct FormatParameters {
    /// ndjson, csv, ocsf or cef; ndjson when left out
    format: Option<String>,
}
