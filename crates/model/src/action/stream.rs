//! Records of the Stream plugin: 22 connectors and what they record.
//!
//! Stream names a record by connector and action, both slugs; our code is the two with a prefix,
//! `wp.posts.updated`. A site's own connectors are recorded the same way and judged by their words.
//! Stream comes with its own summary of each record, so no messages are given here.
//!
//! What goes to the trash counts as deleted, since readers of the site lose it; the way back from the trash
//! is an update.

use super::Kind::{Access, Create, Delete, Other, Read, Update};
use super::{ActionDef, action};

pub(super) const ACTIONS: &[ActionDef] = &[
    // Posts, pages and custom post types; the post type is the context.
    action("wp.posts.created", Create, "Create post", "created"),
    action("wp.posts.updated", Update, "Update post", "updated"),
    action("wp.posts.trashed", Delete, "Trash post", "trashed"),
    action("wp.posts.untrashed", Update, "Restore post", "restored"),
    action("wp.posts.deleted", Delete, "Delete post", "deleted"),
    // Comments, called by their authors and posts: "Fenwick on Home". `duplicate` and `flood` are comments that
    // WordPress refused.
    action("wp.comments.created", Create, "Create comment", "posted the comment"),
    action("wp.comments.replied", Create, "Reply to comment", "posted the reply"),
    action("wp.comments.edited", Update, "Edit comment", "edited the comment"),
    action("wp.comments.approved", Update, "Approve comment", "approved the comment"),
    action("wp.comments.unapproved", Update, "Unapprove comment", "unapproved the comment"),
    action("wp.comments.spammed", Update, "Mark comment as spam", "marked as spam the comment"),
    action("wp.comments.unspammed", Update, "Unmark comment as spam", "unmarked as spam the comment"),
    action("wp.comments.trashed", Delete, "Trash comment", "trashed the comment"),
    action("wp.comments.untrashed", Update, "Restore comment", "restored the comment"),
    action("wp.comments.deleted", Delete, "Delete comment", "deleted the comment"),
    action("wp.comments.duplicate", Other, "Duplicate comment", "sent the duplicate comment"),
    action("wp.comments.flood", Other, "Comment flood", "sent too many comments on"),
    // Media library. Attaching ties a file to a post, `edited` is the image editor.
    action("wp.media.uploaded", Create, "Upload file", "uploaded"),
    action("wp.media.attached", Update, "Attach file", "attached"),
    action("wp.media.assigned", Update, "Assign file", "assigned"),
    action("wp.media.unassigned", Update, "Unassign file", "unassigned"),
    action("wp.media.updated", Update, "Update file", "updated"),
    action("wp.media.edited", Update, "Edit image", "edited"),
    action("wp.media.deleted", Delete, "Delete file", "deleted"),
    // Navigation menus; they are assigned to places of the theme.
    action("wp.menus.created", Create, "Create menu", "created"),
    action("wp.menus.updated", Update, "Update menu", "updated"),
    action("wp.menus.assigned", Update, "Assign menu", "assigned"),
    action("wp.menus.unassigned", Update, "Unassign menu", "unassigned"),
    action("wp.menus.deleted", Delete, "Delete menu", "deleted"),
    // Categories, tags and other terms.
    action("wp.taxonomies.created", Create, "Create term", "created"),
    action("wp.taxonomies.updated", Update, "Update term", "updated"),
    action("wp.taxonomies.deleted", Delete, "Delete term", "deleted"),
    // Users. A profile update may be a change of role or password: the record does not say in its action.
    action("wp.users.created", Create, "Create user", "created"),
    action("wp.users.updated", Update, "Update user", "updated"),
    action("wp.users.deleted", Delete, "Delete user", "deleted"),
    action("wp.users.login", Access, "Log in", "logged in as"),
    action("wp.users.logout", Access, "Log out", "logged out as"),
    action("wp.users.password-reset", Access, "Reset password", "reset the password of"),
    action("wp.users.forgot-password", Access, "Request password reset", "asked to reset the password of"),
    action("wp.users.switched-to", Access, "Switch to user", "switched to"),
    action("wp.users.switched-back", Access, "Switch back", "switched back to"),
    action("wp.users.switched-off", Access, "Switch off", "switched off from"),
    // The same of the user switching plugin, for records that keep its name.
    action("wp.userswitching.switched-to", Access, "Switch to user", "switched to"),
    action("wp.userswitching.switched-back", Access, "Switch back", "switched back to"),
    action("wp.userswitching.switched-off", Access, "Switch off", "switched off from"),
    // Second factors: all of it decides who comes in.
    action("wp.twofactor.enabled", Access, "Enable second factor", "enabled a second factor of"),
    action("wp.twofactor.disabled", Access, "Disable second factor", "disabled a second factor of"),
    action("wp.twofactor.added", Access, "Add second factor", "added a second factor to"),
    action("wp.twofactor.updated", Access, "Update second factor", "updated a second factor of"),
    action("wp.twofactor.removed", Access, "Remove second factor", "removed a second factor of"),
    action("wp.twofactor.recovered", Access, "Recover second factor", "recovered a second factor of"),
    action("wp.twofactor.authenticated", Access, "Authenticate", "authenticated as"),
    action("wp.twofactor.failed", Access, "Second factor failed", "failed to authenticate as"),
    // Options of the site and the network, theme settings included.
    action("wp.settings.updated", Update, "Update setting", "updated"),
    // Plugins, themes and WordPress itself.
    action("wp.installer.installed", Create, "Install", "installed"),
    action("wp.installer.activated", Update, "Activate", "activated"),
    action("wp.installer.deactivated", Update, "Deactivate", "deactivated"),
    action("wp.installer.updated", Update, "Update version", "updated"),
    action("wp.installer.deleted", Delete, "Uninstall", "deleted"),
    // Files of themes and plugins, edited in the browser.
    action("wp.editor.updated", Update, "Edit file", "edited"),
    // Widgets. Deactivating moves one to the inactive widgets, so it is still there.
    action("wp.widgets.added", Create, "Add widget", "added"),
    action("wp.widgets.created", Create, "Create widget", "created"),
    action("wp.widgets.removed", Delete, "Remove widget", "removed"),
    action("wp.widgets.deleted", Delete, "Delete widget", "deleted"),
    action("wp.widgets.moved", Update, "Move widget", "moved"),
    action("wp.widgets.sorted", Update, "Sort widgets", "sorted"),
    action("wp.widgets.updated", Update, "Update widget", "updated"),
    action("wp.widgets.deactivated", Update, "Deactivate widget", "deactivated"),
    action("wp.widgets.reactivated", Update, "Reactivate widget", "reactivated"),
    // Sites of a network. `updated` also says that a user joined or left.
    action("wp.blogs.created", Create, "Create site", "created"),
    action("wp.blogs.updated", Update, "Update site", "updated"),
    action("wp.blogs.archive_blog", Update, "Archive site", "archived"),
    action("wp.blogs.deleted", Delete, "Delete site", "deleted"),
    // Domains of the sites of a network.
    action("wp.mercator.created", Create, "Create domain alias", "created"),
    action("wp.mercator.updated", Update, "Update domain alias", "updated"),
    action("wp.mercator.made_primary", Update, "Make domain primary", "made primary the domain"),
    action("wp.mercator.deleted", Delete, "Delete domain alias", "deleted"),
    // Advanced Custom Fields: groups, fields, rules, and values in posts and options.
    action("wp.acf.created", Create, "Create field", "created"),
    action("wp.acf.added", Create, "Add field", "added"),
    action("wp.acf.updated", Update, "Update field", "updated"),
    action("wp.acf.deleted", Delete, "Delete field", "deleted"),
    // Forums.
    action("wp.bbpress.created", Create, "Create topic", "created"),
    action("wp.bbpress.updated", Update, "Update topic", "updated"),
    action("wp.bbpress.activated", Update, "Activate topic", "activated"),
    action("wp.bbpress.deactivated", Update, "Deactivate topic", "deactivated"),
    action("wp.bbpress.opened", Update, "Open topic", "opened"),
    action("wp.bbpress.closed", Update, "Close topic", "closed"),
    action("wp.bbpress.sticked", Update, "Stick topic", "made sticky"),
    action("wp.bbpress.unsticked", Update, "Unstick topic", "made no longer sticky"),
    action("wp.bbpress.spammed", Update, "Mark topic as spam", "marked as spam"),
    action("wp.bbpress.unspammed", Update, "Unmark topic as spam", "unmarked as spam"),
    action("wp.bbpress.trashed", Delete, "Trash topic", "trashed"),
    action("wp.bbpress.untrashed", Update, "Restore topic", "restored"),
    action("wp.bbpress.deleted", Delete, "Delete topic", "deleted"),
    action("wp.bbpress.generated", Other, "Generate forum data", "generated"),
    action("wp.bbpress.imported", Create, "Import forum data", "imported"),
    action("wp.bbpress.exported", Read, "Export forum data", "exported"),
    // Groups, members' activity, profile fields, and the plugin's own components.
    action("wp.buddypress.created", Create, "Create in BuddyPress", "created"),
    action("wp.buddypress.updated", Update, "Update in BuddyPress", "updated"),
    action("wp.buddypress.activated", Update, "Activate component", "activated"),
    action("wp.buddypress.deactivated", Update, "Deactivate component", "deactivated"),
    action("wp.buddypress.spammed", Update, "Mark activity as spam", "marked as spam"),
    action("wp.buddypress.unspammed", Update, "Unmark activity as spam", "unmarked as spam"),
    action("wp.buddypress.promoted", Access, "Promote member", "promoted"),
    action("wp.buddypress.demoted", Access, "Demote member", "demoted"),
    action("wp.buddypress.deleted", Delete, "Delete in BuddyPress", "deleted"),
    // Easy Digital Downloads. What is generated and revoked there are API keys.
    action("wp.edd.created", Create, "Create download", "created"),
    action("wp.edd.added", Create, "Add download data", "added"),
    action("wp.edd.updated", Update, "Update download", "updated"),
    action("wp.edd.trashed", Delete, "Trash download", "trashed"),
    action("wp.edd.untrashed", Update, "Restore download", "restored"),
    action("wp.edd.deleted", Delete, "Delete download", "deleted"),
    action("wp.edd.imported", Update, "Import shop settings", "imported"),
    action("wp.edd.exported", Read, "Export shop data", "exported"),
    action("wp.edd.generated", Access, "Generate API key", "generated an API key for"),
    action("wp.edd.revoked", Access, "Revoke API key", "revoked the API key of"),
    // Forms, their entries and notes. Entries take their new status as the action.
    action("wp.gravityforms.created", Create, "Create form", "created"),
    action("wp.gravityforms.duplicated", Create, "Duplicate form", "duplicated"),
    action("wp.gravityforms.added", Create, "Add note", "added"),
    action("wp.gravityforms.updated", Update, "Update form", "updated"),
    action("wp.gravityforms.activated", Update, "Activate form", "activated"),
    action("wp.gravityforms.deactivated", Update, "Deactivate form", "deactivated"),
    action("wp.gravityforms.starred", Update, "Star entry", "starred"),
    action("wp.gravityforms.unstarred", Update, "Unstar entry", "unstarred"),
    action("wp.gravityforms.trashed", Delete, "Trash form", "trashed"),
    action("wp.gravityforms.untrashed", Update, "Restore form", "restored"),
    action("wp.gravityforms.deleted", Delete, "Delete form", "deleted"),
    action("wp.gravityforms.views_deleted", Update, "Reset views", "reset the views of"),
    action("wp.gravityforms.active", Update, "Activate entry", "activated"),
    action("wp.gravityforms.spam", Update, "Mark entry as spam", "marked as spam"),
    action("wp.gravityforms.trash", Delete, "Trash entry", "trashed"),
    action("wp.gravityforms.restore", Update, "Restore entry", "restored"),
    action("wp.gravityforms.imported", Create, "Import forms", "imported"),
    action("wp.gravityforms.exported", Read, "Export forms", "exported"),
    // Jetpack's modules and its connection to the cloud.
    action("wp.jetpack.activated", Update, "Activate module", "activated"),
    action("wp.jetpack.deactivated", Update, "Deactivate module", "deactivated"),
    action("wp.jetpack.updated", Update, "Update module", "updated"),
    action("wp.jetpack.added", Create, "Add to module", "added"),
    action("wp.jetpack.removed", Delete, "Remove from module", "removed"),
    action("wp.jetpack.register", Access, "Connect site", "connected"),
    action("wp.jetpack.disconnect", Access, "Disconnect site", "disconnected"),
    action("wp.jetpack.authorize", Access, "Link account", "linked the account of"),
    action("wp.jetpack.unlink", Access, "Unlink account", "unlinked the account of"),
    // Shop: attributes, settings and orders.
    action("wp.woocommerce.created", Create, "Create in shop", "created"),
    action("wp.woocommerce.updated", Update, "Update in shop", "updated"),
    action("wp.woocommerce.trashed", Delete, "Trash in shop", "trashed"),
    action("wp.woocommerce.deleted", Delete, "Delete in shop", "deleted"),
    // SEO settings and the SEO fields of posts.
    action("wp.wordpressseo.created", Create, "Create SEO data", "created"),
    action("wp.wordpressseo.added", Create, "Add SEO data", "added"),
    action("wp.wordpressseo.updated", Update, "Update SEO data", "updated"),
    action("wp.wordpressseo.deleted", Delete, "Delete SEO data", "deleted"),
    action("wp.wordpressseo.imported", Update, "Import SEO settings", "imported"),
    action("wp.wordpressseo.exported", Read, "Export SEO settings", "exported"),
];

/// The code of a Stream record, from its connector and action.
///
/// ```
/// assert_eq!(model::action::stream::code("posts", "updated"), "wp.posts.updated");
/// ```
#[must_use]
pub fn code(connector: &str, action: &str) -> String {
    format!("wp.{connector}.{action}")
}

/// Connector and action of a code, the reverse of [`code()`].
#[must_use]
pub fn connector_and_action(code: &str) -> Option<(&str, &str)> {
    code.strip_prefix("wp.")?.split_once('.')
}
