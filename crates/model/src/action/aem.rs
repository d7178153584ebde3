//! The operations of AEM Edge Delivery's admin service.
//!
//! That service has no action names: a record says which *route* was called with which *method*. Our codes
//! name what the call did, and [`from_operation`] and [`operation_of`] translate without loss:
//!
//! | record | code |
//! |---|---|
//! | `POST` `live` | `aem.publish` |
//! | `DELETE` `live` | `aem.unpublish` |
//! | `PUT` on a route not listed here | `aem.{route}.put` |
//! | a route without method, as clients write them | `aem.{route}.custom` |
//! | no route at all | `aem.custom` |
//! | `source: "indexer"` | `aem.indexer`, by [`from_source`] |
//!
//! No code of the table ends in a method or in `.custom`, so the forms cannot be mistaken for one another.

use std::borrow::Cow;

use super::Kind::{Access, Create, Delete, Other, Read, Update};
use super::message::text;
use super::{ActionDef, action};

pub(super) const ACTIONS: &[ActionDef] = &[
    // Content. A page lives in two places: leaving `live` unpublishes it, leaving `preview` is its end.
    action("aem.preview", Update, "Preview", "previewed"),
    action("aem.unpreview", Delete, "Remove from preview", "removed from preview"),
    action("aem.publish", Update, "Publish", "published"),
    action("aem.unpublish", Update, "Unpublish", "unpublished"),
    action("aem.snapshot", Update, "Update snapshot", "updated the snapshot"),
    action("aem.snapshot.create", Create, "Create snapshot", "created the snapshot"),
    action("aem.snapshot.delete", Delete, "Delete snapshot", "deleted the snapshot"),
    // Configuration and code.
    action("aem.config.create", Create, "Create configuration", "created the configuration of"),
    action("aem.config.update", Update, "Update configuration", "updated the configuration of"),
    action("aem.config.delete", Delete, "Delete configuration", "deleted the configuration of"),
    action("aem.code.sync", Update, "Synchronise code", "synchronised the code of"),
    action("aem.code.remove", Delete, "Remove code", "removed the code of"),
    // Upkeep: the content is the same afterwards.
    action("aem.index", Other, "Index", "indexed"),
    action("aem.unindex", Other, "Remove from index", "removed from the index"),
    action("aem.cache.purge", Other, "Purge cache", "purged the cache of"),
    action("aem.sitemap", Other, "Rebuild sitemap", "rebuilt the sitemap of"),
    action("aem.job", Other, "Start job", "started the job"),
    action("aem.job.stop", Other, "Stop job", "stopped the job"),
    action("aem.form", Other, "Prepare form", "prepared the form"),
    action("aem.status", Read, "Status", "asked the status of"),
    action("aem.auth", Access, "Sign in", "signed in to"),
    // Records without an operation.
    action("aem.indexer", Other, "Index update", "updated the index of"),
    action("aem.sitemap.update", Other, "Sitemap update", "updated the sitemap of"),
    action("aem.custom", Other, "Custom entry", "logged an entry on").says(&[text("Custom entry")]),
];

/// The operations that have a code of their own: route, method, code.
const OPERATIONS: [(&str, &str, &str); 21] = [
    ("preview", "POST", "aem.preview"),
    ("preview", "DELETE", "aem.unpreview"),
    ("live", "POST", "aem.publish"),
    ("live", "DELETE", "aem.unpublish"),
    ("snapshot", "POST", "aem.snapshot"),
    ("snapshot", "PUT", "aem.snapshot.create"),
    ("snapshot", "DELETE", "aem.snapshot.delete"),
    ("config", "PUT", "aem.config.create"),
    ("config", "POST", "aem.config.update"),
    ("config", "DELETE", "aem.config.delete"),
    ("code", "POST", "aem.code.sync"),
    ("code", "DELETE", "aem.code.remove"),
    ("index", "POST", "aem.index"),
    ("index", "DELETE", "aem.unindex"),
    ("cache", "POST", "aem.cache.purge"),
    ("sitemap", "POST", "aem.sitemap"),
    ("job", "POST", "aem.job"),
    ("job", "DELETE", "aem.job.stop"),
    ("form", "POST", "aem.form"),
    ("status", "POST", "aem.status"),
    ("auth", "POST", "aem.auth"),
];

/// HTTP methods with the last word of a code that was made from one.
const METHODS: [(&str, &str); 7] = [
    ("GET", "get"),
    ("HEAD", "head"),
    ("POST", "post"),
    ("PUT", "put"),
    ("PATCH", "patch"),
    ("DELETE", "delete"),
    ("OPTIONS", "options"),
];

