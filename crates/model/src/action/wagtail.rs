//! The 38 actions of Wagtail's log, with the labels and messages its own reports show.
//!
//! A kind says what happened to the entity of the entry. For most of these codes that is the page, so a
//! comment *created on* a page updates it, and so does a workflow step. Who may see a page is a matter of
//! access, as are API tokens.

use super::Kind::{Access, Create, Delete, Update};
use super::message::{Only, text, when};
use super::{ActionDef, action};

pub(super) const ACTIONS: &[ActionDef] = &[
    // Life of a page or snippet.
    action("wagtail.create", Create, "Create", "created"),
    action("wagtail.edit", Update, "Edit", "edited").says(&[when(Only::Page, "Draft saved")]),
    action("wagtail.delete", Delete, "Delete", "deleted"),
    action("wagtail.publish", Update, "Publish", "published"),
    action(
        "wagtail.publish.scheduled",
        Update,
        "Publish scheduled draft",
        "published the scheduled draft of",
    )
    .says(&[text("Published scheduled draft")]),
    action("wagtail.unpublish", Update, "Unpublish", "unpublished"),
    action(
        "wagtail.unpublish.scheduled",
        Update,
        "Unpublish scheduled draft",
        "unpublished the scheduled draft of",
    )
    .says(&[text("Unpublished scheduled draft")]),
    action("wagtail.lock", Update, "Lock", "locked"),
    action("wagtail.unlock", Update, "Unlock", "unlocked"),
    action("wagtail.rename", Update, "Rename", "renamed")
        .says(&[text("Renamed from '{title.old}' to '{title.new}'")]),
    action("wagtail.revert", Update, "Revert", "reverted").says(&[
        text("Reverted to previous revision with id {revision.id|id} from {revision.created|time}"),
        text("Reverted to previous revision"),
    ]),
    // Schedule. `go_live_at` may be null; the message then leaves it out.
    action("wagtail.publish.schedule", Update, "Schedule publication", "scheduled publication of").says(&[
        when(
            Only::With("revision.has_live_version"),
            "Revision {revision.id|id} from {revision.created|time} scheduled for publishing at \
             {revision.go_live_at|time}.",
        ),
        when(
            Only::Without("revision.has_live_version"),
            "{$type} scheduled for publishing at {revision.go_live_at|time}",
        ),
        text("{$type} scheduled for publishing"),
    ]),
    action("wagtail.schedule.cancel", Update, "Unschedule publication", "unscheduled publication of").says(
        &[
            when(
                Only::With("revision.has_live_version"),
                "Revision {revision.id|id} from {revision.created|time} unscheduled from publishing at \
             {revision.go_live_at|time}.",
            ),
            when(
                Only::Without("revision.has_live_version"),
                "{$type} unscheduled for publishing at {revision.go_live_at|time}",
            ),
            text("{$type} unscheduled from publishing"),
        ],
    ),
    // Moderation: older versions wrote these, and logs still hold them.
    action("wagtail.moderation.approve", Update, "Approve", "approved"),
    action("wagtail.moderation.reject", Update, "Reject", "rejected"),
    // Place in the tree. `source` is the parent of the original, and null where that has none.
    action("wagtail.copy", Create, "Copy", "copied").says(&[text("Copied from {source.title}")]),
    action("wagtail.copy_for_translation", Create, "Copy for translation", "copied for translation").says(&[
        text("Copied for translation from {source.title} ({source_locale.language_code|language})"),
        text("Copied for translation"),
    ]),
    action("wagtail.create_alias", Create, "Create alias", "created the alias")
        .says(&[text("Created an alias of {source.title}"), text("Created an alias")]),
    action("wagtail.convert_alias", Update, "Convert alias into ordinary page", "converted the alias").says(
        &[
            text("Converted the alias '{page.title}' into an ordinary page"),
            text("Converted an alias into an ordinary page"),
        ],
    ),
    action("wagtail.move", Update, "Move", "moved")
        .says(&[text("Moved from '{source.title}' to '{destination.title}'")]),
    action("wagtail.reorder", Update, "Reorder", "reordered")
        .says(&[text("Reordered under '{destination.title}'")]),
    // Privacy. On removal `restriction.type` already says "none"; the title still names the old one.
    action("wagtail.view_restriction.create", Access, "Add view restrictions", "restricted who may view")
        .says(&[text("Added the '{restriction.title}' view restriction"), text("Added view restriction")]),
    action("wagtail.view_restriction.edit", Access, "Update view restrictions", "changed who may view").says(
        &[text("Updated the view restriction to '{restriction.title}'"), text("Updated view restriction")],
    ),
    action("wagtail.view_restriction.delete", Access, "Remove view restrictions", "made public").says(&[
        text("Removed the '{restriction.title}' view restriction. The page is public."),
        text("Removed view restriction"),
    ]),
    // Workflow. `next` is null after the last step, and missing in entries that cannot say.
    action("wagtail.workflow.start", Update, "Workflow: start", "started the workflow of")
        .says(&[
            text("'{workflow.title}' started. Next step '{workflow.next.title}'"),
            text("Workflow started"),
        ])
        .with_comment(COMMENT),
    action("wagtail.workflow.approve", Update, "Workflow: approve task", "approved the workflow task of")
        .says(&[
            when(
                Only::With("workflow.next"),
                "Approved at '{workflow.task.title}'. Next step '{workflow.next.title}'",
            ),
            when(
                Only::Without("workflow.next"),
                "Approved at '{workflow.task.title}'. '{workflow.title}' complete",
            ),
            text("Workflow task approved"),
        ])
        .with_comment(COMMENT),
    action("wagtail.workflow.reject", Update, "Workflow: reject task", "rejected the workflow task of")
        .says(&[
            text("Rejected at '{workflow.task.title}'. Changes requested"),
            text("Workflow task rejected. Workflow complete"),
        ])
        .with_comment(COMMENT),
    action("wagtail.workflow.resume", Update, "Workflow: resume task", "resumed the workflow of")
        .says(&[
            text("Resubmitted '{workflow.task.title}'. Workflow resumed"),
            text("Workflow task resubmitted. Workflow resumed"),
        ])
        .with_comment(COMMENT),
    action("wagtail.workflow.cancel", Update, "Workflow: cancel", "cancelled the workflow of")
        .says(&[text("Cancelled '{workflow.title}' at '{workflow.task.title}'"), text("Workflow cancelled")])
        .with_comment(COMMENT),
    // Comments on a field of a page.
    action("wagtail.comments.create", Update, "Add comment", "commented on").says(&[
        text("Added a comment on field {comment.contentpath|field}: \"{comment.text}\""),
        text("Added a comment"),
    ]),
    action("wagtail.comments.edit", Update, "Edit comment", "edited a comment on").says(&[
        text("Edited a comment on field {comment.contentpath|field}: \"{comment.text}\""),
        text("Edited a comment"),
    ]),
    action("wagtail.comments.resolve", Update, "Resolve comment", "resolved a comment on").says(&[
        text("Resolved a comment on field {comment.contentpath|field}: \"{comment.text}\""),
        text("Resolved a comment"),
    ]),
    action("wagtail.comments.delete", Update, "Delete comment", "deleted a comment on").says(&[
        text("Deleted a comment on field {comment.contentpath|field}: \"{comment.text}\""),
        text("Deleted a comment"),
    ]),
    action("wagtail.comments.create_reply", Update, "Reply to comment", "replied to a comment on").says(&[
        text("Replied to comment on field {comment.contentpath|field}: \"{reply.text}\""),
        text("Replied to a comment"),
    ]),
    action("wagtail.comments.edit_reply", Update, "Edit reply to comment", "edited a reply on").says(&[
        text("Edited a reply to a comment on field {comment.contentpath|field}: \"{reply.text}\""),
        text("Edited a reply"),
    ]),
    action("wagtail.comments.delete_reply", Update, "Delete reply to comment", "deleted a reply on").says(&[
        text("Deleted a reply to a comment on field {comment.contentpath|field}: \"{reply.text}\""),
        text("Deleted a reply"),
    ]),
    // Tokens for the API.
    action("wagtail.apitoken.create", Access, "Create API token", "created the API token")
        .says(&[text("API token created")]),
    action("wagtail.apitoken.revoke", Access, "Revoke API token", "revoked the API token")
        .says(&[text("API token revoked")]),
];

/// Where the actions of a workflow keep what somebody wrote with them.
const COMMENT: &str = "{comment}";
