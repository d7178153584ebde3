"""What happens, written down in the transaction in which it happens.

log_rows    every row of every log model of Wagtail
revisions   what the content was before a revision
saves       saves, deletions and relations of the models that Wagtail's admin does not log, or not fully
bulk        bulk actions of the admin, which go past signals
sign_ins    who came, who went, who failed to
recent      what of it belongs together
"""
