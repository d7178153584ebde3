//! Changes that are captured from PostgreSQL, whatever made them.

use super::Kind::{Create, Delete, Other, Update};
use super::{ActionDef, action};

pub(super) const ACTIONS: &[ActionDef] = &[
    // Rows.
    action("postgres.insert", Create, "Insert row", "inserted"),
    action("postgres.update", Update, "Update row", "updated"),
    action("postgres.delete", Delete, "Delete row", "deleted"),
    // Rows that a comparison with the tables found to be other than the log knew.
    action("postgres.found_create", Create, "Find row", "found"),
    action("postgres.found_update", Update, "Find row changed", "found changed"),
    action("postgres.found_delete", Delete, "Find row gone", "found gone"),
    // Tables as a whole.
    action("postgres.truncate", Delete, "Truncate table", "emptied"),
    action("postgres.define", Update, "Change definition", "changed the definition of"),
    action("postgres.noise", Other, "Change noise", "changed nothing but noise in"),
    // The capture itself.
    action("postgres.start", Other, "Start capture", "began"),
    action("postgres.gap", Other, "Gap in capture", "lost changes of"),
    action("postgres.compared", Other, "Compare tables", "compared the tables of"),
    action("postgres.uncaptured", Other, "Miss tables", "misses tables of"),
    action("postgres.refused", Other, "Refuse change", "could not tell a change of"),
];
