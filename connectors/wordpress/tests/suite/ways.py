"""The other ways into WordPress: XML-RPC, the command line, cron, imports, application passwords; and the plugin itself."""

import base64
import json
import re
import shutil
import urllib.parse
import uuid
import xmlrpc.client

from check import eventually, same
from lab import HERE

PASSWORD = "lab-password"


class Ways:
    def __init__(self, wordpress, server, browser):
        self.wordpress, self.server, self.browser, self.site = wordpress, server, browser, wordpress.name

    def tests(self, run):
        names = ("super_admin", "xmlrpc", "cli") if self.wordpress.network else ("xmlrpc", "cli", "cron", "imports", "application_passwords", "roles", "own_deactivation", "own_deletion")
        for name in names:
            run.test(f"{self.wordpress.name}: {name.replace('_', ' ')}", getattr(self, name))

    def newest(self):
        return max([entry["index"] for entry in self.server.tail(self.site)], default=-1)

    def rogue(self, script, text=""):
        return json.loads(self.browser.at("").open("/?" + urllib.parse.urlencode({"lab_text": text}), headers={"X-Lab-Run": script}).text)

    def told(self, after, *wanted):
        """Who did it by which channel, for each of these actions."""
        found = {}

        def there():
            for entry in self.server.tail(self.site, after):
                found[entry["action"]] = entry
            return set(wanted) <= set(found)
        eventually(there, f"{wanted} among {list(found)}", 5)
        return [found[action] for action in wanted]

    def xmlrpc(self):
        after, door = self.newest(), xmlrpc.client.ServerProxy(f"http://{self.wordpress.host}/xmlrpc.php")
        post = door.wp.newPost(1, "admin", PASSWORD, {"post_title": "By wire", "post_content": "Text", "post_status": "publish"})
        door.wp.editPost(1, "admin", PASSWORD, post, {"post_title": "By wire again"})
        door.wp.deletePost(1, "admin", PASSWORD, post)
        for entry in self.told(after, "wp.posts.created", "wp.posts.updated", "wp.posts.trashed"):
            same((entry["entity"]["id"], entry["actor"]["id"], entry["origin"]["channel"]), (post, "1", "xmlrpc"), entry["action"])
        updated = self.server.entry(self.site, self.told(after, "wp.posts.updated")[0]["id"])
        same((updated["before"]["title"], updated["after"]["title"]), ("By wire", "By wire again"), "the states")
        after = self.newest()
        try:
            door.wp.getPosts(1, "admin", "wrong")
        except xmlrpc.client.Fault:
            pass
        same(self.told(after, "wp.users.login-failed")[0]["origin"]["channel"], "xmlrpc", "a refused one")

    def command(self, *arguments, check=True, **environment):
        return self.wordpress.php(str(HERE / "cli.php"), *arguments, check=check, **environment)

    def cli(self):
        after, motto = self.newest(), uuid.uuid4().hex
        self.command("option", "lab_cli", motto)
        entries = [entry for entry in self.server.tail(self.site, after) if entry["entity"]["id"] == "lab_cli"]
        same([(entry["actor"], entry["origin"]["channel"]) for entry in entries], [({"type": "system", "name": "WP-CLI"}, "cli")], "who did it")
        for name, words in (("status", "no trouble"), ("sites", self.site), ("test", f"Append to {self.site}"), ("register", "Orders about"), ("verify", "as it acknowledged it"), ("drain", "0 waiting")):
            done = self.command(name)
            assert words in done.stdout and "not ok" not in done.stdout, f"{name}: {done.stdout}{done.stderr}"

    def cron(self):
        after = self.newest()
        self.rogue("schedule")
        self.browser.open("/wp-cron.php")
        entry = next(one for one in [self.told(after, "wp.settings.updated" if self.had_tick() else "wp.settings.created")[0]])
        same((entry["entity"]["id"], entry["actor"], entry["origin"]["channel"]), ("lab_tick", {"type": "system", "name": "WP-Cron"}, "cron"), "who did it")

    def had_tick(self):
        return len(self.server.get(f"/sites/{self.site}/entries", entity_type="option", entity_id="lab_tick")["data"]) > 1

    def imports(self):
        """A pair of entries around what was imported, all with one correlation id."""
        after = self.newest()
        made = self.rogue("import")
        eventually(lambda: any(one["action"] == "wp.indelible.import-ended" for one in self.server.tail(self.site, after)), "the end of the import", 5)
        entries = self.server.tail(self.site, after)
        mine = [entry for entry in entries if entry["action"].startswith(("wp.indelible.import-", "wp.posts."))]
        same([entry["action"] for entry in mine], ["wp.indelible.import-started"] + ["wp.posts.created"] * 3 + ["wp.indelible.import-ended"], "the import")
        same([entry["entity"]["id"] for entry in mine[1:4]], [str(one) for one in made], "what was imported")
        same(len({entry["correlation_id"] for entry in mine}), 1, "correlation ids")
        same(mine[4]["data"]["changed"], 3, "what the end says")

    def application_passwords(self):
        after = self.newest()
        made = self.browser.rest("POST", "/wp/v2/users/1/application-passwords", {"name": f"Phone {uuid.uuid4().hex[:6]}"})
        entry = self.server.entry(self.site, self.told(after, "wp.users.updated")[0]["id"])
        assert made["name"] in [one["name"] for one in entry["after"]["applications"]], entry["after"]["applications"]
        assert made["password"].replace(" ", "") not in json.dumps(entry).replace(" ", ""), "the password is in the log"

        def create(password):
            visitor, after = type(self.browser)(self.wordpress), self.newest()
            sign = base64.b64encode(f"admin:{password}".encode()).decode()
            page = visitor.open("/?rest_route=/wp/v2/posts", json.dumps({"title": "By phone", "status": "publish"}).encode(), {"Authorization": f"Basic {sign}", "Content-Type": "application/json"}, "POST")
            return page, after
        page, after = create(made["password"])
        same(page.status, 201, page.text[:300])
        entry = self.told(after, "wp.posts.created")[0]
        same((entry["actor"]["id"], entry["origin"]["channel"], entry["data"]["application"]), ("1", "rest", made["uuid"]), "who did it")
        page, after = create("wrong wrong wrong")
        same(page.status, 401, page.text[:300])
        same(self.told(after, "wp.users.authentication-failed")[0]["outcome"], "failure", "the refused one")
        self.browser.rest("DELETE", f"/wp/v2/users/1/application-passwords/{made['uuid']}")

    def roles(self):
        name = f"rower{uuid.uuid4().hex[:6]}"
        user = self.browser.rest("POST", "/wp/v2/users", {"username": name, "email": f"{name}@example.com", "password": "a-long-password", "roles": ["author"]})["id"]
        after = self.newest()
        self.browser.rest("POST", f"/wp/v2/users/{user}", {"roles": ["editor", "author"]})
        entry = self.server.entry(self.site, self.told(after, "wp.users.updated")[0]["id"])
        same((entry["before"]["roles"], entry["after"]["roles"]), ({"blog 1": ["author"]}, {"blog 1": ["editor", "author"]}), "roles")
        same(entry["changed"], ["roles"], "what changed")

    def super_admin(self):
        self.site = f"{self.wordpress.name}"
        user = self.rogue("super_admin")
        after = self.newest()
        self.rogue("super_admin", str(user))
        entries = [one for one in self.server.tail(self.site, after) if one["entity"]["id"] == str(user)]
        entry = self.server.entry(self.site, entries[0]["id"])
        same((entry["before"]["super_admin"], entry["after"]["super_admin"]), (False, True), "super admin")

    def installed(self):
        """The plugin as an ordinary one, beside the must-use one of the laboratory."""
        folder = self.wordpress.root / "wp-content/plugins/indelible"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name in ("indelible.php", "uninstall.php"):
            shutil.copy(HERE.parent / name, folder / name)
        shutil.copytree(HERE.parent / "indelible", folder / "indelible")
        self.browser.rest("POST", "/wp/v2/plugins/indelible/indelible", {"status": "active"})

    def own_deactivation(self):
        """Switching it off is its last entry: without the laboratory's own, nobody else could tell it."""
        self.installed()
        after = self.newest()
        self.browser.rest("POST", "/wp/v2/plugins/indelible/indelible", {"status": "inactive"}, headers={"X-Lab-Without": "1"})
        entry = self.told(after, "wp.installer.deactivated")[0]
        same((entry["entity"]["id"], entry["actor"]["id"]), ("indelible/indelible.php", "1"), "who switched it off")

    def own_deletion(self):
        """Deleting it leaves the log alone, and what waits."""
        before = self.server.tail(self.site)
        with self.server.away():
            self.command("option", "lab_cli", uuid.uuid4().hex)
            self.browser.rest("DELETE", "/wp/v2/plugins/indelible/indelible", headers={"X-Lab-Without": "1"})
            same(self.wordpress.sql("SELECT COUNT(*) FROM wp_indelible_outbox WHERE state = 1"), "1", "what waits")
        self.wordpress.sql("UPDATE wp_indelible_log SET retry_at = 0")
        self.wordpress.cron()
        self.installed()
        for work in (("POST", {"status": "inactive"}), ("DELETE", None)):
            self.browser.rest(work[0], "/wp/v2/plugins/indelible/indelible", work[1], headers={"X-Lab-Without": "1"})
        same(self.wordpress.sql("SHOW TABLES LIKE 'wp\\_indelible\\_outbox'"), "", "the table")
        now = self.server.tail(self.site)
        same([entry["leaf_hash"] for entry in now[:len(before)]], [entry["leaf_hash"] for entry in before], "what was logged")
