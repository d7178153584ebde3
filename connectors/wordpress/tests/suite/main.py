"""Runs everything: a single site, then a network, with one server."""

import sys

import standards
import table
from browser import Browser
from check import ONLY, Run
from coverage import Coverage
from delivery import Delivery
from lab import Lab, Server, WordPress
from reverts import Reverts
from screens import Screens
from ways import Ways

PASSWORD = "lab-password"


def main():
    run = Run()
    if "--write" in sys.argv:
        standards.write()
    standards.Standards().tests(run)
    lab = Lab()
    lab.database()
    server = Server(lab)
    rows = []
    for name, path in (("single", ""), ("network", "/second")):
        wordpress = WordPress(lab, server, name, network=name == "network")
        browser = Browser(wordpress, path)
        browser.sign_in("admin", PASSWORD)
        coverage = Coverage(wordpress, server, browser)
        coverage.tests(run)
        rows += coverage.rows
        server.embedded_in(wordpress)
        server.stop()
        server.start()
        Reverts(wordpress, server, browser).tests(run)
        Screens(wordpress, server, browser).tests(run)
        Ways(wordpress, server, browser).tests(run)
        if not wordpress.network:
            Delivery(wordpress, server, browser).tests(run)
        if "-v" in sys.argv:
            print(wordpress.errors()[-3000:])
    if "--write" in sys.argv and not run.failed:
        table.write(rows)
    if not ONLY:
        run.test("the guide's table is what the run saw", table.is_current, rows)
    return run.end()


if __name__ == "__main__":
    sys.exit(main())