const PREFIX: &str = "aem.";

/// The last word of a code whose record had a route but no method.
const CUSTOM: &str = "custom";

/// The code of an operation. Route and method are those of the record, either of them empty where the
/// record has none. A leading slash of the route is dropped, and what is no HTTP method counts as none.
///
/// ```
/// use model::action::aem::{from_operation, operation_of};
/// assert_eq!(from_operation("live", "DELETE"), "aem.unpublish");
/// assert_eq!(operation_of("aem.unpublish"), Some(("live", "DELETE")));
/// assert_eq!(from_operation("schedule-page-intent", ""), "aem.schedule-page-intent.custom");
/// ```
#[must_use]
pub fn from_operation(route: &str, method: &str) -> Cow<'static, str> {
    let route = route.strip_prefix('/').unwrap_or(route);
    if route.is_empty() {
        return Cow::Borrowed("aem.custom");
    }
    let known = OPERATIONS.iter().find(|(r, m, _)| *r == route && m.eq_ignore_ascii_case(method));
    if let Some((_, _, code)) = known {
        return Cow::Borrowed(code);
    }
    let method = METHODS.iter().find(|(name, _)| name.eq_ignore_ascii_case(method));
    Cow::Owned(format!("{PREFIX}{route}.{}", method.map_or(CUSTOM, |(_, word)| word)))
}

/// Route and method of a code, the method empty where the record had none. Nothing for codes that do not
/// come from an operation: `aem.custom`, `aem.indexer`, `aem.sitemap.update`, other systems' codes.
#[must_use]
pub fn operation_of(code: &str) -> Option<(&str, &'static str)> {
    if let Some((route, method, _)) = OPERATIONS.iter().find(|(_, _, known)| *known == code) {
        return Some((route, method));
    }
    let (route, last) = code.strip_prefix(PREFIX)?.rsplit_once('.')?;
    if route.is_empty() {
        return None;
    }
    if last == CUSTOM {
        return Some((route, ""));
    }
    METHODS.iter().find(|(_, word)| *word == last).map(|(method, _)| (route, *method))
}

/// The code of a record that has a `source` instead of a route.
#[must_use]
pub fn from_source(source: &str) -> Option<&'static str> {
    match source {
        "indexer" => Some("aem.indexer"),
        "sitemap" => Some("aem.sitemap.update"),
        _ => None,
    }
}

/// The `source` of a code, the reverse of [`from_source`].
#[must_use]
pub fn source_of(code: &str) -> Option<&'static str> {
    match code {
        "aem.indexer" => Some("indexer"),
        "aem.sitemap.update" => Some("sitemap"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{kind_of, lookup};
    use super::*;

    #[test]
    fn every_known_operation_round_trips() {
        for (route, method, code) in OPERATIONS {
            assert!(lookup(code).is_some(), "{code}");
            assert_eq!(from_operation(route, method), code);
            assert_eq!(operation_of(code), Some((route, method)));
        }
    }

    #[test]
    fn every_other_operation_round_trips() {
        let routes = [
            "live",
            "cache",
            "custom",
            "post",
            "preview-job",
            "a.b",
            "sitemap",
            "update",
            "schedule-page-intent",
        ];
        let methods = ["", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
        let mut codes = std::collections::HashSet::new();
        for route in routes {
            for method in methods {
                let code = from_operation(route, method);
                assert_eq!(operation_of(&code), Some((route, method)), "{code}");
                assert!(codes.insert(code.clone()), "{code} stands for two operations");
            }
        }
    }

    #[test]
    fn lenient_input_leads_to_one_code() {
        assert_eq!(from_operation("/live", "post"), "aem.publish");
        assert_eq!(from_operation("", "POST"), "aem.custom");
        assert_eq!(from_operation("live", "BREW"), "aem.live.custom");
    }

    #[test]
    fn sources_round_trip_and_are_no_operations() {
        for source in ["indexer", "sitemap"] {
            let code = from_source(source).unwrap();
            assert_eq!(source_of(code), Some(source));
            assert_eq!(operation_of(code), None);
        }
        assert_eq!(from_source("elsewhere"), None);
        for code in ["aem.custom", "aem..put", "aem", "wagtail.publish", "live.put", ""] {
            assert_eq!(operation_of(code), None, "{code}");
        }
    }

    #[test]
    fn kinds_of_unlisted_operations_follow_the_method() {
        assert_eq!(kind_of("aem.preview-job.delete"), Delete);
        assert_eq!(kind_of("aem.thing.put"), Update);
        assert_eq!(kind_of("aem.schedule-page-intent.custom"), Update);
    }
}
