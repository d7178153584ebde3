"""The outbox: the server away and back, a request that is killed, and code that goes around the log."""

import hashlib
import json
import re
import shutil
import statistics
import time
import urllib.parse

from check import eventually, same
from lab import HERE, WORKSPACE

FIXTURE = WORKSPACE / "crates/indelible/src/demo/captures/stream-records.json"


class Delivery:
    def __init__(self, wordpress, server, browser):
        self.wordpress, self.server, self.browser, self.site, self.settings = wordpress, server, browser, wordpress.name, None

    def tests(self, run):
        for name in ("outage", "killed", "sign_ins", "deleted_rows", "deleted_outbox", "fail_closed", "full", "restored", "dropped_tables", "dropped_memory", "long_values", "removed_hooks", "swallowed_queries", "importing", "exclusion", "writer_token", "driver", "nothing_is_missing", "rewound_log"):
            run.test(f"{self.site}: {name.replace('_', ' ')}", getattr(self, name))

    def newest(self):
        return max([entry["index"] for entry in self.server.tail(self.site)], default=-1)

    def rogue(self, script):
        answer = self.browser.open("/", headers={"X-Lab-Run": script})
        same(answer.status, 200, script)
        return json.loads(answer.text)

    def cron(self):
        self.wordpress.cron()

    def due(self):
        """Back-off is waited for by setting the clock that it is kept in."""
        self.wordpress.sql("UPDATE wp_indelible_log SET retry_at = 0")

    def outage(self):
        """Nothing lost, nothing double, no visible error; and what it costs, measured in the same run."""
        page = self.browser.open("/wp-admin/options-general.php")
        form, titles, times = page.form(field="blogdescription"), [], {True: [], False: []}
        with self.server.away():
            for number in range(60):
                for with_plugin in (True, False) if number % 2 else (False, True):
                    fields = form.fields | {"blogdescription": f"tagline {number} {with_plugin}"}
                    answer, took = self.save(fields, with_plugin)
                    same((answer.status, "settings-updated=true" in answer.headers["Location"]), (302, True), "saving while the server is away")
                    times[with_plugin].append(took)
                    if with_plugin:
                        titles.append(fields["blogdescription"])
            write = self.rogue("commit_cost")
        with_it, without = (1000 * statistics.median(times[each]) for each in (True, False))
        print(f"        saving a setting while the server is away: median {with_it:.1f} ms with the plugin, {without:.1f} ms without: {with_it - without:+.1f} ms "
              f"(target: below 5); one durable write of this database takes {write:.1f} ms")
        self.due()
        self.cron()
        found = [entry for entry in self.server.tail(self.site) if entry["entity"]["id"] == "blogdescription"]
        values = [self.server.entry(self.site, entry["id"])["after"]["value"] for entry in found]
        for title in titles:
            same(values.count(title), 1, f"entries of {title}")

    def save(self, fields, with_plugin):
        """Saves the general settings, and says how long that took. What is timed is the saving, not the page that follows."""
        headers = {} if with_plugin else {"X-Lab-Without": "1"}
        self.browser.headers |= headers
        try:
            return self.browser.timed("/wp-admin/options.php", fields)
        finally:
            for name in headers:
                del self.browser.headers[name]

    def killed(self):
        after = self.newest()
        self.wordpress.php(str(HERE / "killed.php"), check=False)
        self.wordpress.sql("UPDATE wp_indelible_open SET opened = opened - 1000")
        self.cron()
        found = [entry for entry in self.server.tail(self.site, after) if entry["action"] == "wp.indelible.incomplete"]
        same(len(found), 1, "entries of requests that never ended")
        same(found[0]["data"]["first_touched"], {"content": "options", "id": "blogdescription"}, "what it touched first")

    def sign_ins(self):
        after = self.newest()
        stranger = type(self.browser)(self.wordpress)
        stranger.headers = stranger.headers | {"X-Forwarded-For": "198.51.100.7"}
        stranger.sign_in("admin", "wrong")
        stranger.sign_in("my-password-typed-here", "x")
        stranger.sign_in("admin", "lab-password")
        told = [(entry["action"], entry["outcome"], entry["actor"]["type"], entry["origin"]["ip"]) for entry in self.server.tail(self.site, after) if entry["entity"]["type"] == "user"]
        same(told, [("wp.users.login-failed", "failure", "system", "198.51.100.7")] * 2 + [("wp.users.login", "success", "user", "198.51.100.7")], "sign-ins")
        assert "my-password-typed-here" not in json.dumps(self.server.tail(self.site, after)), "what was typed as a name is in the log"

    def waiting(self, *scripts):
        """Entries wait while the server is away; then something deletes them, and the server is back."""
        page = self.browser.open("/wp-admin/options-general.php")
        with self.server.away():
            for number in range(3):
                self.browser.submit(page, page.form(field="blogdescription"), blogdescription=f"doomed {number} {scripts}")
            self.cron()
            for script in scripts:
                self.rogue(script)
        after = self.newest()
        self.due()
        self.cron()
        self.cron()
        return self.server.tail(self.site, after)

    def deleted_rows(self):
        found = [entry for entry in self.waiting("delete_waiting") if entry["action"] == "indelible.gap"]
        same([gap["data"]["entries"] for gap in found], [3], "entries told to be missing")
        assert "something else than the shipper deleted them" in found[0]["data"]["reason"], found[0]

    def deleted_outbox(self):
        """With the row that numbers the entries nobody can say which are missing: a new epoch says that, and how many at least."""
        found = [entry for entry in self.waiting("delete_outbox") if entry["action"] == "wp.indelible.started"]
        same([entry["outcome"] for entry in found], ["failure"], "new epochs")
        assert found[0]["data"]["waited_at_least"] >= 3, found[0]

    def description(self, text, **headers):
        """Saves the tagline in wp-admin."""
        if self.settings is None:
            self.settings = self.browser.open("/wp-admin/options-general.php").form(field="blogdescription").fields
        fields = self.settings | {"blogdescription": text}
        return self.browser.open("/wp-admin/options.php", urllib.parse.urlencode(fields).encode(), headers)

    def stored(self, option):
        return self.wordpress.sql(f"SELECT option_value FROM wp_options WHERE option_name = '{option}'")

    CLOSED = {"X-Lab-Fail-Closed": "1"}

    def fail_closed(self):
        """What can be logged is done as always, and its request leaves no mark; what cannot is not done."""
        after = self.newest()
        same(self.description("closed and well", **self.CLOSED).status, 200, "saving")
        same([entry["action"] for entry in self.server.tail(self.site, after)], ["wp.settings.updated"], "entries")
        same(self.wordpress.sql("SELECT COUNT(*) FROM wp_indelible_opened"), "0", "marks of open requests")
        self.refuses(**self.CLOSED, **{"X-Lab-Swallow": "1"})
        same(self.description("open all the same", **{"X-Lab-Swallow": "1"}).status, 200, "saving without the mode")
        same(self.stored("blogdescription"), "open all the same", "the tagline without the mode")

    def refuses(self, **headers):
        """Changes of existing things and new ones, in wp-admin and over REST."""
        was = self.stored("blogdescription"), self.counts()
        refused = self.description("never", **headers)
        assert refused.status == 503 and "cannot be logged" in refused.text, f"{refused.status} {refused.text[:300]}"
        self.browser.rest("GET", "/wp/v2/users/me")
        unique = str(time.time_ns())
        for route, body in (("/wp/v2/posts", {"title": "never", "status": "publish"}), ("/wp/v2/posts/1", {"title": "never"}), ("/wp/v2/categories", {"name": "never" + unique}), ("/wp/v2/settings", {"lab_motto": "never" + unique}),
                            ("/wp/v2/users", {"username": "never" + unique, "email": f"{unique}@example.com", "password": "a-long-password"}), ("/wp/v2/comments", {"post": 1, "content": "never " + unique}), ("/wp/v2/users/1", {"first_name": "never" + unique})):
            page = self.browser.open("/?" + urllib.parse.urlencode({"rest_route": route}), json.dumps(body).encode(), {"X-WP-Nonce": self.browser.nonce, "Content-Type": "application/json"} | headers, "POST")
            assert page.status == 503 and json.loads(page.text)["code"] == "indelible_cannot_log", f"{route}: {page.status} {page.text[:300]}"
        same((self.stored("blogdescription"), self.counts()), was, "what is there")

    def counts(self):
        return [self.wordpress.sql(f"SELECT COUNT(*) FROM wp_{table} WHERE {what}") for table, what in (("posts", "post_status = 'publish'"), ("terms", "1"), ("users", "1"), ("comments", "1"), ("usermeta", "meta_value LIKE 'never%'"))]

    def full(self):
        """An outbox that is full says so in wp-admin and in the log; in fail-closed mode nothing is lost, as nothing is done."""
        with self.server.away():
            self.rogue("flood")
            self.refuses(**self.CLOSED)
            same(self.description("lost").status, 200, "saving while the outbox is full")
            shown = self.browser.open("/wp-admin/").text
            assert "the outbox is full" in shown, re.findall('notice-error[^>]*>(.*?)</div>', shown)
        after = self.newest()
        self.due()
        self.cron()
        self.cron()
        gaps = [entry for entry in self.server.tail(self.site, after) if entry["action"] == "indelible.gap"]
        same([(gap["data"]["entries"], gap["data"]["reason"]) for gap in gaps], [(251, "the outbox was full")], "what is told to be lost")
        same(self.description("room again", **self.CLOSED).status, 200, "saving again")

    TABLES = ("indelible_outbox", "indelible_log", "options")

    def restored(self):
        """A database that is put back gives numbers again: the log has other entries under them, and a new epoch says so."""
        for table in self.TABLES:
            self.wordpress.sql(f"CREATE TABLE kept_{table} AS SELECT * FROM wp_{table}")
        for number in range(3):
            self.description(f"before the restore {number}")
        after = self.newest()
        for table in self.TABLES:
            self.wordpress.sql(f"DELETE FROM wp_{table}; INSERT INTO wp_{table} SELECT * FROM kept_{table}; DROP TABLE kept_{table}")
        for number in range(2):
            self.description(f"after the restore {number}")
        self.cron()
        found = self.server.tail(self.site, after)
        told = [entry for entry in found if entry["action"] == "wp.indelible.restored"]
        same(len(told), 1, f"entries that tell of it among {[entry['action'] for entry in found]}")
        mine = [entry for entry in found if entry["entity"]["id"] == "blogdescription"]
        values = [self.server.entry(self.site, entry["id"])["after"]["value"] for entry in mine]
        same(values, ["after the restore 0", "after the restore 1"], "what was changed afterwards")
        same({entry["data"]["outbox"]["epoch"] for entry in mine}, {told[0]["entity"]["id"]}, "epochs")

    def rewound_log(self):
        """A server that was put back has lost entries which it had acknowledged: the plugin says so in the log that is left."""
        kept = self.server.data.with_name("kept")
        with self.server.away():
            shutil.copytree(self.server.data, kept)
        for number in range(2):
            self.description(f"forgotten {number}")
        with self.server.away():
            shutil.rmtree(self.server.data)
            kept.rename(self.server.data)
        after = self.newest()
        assert "not ok" in self.wordpress.php(str(HERE / "cli.php"), "verify", check=False).stdout, "the command does not see it"
        self.description("after the log's restore")
        self.cron()
        told = [entry for entry in self.server.tail(self.site, after) if entry["action"] == "wp.indelible.log-rewound"]
        same(len(told), 1, "entries that tell of it")

    def long_values(self):
        """To the byte; what is longer than an entry may be is told by its length and hash."""
        after = self.newest()
        self.rogue("long")
        states = {entry["entity"]["id"]: self.server.entry(self.site, entry["id"])["after"]["value"] for entry in self.server.tail(self.site, after) if entry["entity"]["id"].startswith("lab_long")}
        assert states["lab_long"] == "100% 'a' \"b\" \\n é😀 {curly} %s \n" * 10000, states["lab_long"][:200]
        digest = hashlib.sha256(b"y" * 3000000).hexdigest()
        assert states["lab_longest"].endswith(f"… [cut: 3000000 bytes, SHA-256 {digest}]"), states["lab_longest"][-200:]

    def dropped_tables(self):
        before = self.server.tail(self.site)
        self.rogue("drop_tables")
        page = self.browser.open("/wp-admin/options-general.php")
        self.browser.submit(page, page.form(field="blogdescription"), blogdescription="after all")
        now = self.server.tail(self.site)
        same([entry["leaf_hash"] for entry in now[:len(before)]], [entry["leaf_hash"] for entry in before], "what was delivered before")
        told = [entry["action"] for entry in now[len(before):]]
        assert "wp.indelible.started" in told, f"no new epoch: {told}"
        named = [entry for entry in now[len(before):] if entry["entity"]["id"] == "blogname"]
        same(len(named), 1, "entries of the request that dropped the tables")

    def dropped_memory(self):
        """What the shipper remembers is gone: entries go on, each once."""
        after = self.newest()
        self.rogue("drop_log")
        self.cron()
        found = [entry for entry in self.server.tail(self.site, after) if entry["entity"]["id"] == "blogname"]
        same(len(found), 1, "entries of the request")

    def bypass(self, script, which):
        after = self.newest()
        self.rogue(script)
        found = self.server.tail(self.site, after)
        traces = [entry for entry in found if entry["action"] == "wp.indelible.bypass" and entry["entity"]["id"] == which]
        same(len(traces), 1, f"traces of {which} among {[(e['action'], e['entity']['id']) for e in found]}")
        return found

    def removed_hooks(self):
        self.bypass("remove_hooks", "hooks-removed")

    def swallowed_queries(self):
        found = self.bypass("swallow_queries", self.site)
        assert any(entry["entity"]["id"] == "blogdescription" for entry in found), "the change that was swallowed is not told"

    def importing(self):
        found = self.bypass("importing", "importing")
        made = [entry for entry in found if entry["action"] == "wp.posts.created"]
        same([entry["data"].get("importing") for entry in made], [True], "what was imported")

    def exclusion(self):
        found = self.bypass("exclude", "record-excluded")
        record = [entry for entry in found if entry["entity"]["id"] == "record-excluded"]
        same(record[0]["data"]["record"]["summary"], "gone", "the excluded record")

    def writer_token(self):
        """What code in WordPress holds can append and nothing else."""
        entry = self.server.tail(self.site)[0]["id"]
        for method, path in (("GET", "/entries"), ("GET", f"/entries/{entry}"), ("DELETE", f"/entries/{entry}"), ("PUT", f"/entries/{entry}"), ("PUT", "/settings"), ("POST", f"/entries/{entry}/revert")):
            status, text = self.server.ask(f"/sites/{self.site}{path}", method, {} if method != "GET" else None, self.server.writer)
            assert status in (403, 404, 405), f"{method} {path}: {status} {text}"

    def driver(self):
        done = self.wordpress.php(str(HERE / "driver.php"), str(FIXTURE), check=False)
        assert done.returncode == 0 and "queries" in done.stdout, done.stdout[-3000:] + done.stderr[-2000:]
        print(f"        {done.stdout}")

    def nothing_is_missing(self):
        """The numbers of each epoch are there, each once, or told as a gap; and the log verifies."""
        self.due()
        self.cron()
        epochs = {}
        entries = self.server.tail(self.site)
        for entry in entries:
            if "outbox" in entry.get("data", {}):
                place = entry["data"]["outbox"]
                epochs.setdefault(place["epoch"], []).append(place["sequence"])
        for epoch, numbers in epochs.items():
            same(len(numbers), len(set(numbers)), f"numbers of {epoch} given twice")
        waiting = self.wordpress.sql("SELECT COUNT(*) FROM wp_indelible_outbox WHERE state = 1")
        same(waiting, "0", "entries that still wait")
        same(self.wordpress.sql("SELECT COUNT(*) FROM wp_indelible_outbox WHERE state = 3"), "0", "entries that the log refused")
        errors = [line for line in self.wordpress.errors().splitlines() if "Indelible: " in line and "Error" in line]
        same(errors, [], "errors of the plugin")
        print("        " + self.server.command("verify", "--site", self.site).splitlines()[-1])
