"""Each content type, created, updated and deleted through wp-admin and REST: the entry arrives and says who, what, before and after."""

from check import eventually, holds, same
from content import Desk, types


class Coverage:
    def __init__(self, wordpress, server, browser):
        self.wordpress, self.server = wordpress, server
        self.desk = Desk(browser, wordpress.network)
        self.desk.mark = self.mark
        self.rows = []
        self.mark()

    def mark(self):
        self.after = {site: max([entry["index"] for entry in self.server.tail(site)], default=-1) for site in self.wordpress.sites}

    def new(self):
        return [entry for site in self.wordpress.sites for entry in self.server.tail(site, self.after[site])]

    def tests(self, run):
        for name, cases, _ in types(self.wordpress.network, self.wordpress.host):
            for way, said, work in cases:
                operation = said[0]
                if way == "REST" and self.wordpress.network and name == "users" and operation == "delete":
                    continue  # WordPress refuses it on a network.
                run.test(f"{self.wordpress.name}: {name}: {operation} by {way}", self.case, name, way, said, work)

    def case(self, name, way, said, work):
        operation, kind_of_entity, action, before, after = said
        self.mark()
        entity = str(work(self.desk))

        def mine():
            return [entry for entry in self.new() if entry["entity"]["type"] == kind_of_entity and entry["entity"]["id"] == entity]
        eventually(mine, f"{kind_of_entity} {entity}; there are {[(e['action'], e['entity']) for e in self.new()]}", 3)
        found = [entry for entry in mine() if entry["action"] == action]
        same([entry["action"] for entry in mine()].count(action), 1, f"entries of {action} among {[entry['action'] for entry in mine()]}")
        entry = self.server.entry(found[0]["site"], found[0]["id"])
        same(entry["kind"], operation, "kind")
        same((entry["actor"]["type"], entry["actor"]["id"]), ("user", "1"), "actor")
        same(entry["origin"]["channel"], "rest" if way == "REST" else "portal", "channel")
        same(entry["connector"], "wordpress", "connector")
        holds(entry.get("before"), before, "before")
        holds(entry.get("after"), after, "after")
        self.rows.append((name, operation, way, action, entry["site"]))
