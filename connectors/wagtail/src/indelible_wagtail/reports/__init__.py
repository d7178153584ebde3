"""The log as Wagtail's own pages show it.

question    Wagtail's filters, and what a user may see, as questions to the log
remote      entries of the log as rows of Wagtail's pages; a list that is fetched page by page
site        the site history
history     the history of a page or snippet
"""
