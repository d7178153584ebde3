//! What Indelible itself does and therefore records: a log that is silent about its own use and upkeep
//! would leave the most interesting questions open.

use super::Kind::{Access, Create, Delete, Other, Read, Update};
use super::message::text;
use super::{ActionDef, action};

pub(super) const ACTIONS: &[ActionDef] = &[
    // Set-up.
    action("indelible.site.create", Create, "Create site", "created the site"),
    action("indelible.site.settings", Update, "Change settings", "changed settings of"),
    action("indelible.connector.set", Update, "Set connector", "set the connector"),
    action("indelible.connector.remove", Delete, "Remove connector", "removed the connector"),
    action("indelible.user.create", Create, "Add user", "added the user"),
    action("indelible.user.password", Update, "Set password", "set the password of"),
    action("indelible.user.remove", Delete, "Remove user", "removed the user"),
    action("indelible.token.create", Access, "Create token", "created the token"),
    action("indelible.token.revoke", Access, "Revoke token", "revoked the token"),
    action("indelible.key.rotate", Update, "Rotate key", "rotated the signing key of")
        .says(&[text("Signing key rotated")]),
    action("indelible.key.retire", Update, "Retire key", "retired the old signing key of")
        .says(&[text("Old signing key retired")]),
    action("indelible.backup", Read, "Back up", "made a backup of"),
    action("indelible.restore", Update, "Restore", "restored from a backup")
        .says(&[text("Log restored from a backup")]),
    // Use.
    action("indelible.sign_in", Access, "Sign in", "signed in to"),
    action("indelible.sign_out", Access, "Sign out", "signed out of"),
    action("indelible.read", Read, "Read", "read"),
    action("indelible.search", Read, "Search", "searched"),
    action("indelible.export", Read, "Export", "exported"),
    action("indelible.import", Create, "Import", "imported entries into"),
    action("indelible.revert", Update, "Revert", "reverted"),
    // Removal: expiry follows the retention rule, erasure a request; a hold forbids both.
    action("indelible.expiry", Delete, "Expire", "expired entries of"),
    action("indelible.erasure", Delete, "Erase", "erased content of"),
    action("indelible.hold", Update, "Hold", "changed the hold on").says(&[text("Hold changed")]),
    // What the log notices about itself.
    action("indelible.gap", Other, "Gap", "noted a gap in").says(&[text("Entries are missing")]),
    action("indelible.start", Other, "Start", "started"),
];
