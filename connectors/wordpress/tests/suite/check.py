"""Tests as functions, one line for each, and a last line that the workspace's runner adds up."""

import sys
import time
import traceback

# `--only WORD…`: tests whose names have one of the words, for those who work on the plugin.
ONLY = sys.argv[sys.argv.index("--only") + 1:] if "--only" in sys.argv else []


class Run:
    def __init__(self):
        self.passed, self.failed, self.began = 0, 0, time.monotonic()

    def test(self, name, work, *arguments):
        if ONLY and not any(word in name for word in ONLY):
            return False
        try:
            work(*arguments)
        except Exception as error:
            self.failed += 1
            print(f"not ok  {name}: {error if isinstance(error, AssertionError) else traceback.format_exc()}", flush=True)
            return False
        self.passed += 1
        print(f"ok      {name}", flush=True)
        return True

    def end(self):
        print(f"\n{time.monotonic() - self.began:.0f} s")
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        return 1 if self.failed else 0


def same(found, expected, what):
    assert found == expected, f"{what}: expected {expected!r}, found {found!r}"


def holds(state, expected, what):
    """Each named field of the state has this value; a dotted name goes inside. None expects that there is no state."""
    if expected is None or state is None:
        same(state, expected, what)
        return
    for name, value in expected.items():
        found = state
        for part in name.split("."):
            found = found.get(part) if isinstance(found, dict) else found
        same(found, value, f"{what}.{name}")


def eventually(is_true, what, seconds=20):
    until = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < until, f"not within {seconds} s: {what}"
        time.sleep(0.05)
