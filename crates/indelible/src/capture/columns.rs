//! Columns that rules name and no table has: most often a slip of the pen, by which what was to be left out is told.

use std::collections::{BTreeMap, BTreeSet};

use model::mask::plain;

use super::CaptureError;
use super::rules::{Rules, TableRule};
use super::source::{Source, SourceTable};

/// What rules name in vain.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct InVain {
    /// Columns that must be there, each as a sentence.
    pub(super) columns: Vec<String>,
    /// Names that may be those of fields within JSON, likewise.
    pub(super) masks: Vec<String>,
}

/// Holds the rules against the tables that they capture.
pub(super) async fn named_in_vain(
    source: &Source,
    rules: &Rules,
    tables: &[SourceTable],
) -> Result<InVain, CaptureError> {
    const WHAT: &str = "reading the tables' columns";
    const COLUMNS: &str = "SELECT attrelid, array_agg(attname::text) FROM pg_attribute \
        WHERE attrelid = ANY ($1) AND attnum > 0 AND NOT attisdropped GROUP BY attrelid";
    let ids: Vec<u32> = tables.iter().map(|table| table.id).collect();
    let failed = |error| source.failed(WHAT, &error);
    let rows = source.client.query(COLUMNS, &[&ids]).await.map_err(failed)?;
    let mut by_table: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    for row in &rows {
        by_table.insert(row.try_get(0).map_err(failed)?, row.try_get(1).map_err(failed)?);
    }
    let mut by_rule: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
    for table in tables {
        if let Some((place, _)) = rules.of(&table.schema, &table.name) {
            by_rule.entry(place).or_default().extend(by_table.remove(&table.id).unwrap_or_default());
        }
    }
    let mut in_vain = InVain::default();
    for (place, columns) in by_rule {
        if let Some(rule) = rules.tables.get(place) {
            in_vain.look_at(rule, &columns);
        }
    }
    Ok(in_vain)
}

impl InVain {
    fn look_at(&mut self, rule: &TableRule, columns: &BTreeSet<String>) {
        for (setting, column) in rule.columns().filter(|(_, column)| !columns.contains(*column)) {
            self.columns.push(format!(
                "[[table]] `{}`: {setting} names `{column}`, and no table that this rule captures has such a column: correct \
                 it, or take it out",
                rule.pattern
            ));
        }
        let is_column = |name: &str| columns.iter().any(|column| plain(column) == plain(name));
        for name in rule.mask.iter().filter(|name| !name.contains(['.', '*']) && !is_column(name)) {
            self.masks.push(format!(
                "[[table]] `{}`: mask names `{name}`, which is no column of what this rule captures: it is looked for within \
                 JSON only",
                rule.pattern
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_pen_are_named() {
        let rules: TableRule = serde_json::from_value(serde_json::json!({
            "match": "public.order", "key": ["id"], "title": "nmae", "noise": ["updated_at"], "leave_out": ["pasword"],
            "site": "acme.{tennant}", "mask": ["card-number", "ibn", "data.iban", "*"],
        }))
        .unwrap();
        let columns = ["id", "name", "updated_at", "password", "tenant", "card_number"];
        let mut found = InVain::default();
        found.look_at(&rules, &columns.map(ToOwned::to_owned).into());
        let expected = ["title names `nmae`", "leave_out names `pasword`", "site names `tennant`"];
        assert_eq!(found.columns.len(), expected.len(), "{found:?}");
        for expected in expected {
            assert!(found.columns.iter().any(|text| text.contains(expected)), "{expected}: {found:?}");
        }
        assert!(matches!(found.masks.as_slice(), [one] if one.contains("`ibn`")), "{found:?}");
    }
}
