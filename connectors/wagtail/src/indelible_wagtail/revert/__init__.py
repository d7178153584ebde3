"""The log's orders to put a page or snippet back.

signature   whether an order is the log's, and fresh
order       what it says, and the places in states that it names
subject     pages, snippets and settings as what an order can be applied to
carry_out   check and do all of it, once, or nothing
views       HTTP around it
"""
