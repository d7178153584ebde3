//! What the WordPress plugin tells that Stream has no records of. For the rest its codes are those of Stream.

use super::Kind::{Access, Create, Delete, Other, Read};
use super::message::text;
use super::{ActionDef, action};

pub(super) const ACTIONS: &[ActionDef] = &[
    // An option's first value, and its end; backgrounds and headers of themes are options too.
    action("wp.settings.created", Create, "Create setting", "created"),
    action("wp.settings.deleted", Delete, "Delete setting", "deleted"),
    action("wp.settings.exported", Read, "Export content", "exported"),
    // Who was kept out.
    action("wp.users.login-failed", Access, "Failed sign-in", "failed to sign in as"),
    action("wp.users.authentication-failed", Access, "Failed authentication", "failed to authenticate as"),
    // Files of themes and plugins, made or removed in the browser.
    action("wp.editor.created", Create, "Create file", "created"),
    action("wp.editor.deleted", Delete, "Delete file", "deleted"),
    // Imports, as a pair around what they change.
    action("wp.indelible.import-started", Other, "Import started", "started the import"),
    action("wp.indelible.import-ended", Other, "Import ended", "ended the import"),
    // Somebody asked from within WordPress for an entry to be taken back.
    action("wp.indelible.revert-asked", Access, "Revert asked for", "asked to revert a change of"),
    // What the outbox notices: numbers that begin anew, a database that was put back, a log that lost entries,
    // requests that never ended, and ways around the log.
    action("wp.indelible.started", Other, "Outbox started", "started the outbox")
        .says(&[text("The outbox numbers its entries anew")]),
    action("wp.indelible.restored", Other, "Database restored", "found an older database in")
        .says(&[text("The database was replaced by an older one")]),
    action("wp.indelible.log-rewound", Other, "Log rewound", "found entries missing in")
        .says(&[text("The log lost entries that it had acknowledged")]),
    action("wp.indelible.incomplete", Other, "Unfinished request", "began and never ended"),
    action("wp.indelible.bypass", Other, "Bypass", "went around the log with"),
];
