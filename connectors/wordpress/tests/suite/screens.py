"""The screens within wp-admin: who sees the log there, what of it, and reverts from there."""

import re
import urllib.parse
import urllib.request
import uuid

from check import eventually, same
from lab import REVERT_SECRET

ADMIN_PAGES = ("indelible", "indelible-connection", "indelible-revert")


class Screens:
    def __init__(self, wordpress, server, browser):
        self.wordpress, self.server, self.browser = wordpress, server, browser
        self.site = f"{wordpress.name}-second" if wordpress.network else wordpress.name

    def tests(self, run):
        for name in ("connection", "activity", "others", "history", "revert_from_there") + (("network",) if self.wordpress.network else ("conflict", "unreachable")):
            run.test(f"{self.wordpress.name}: wp-admin: {name.replace('_', ' ')}", getattr(self, name))

    def page(self, name, browser=None, **query):
        return (browser or self.browser).open("/wp-admin/admin.php?" + urllib.parse.urlencode({"page": name} | query))

    def has_no_secret(self, page):
        for secret in (self.server.reader, self.server.writer, REVERT_SECRET):
            assert secret not in page.text, f"a secret is in {page.url}"

    def connection(self):
        page = self.page("indelible-connection")
        for button, words in (("register", "Orders about"), ("test", "Append to")):
            done = self.browser.submit(page, page.form(field="from"), **{button: "x"})
            said = re.findall(r'notice notice-(success|error) inline"><p>([^<]*)', done.text)
            assert said and all(kind == "success" for kind, _ in said), f"{button}: {said}"
            assert any(words in text and self.site in text for _, text in said), f"{button}: {said}"
            self.has_no_secret(done)
        connectors = self.server.get(f"/sites/{self.site}/connectors")["data"]
        same([one["name"] for one in connectors if one["has_secret"] and "revert" in one["revert_url"]], ["wordpress"], "where orders go")

    def frame(self, page):
        same(page.status, 200, page.url)
        self.has_no_secret(page)
        return page.find(r'<iframe src="([^"]+)"').replace("&#038;", "&").replace("&amp;", "&")

    def activity(self):
        address = self.frame(self.page("indelible"))
        assert "/embed?token=idl_" in address, address
        with urllib.request.urlopen(address) as answer:
            text, policy = answer.read().decode(), answer.headers["Content-Security-Policy"]
        assert '<table class="list">' in text, text[:500]
        assert f"http://{self.wordpress.host}" in policy.split("frame-ancestors")[1], policy
        same(self.frame(self.page("indelible")), address, "the frame of the same user a moment later")
        filtered = self.frame(self.page("indelible", q="action:nothing.of.that.name"))
        with urllib.request.urlopen(filtered) as answer:
            assert "nothing to see here" in answer.read().decode(), "the filter"
        assert "notice-error" in self.page("indelible", q="action:(").text, "a filter that is none is told"
        token = urllib.parse.parse_qs(urllib.parse.urlsplit(address).query)["token"][0]
        for method, path in (("POST", f"/sites/{self.site}/entries"), ("GET", "/tokens"), ("PUT", f"/sites/{self.site}/settings")):
            status, _ = self.server.ask(path, method, {} if method != "GET" else None, token)
            assert status in (401, 403, 404), f"the token of the frame may {method} {path}: {status}"

    def someone(self, role):
        """A user of this role, signed in."""
        name = f"{role}{uuid.uuid4().hex[:6]}"
        self.browser.rest("POST", "/wp/v2/users", {"username": name, "email": f"{name}@example.com", "password": "a-long-password", "roles": [role]})
        browser = type(self.browser)(self.wordpress, urllib.parse.urlsplit(self.browser.base).path)
        browser.sign_in(name, "a-long-password")
        return browser

    def others(self):
        """An editor sees nothing of the log; nor does a site's administrator on a network."""
        made = self.browser.rest("POST", "/wp/v2/posts", {"title": "Seen by others", "status": "publish"})["id"]
        entry = self.server.get(f"/sites/{self.site}/entries", entity_type="post", entity_id=str(made))["data"][0]
        for role in ("editor",) + (("administrator",) if self.wordpress.network else ()):
            browser = self.someone(role)
            edit = browser.open(f"/wp-admin/post.php?post={made}&action=edit")
            assert edit.status == 200 and 'id="title"' in edit.text, f"{role} edits"
            assert "indelible-history" not in edit.text and "page=indelible" not in edit.text, f"{role} sees the history"
            for name in ADMIN_PAGES:
                same(self.page(name, browser, log=self.site, entry=entry["id"]).status, 403, f"{role} at {name}")
            for action in ("indelible_revert", "indelible_connection"):
                same(browser.post("/wp-admin/admin-post.php", {"action": action, "log": self.site, "entry": entry["id"]}).status, 403, f"{role} does {action}")

    def history(self):
        post = self.browser.rest("POST", "/wp/v2/posts", {"title": "Log book", "status": "publish"})["id"]
        page = self.browser.rest("POST", "/wp/v2/pages", {"title": "Chart room", "status": "publish"})["id"]
        term = self.browser.rest("POST", "/wp/v2/categories", {"name": f"Knots {uuid.uuid4().hex[:6]}"})["id"]
        self.browser.rest("POST", "/wp/v2/users/1", {"description": f"Keeps the log {uuid.uuid4().hex[:6]}"})
        places = [(f"/wp-admin/post.php?post={post}&action=edit", "wp.posts.created"), (f"/wp-admin/post.php?post={page}&action=edit", "wp.posts.created"),
                  (f"/wp-admin/term.php?taxonomy=category&tag_ID={term}", "wp.taxonomies.created"), ("/wp-admin/profile.php", "wp.users.updated")]
        if not self.wordpress.network:
            from content import PIXEL
            file = self.browser.rest("POST", "/wp/v2/media", raw=PIXEL, headers={"Content-Type": "image/png", "Content-Disposition": 'attachment; filename="flag.png"'})["id"]
            places.append((f"/wp-admin/post.php?post={file}&action=edit", "wp.media.uploaded"))
        for address, action in places:
            shown = self.browser.open(address)
            box = shown.text.split("indelible-history", 1)
            assert len(box) == 2 and action in box[1], f"{address} shows no {action}: {box[-1][:800]}"
            self.has_no_secret(shown)

    def changed_post(self):
        made = self.browser.rest("POST", "/wp/v2/posts", {"title": "Fair <b>copy</b>", "status": "publish"})["id"]
        self.browser.rest("POST", f"/wp/v2/posts/{made}", {"title": "Blotted"})
        shown = self.browser.open(f"/wp-admin/post.php?post={made}&action=edit")
        return made, self.browser.open(shown.link("page=indelible-revert", "entry="))

    def title(self, post):
        return self.browser.rest("GET", f"/wp/v2/posts/{post}", query={"context": "edit"})["title"]["raw"]

    def revert_from_there(self):
        made, plan = self.changed_post()
        form = plan.form(field="reason")
        assert "Blotted" in plan.text and "Fair &lt;b&gt;copy" in plan.text, "the plan"
        self.has_no_secret(plan)
        forged = dict(form.fields, _wpnonce="0123456789")
        same(self.browser.post("/wp-admin/admin-post.php", forged).status, 403, "a forged form")
        elsewhere = dict(form.fields, log="another-log")
        same(self.browser.post("/wp-admin/admin-post.php", elsewhere).status, 403, "another log")
        same(self.title(made), "Blotted", "the title")
        done = self.browser.submit(plan, form, reason="a blot")
        assert "notice-success" in done.text, done.text[-1500:]
        same(self.title(made), "Fair <b>copy</b>", "the title")
        asked = []

        def told():
            asked[:] = self.server.get(f"/sites/{self.site}/entries", q=f'action:"wp.indelible.revert-asked" entity.id:"{made}"')["data"]
            return asked
        eventually(told, "the entry that says who asked", 5)
        same((asked[0]["actor"]["id"], asked[0]["outcome"], asked[0]["data"]["reason"]), ("1", "success", "a blot"), "who asked")
        reverts = self.server.get(f"/sites/{self.site}/entries", q=f'action:"indelible.revert" entity.id:"{made}"')["data"]
        assert "a blot – asked for by" in reverts[0]["reason"], reverts[0]

    def conflict(self):
        made, plan = self.changed_post()
        self.browser.rest("POST", f"/wp/v2/posts/{made}", {"title": "Third"})
        done = self.browser.submit(plan, plan.form(field="reason"), reason="late")
        assert "changed since" in done.text, done.text[-1500:]
        same(self.title(made), "Third", "the title")
        again = self.browser.submit(done, done.form(field="reason"), reason="late", **{"overwrite[]": "/title"})
        assert "notice-success" in again.text, again.text[-1500:]
        same(self.title(made), "Fair <b>copy</b>", "the title")

    def unreachable(self):
        """Without the server every screen works, and says why it shows nothing."""
        made, plan = self.changed_post()
        with self.server.away():
            for address in (f"/wp-admin/post.php?post={made}&action=edit", "/wp-admin/admin.php?page=indelible", "/wp-admin/admin.php?page=indelible-connection"):
                shown = self.browser.open(address)
                same(shown.status, 200, address)
            done = self.browser.submit(plan, plan.form(field="reason"), reason="x")
            same(done.status, 403, "a revert without the server")
            same(self.title(made), "Blotted", "the title")
        self.wordpress.sql("UPDATE wp_indelible_log SET retry_at = 0")
        self.wordpress.cron()

    def network(self):
        above = self.browser.at("")
        page = above.open("/wp-admin/network/admin.php?page=indelible&log=2")
        self.frame(page)
        assert "network-second" in page.text and "network-network" in page.text, "the logs to choose from"
