"""From the outbox to the log.

relay       takes what waits, sends it, deals with the answers
lease       one process at a time; when to try again
thread      the relay in the background of a web process
reconcile   finds what no signal announced, and what was altered or deleted since
doctor      says what is wrong
"""
