"""Entries are taken back through Indelible: it orders, WordPress does it, and the change that this makes arrives as usual."""

import hashlib
import hmac
import json
import time
import urllib.parse
import uuid

from check import eventually, same
from lab import REVERT_SECRET

TEXT = 'Tides <b>and</b> <iframe src="https://example.com/chart"></iframe>'


class Reverts:
    def __init__(self, wordpress, server, browser):
        self.wordpress, self.server, self.browser = wordpress, server, browser
        self.site = f"{wordpress.name}-second" if wordpress.network else wordpress.name
        self.url = browser.base + "/?rest_route=/indelible/v1/revert"

    def tests(self, run):
        status, text = self.server.ask(f"/sites/{self.site}/connectors/wordpress", "PUT", {"revert_url": self.url, "revert_secret": REVERT_SECRET})
        assert status == 200, text
        names = ["post", "deleted_post", "term", "option"] if self.wordpress.network else [
            "post", "trashed_page", "deleted_post", "media", "term", "deleted_term", "option", "deleted_option", "theme_setting", "background", "menu", "deleted_menu", "user", "roles",
            "comment", "trashed_comment", "deleted_comment", "installed_code", "widget", "changed_since", "changed_unseen", "gone_since", "signatures", "same_order_again", "bad_orders"]
        for name in names:
            run.test(f"{self.wordpress.name}: revert: {name.replace('_', ' ')}", getattr(self, name))

    def newest(self, kind, entity, action):
        """The newest entry of an action about an entity."""
        found = []

        def there():
            query = {"q": f'entity.type:"{kind}" entity.id:"{entity}" action:"{action}"', "limit": 1}
            found[:] = self.server.get(f"/sites/{self.site}/entries", **query)["data"]
            return found
        eventually(there, f"{action} of {kind} {entity}", 5)
        return found[0]

    def revert(self, entry, expected=201, **body):
        status, text = self.server.ask(f"/sites/{self.site}/entries/{entry['id']}/revert", "POST", {"reason": "ticket 7"} | body)
        same(status, expected, f"reverting {entry['action']}: {text[:600]}")
        return json.loads(text)

    def taken_back(self, kind, entity, action, echo=None):
        """Takes the newest such entry back; the change that this made is told by WordPress too."""
        entry = self.newest(kind, entity, action)
        told = self.revert(entry)
        same((told["action"], told["reverts"], told.get("errors", [])), ("indelible.revert", entry["id"], []), "the entry of the revert")

        def arrived():
            mine = [one for one in self.server.tail(self.site, entry["index"]) if one.get("data", {}).get("reverts") == entry["id"]]
            return [one for one in mine if echo is None or one["action"] == echo]
        eventually(arrived, f"{echo or 'the change'} that the revert made", 5)
        made = arrived()[0]
        same((made["actor"]["type"], made["actor"]["id"], made["reason"]), ("service", "indelible", "ticket 7"), "who made it, and why")
        return told

    def refused(self, entry, *words):
        answer = self.revert(entry, 422)
        for word in words:
            assert word in answer["detail"], answer["detail"]

    def rest(self, *arguments, **more):
        return self.browser.rest(*arguments, **more)

    def post(self):
        made = self.rest("POST", "/wp/v2/posts", {"title": "Ebb", "content": TEXT, "status": "publish", "categories": [1]})["id"]
        category = self.rest("POST", "/wp/v2/categories", {"name": f"Sea {uuid.uuid4().hex[:6]}"})["id"]
        self.rest("POST", f"/wp/v2/posts/{made}", {"title": "Flood", "content": "Short", "categories": [category], "sticky": False})
        self.taken_back("post", made, "wp.posts.updated", "wp.posts.updated")
        now = self.rest("GET", f"/wp/v2/posts/{made}", query={"context": "edit"})
        same((now["title"]["raw"], now["content"]["raw"], now["categories"], now["status"]), ("Ebb", TEXT, [1], "publish"), "the post")

    def trashed_page(self):
        made = self.rest("POST", "/wp/v2/pages", {"title": "Harbour", "content": "Text", "status": "publish"})["id"]
        slug = self.rest("GET", f"/wp/v2/pages/{made}")["slug"]
        self.rest("DELETE", f"/wp/v2/pages/{made}")
        self.taken_back("page", made, "wp.posts.trashed", "wp.posts.untrashed")
        now = self.rest("GET", f"/wp/v2/pages/{made}", query={"context": "edit"})
        same((now["status"], now["slug"]), ("publish", slug), "the page")

    def deleted_post(self):
        made = self.rest("POST", "/wp/v2/posts", {"title": 'Back\\slash "quoted" é', "content": TEXT, "status": "publish", "tags": []})["id"]
        self.rest("DELETE", f"/wp/v2/posts/{made}", query={"force": "true"})
        self.taken_back("post", made, "wp.posts.deleted", "wp.posts.created")
        now = self.rest("GET", f"/wp/v2/posts/{made}", query={"context": "edit"})
        same((now["id"], now["title"]["raw"], now["content"]["raw"]), (made, 'Back\\slash "quoted" é', TEXT), "the post")

    def media(self):
        from content import PIXEL
        made = self.rest("POST", "/wp/v2/media", raw=PIXEL, headers={"Content-Type": "image/png", "Content-Disposition": 'attachment; filename="mark.png"'})["id"]
        self.rest("POST", f"/wp/v2/media/{made}", {"title": "Mark", "alt_text": "first"})
        self.rest("POST", f"/wp/v2/media/{made}", {"title": "Changed", "alt_text": "second"})
        self.taken_back("attachment", made, "wp.media.updated", "wp.media.updated")
        now = self.rest("GET", f"/wp/v2/media/{made}", query={"context": "edit"})
        same((now["title"]["raw"], now["alt_text"]), ("Mark", "first"), "the file's words")
        self.rest("DELETE", f"/wp/v2/media/{made}", query={"force": "true"})
        self.refused(self.newest("attachment", made, "wp.media.deleted"), "its file was deleted with it")

    def term(self):
        name = f"Cod {uuid.uuid4().hex[:6]} & Co"
        made = self.rest("POST", "/wp/v2/tags", {"name": name, "description": "A fish"})["id"]
        self.rest("POST", f"/wp/v2/tags/{made}", {"name": "Ling", "description": "Another"})
        self.taken_back("post_tag", made, "wp.taxonomies.updated", "wp.taxonomies.updated")
        now = self.rest("GET", f"/wp/v2/tags/{made}", query={"context": "edit"})
        same((now["name"].replace("&amp;", "&"), now["description"]), (name, "A fish"), "the term")

    def deleted_term(self):
        made = self.rest("POST", "/wp/v2/genre", {"name": f"Shanty {uuid.uuid4().hex[:6]}", "description": "Songs"})["id"]
        self.rest("DELETE", f"/wp/v2/genre/{made}", query={"force": "true"})
        self.taken_back("genre", made, "wp.taxonomies.deleted", "wp.taxonomies.created")
        same(self.rest("GET", f"/wp/v2/genre/{made}", query={"context": "edit"})["description"], "Songs", "the term")

    def option(self):
        self.rest("POST", "/wp/v2/settings", {"lab_motto": "Ebb"})
        self.rest("POST", "/wp/v2/settings", {"lab_motto": "Flood"})
        self.taken_back("option", "lab_motto", "wp.settings.updated", "wp.settings.updated")
        same(self.rest("GET", "/wp/v2/settings")["lab_motto"], "Ebb", "the setting")

    def deleted_option(self):
        self.rest("POST", "/wp/v2/settings", {"lab_motto": "Slack water"})
        self.rest("POST", "/wp/v2/settings", {"lab_motto": None})
        self.taken_back("option", "lab_motto", "wp.settings.deleted", "wp.settings.created")
        same(self.rest("GET", "/wp/v2/settings")["lab_motto"], "Slack water", "the setting")

    def theme_setting(self):
        self.run("theme_mod", "first")
        self.run("theme_mod", "second")
        self.taken_back("option", "theme_mods_lab[lab_tide]", "wp.settings.updated")
        same(self.run("theme_mod", ""), "first", "the theme's setting")

    def background(self):
        self.run("background", "112233")
        self.run("background", "445566")
        self.taken_back("custom_background", "lab", "wp.settings.updated", "wp.settings.updated")
        same(self.run("background", ""), "112233", "the background")

    def run(self, script, text):
        answer = self.browser.open("/?" + urllib.parse.urlencode({"lab_text": text}), headers={"X-Lab-Run": script})
        return json.loads(answer.text)

    def made_menu(self):
        menu = self.rest("POST", "/wp/v2/menus", {"name": f"Quay {uuid.uuid4().hex[:6]}"})["id"]
        items = [self.rest("POST", "/wp/v2/menu-items", {"title": title, "url": f"http://example.com/{title}", "status": "publish", "menus": menu, "menu_order": place})["id"] for place, title in ((1, "One"), (2, "Two"))]
        return menu, items

    def titles(self, menu):
        return [(one["id"], one["title"]["raw"], one["url"]) for one in self.rest("GET", "/wp/v2/menu-items", query={"menus": str(menu), "context": "edit", "order": "asc", "orderby": "menu_order"})]

    def menu(self):
        menu, items = self.made_menu()
        before = self.titles(menu)
        self.rest("DELETE", f"/wp/v2/menu-items/{items[0]}", query={"force": "true"})
        self.taken_back("menu", menu, "wp.menus.updated", "wp.menus.updated")
        same(self.titles(menu), before, "the menu's items")

    def deleted_menu(self):
        menu, _ = self.made_menu()
        before = self.titles(menu)
        self.rest("DELETE", f"/wp/v2/menus/{menu}", query={"force": "true"})
        self.taken_back("menu", menu, "wp.menus.deleted", "wp.menus.created")
        same(self.titles(menu), before, "the menu's items")

    def someone(self):
        name = f"olga{uuid.uuid4().hex[:6]}"
        return self.rest("POST", "/wp/v2/users", {"username": name, "email": f"{name}@example.com", "password": "a-long-password", "roles": ["author"], "first_name": "Olga"})

    def user(self):
        made = self.someone()
        self.rest("POST", f"/wp/v2/users/{made['id']}", {"email": f"new-{made['email']}", "first_name": "Vera", "name": "Vera", "description": "<b>Bold</b>"})
        self.taken_back("user", made["id"], "wp.users.updated", "wp.users.updated")
        now = self.rest("GET", f"/wp/v2/users/{made['id']}", query={"context": "edit"})
        same((now["email"], now["first_name"], now["name"], now["description"]), (made["email"], "Olga", made["name"], ""), "the user")

    def roles(self):
        made = self.someone()
        self.rest("POST", f"/wp/v2/users/{made['id']}", {"roles": ["editor"]})
        self.refused(self.newest("user", made["id"], "wp.users.updated"), "roles")
        same(self.rest("GET", f"/wp/v2/users/{made['id']}", query={"context": "edit"})["roles"], ["editor"], "the roles")
        self.rest("DELETE", f"/wp/v2/users/{made['id']}", query={"force": "true", "reassign": "1"})
        self.refused(self.newest("user", made["id"], "wp.users.deleted"))

    def commented(self):
        return self.rest("POST", "/wp/v2/comments", {"post": 1, "content": f"Gale {uuid.uuid4().hex[:6]} <i>warning</i>"})

    def comment(self):
        made = self.commented()
        self.rest("POST", f"/wp/v2/comments/{made['id']}", {"content": "Calm"})
        self.taken_back("comment", made["id"], "wp.comments.edited", "wp.comments.edited")
        same(self.rest("GET", f"/wp/v2/comments/{made['id']}", query={"context": "edit"})["content"]["raw"], made["content"]["raw"], "the comment")

    def trashed_comment(self):
        made = self.commented()
        self.rest("DELETE", f"/wp/v2/comments/{made['id']}")
        self.taken_back("comment", made["id"], "wp.comments.trashed", "wp.comments.untrashed")
        same(self.rest("GET", f"/wp/v2/comments/{made['id']}", query={"context": "edit"})["status"], "approved", "the comment")

    def deleted_comment(self):
        made = self.commented()
        self.rest("DELETE", f"/wp/v2/comments/{made['id']}", query={"force": "true"})
        self.taken_back("comment", made["id"], "wp.comments.deleted", "wp.comments.created")
        same(self.rest("GET", f"/wp/v2/comments/{made['id']}", query={"context": "edit"})["content"]["raw"], made["content"]["raw"], "the comment")

    def installed_code(self):
        found = self.server.get(f"/sites/{self.site}/entries", q="entity.type:plugin kind:update", limit=1)["data"]
        self.refused(found[0], "installed code")

    def widget(self):
        found = self.server.get(f"/sites/{self.site}/entries", q="entity.type:widget kind:update", limit=1)["data"]
        self.refused(found[0])

    def changed_since(self):
        made = self.rest("POST", "/wp/v2/posts", {"title": "One", "status": "publish"})["id"]
        self.rest("POST", f"/wp/v2/posts/{made}", {"title": "Two"})
        entry = self.newest("post", made, "wp.posts.updated")
        self.rest("POST", f"/wp/v2/posts/{made}", {"title": "Three"})
        self.newest("post", made, "wp.posts.updated")
        self.revert(entry, 409)
        self.revert(entry, 201, overwrite=["/title"])
        same(self.rest("GET", f"/wp/v2/posts/{made}", query={"context": "edit"})["title"]["raw"], "One", "the title")

    def changed_unseen(self):
        """What changed without the log's knowledge is found by WordPress, and nothing is done."""
        made = self.rest("POST", "/wp/v2/posts", {"title": "One", "content": "Same", "status": "publish"})["id"]
        self.rest("POST", f"/wp/v2/posts/{made}", {"title": "Two"})
        entry = self.newest("post", made, "wp.posts.updated")
        prefix = "wp_2_" if self.wordpress.network else "wp_"
        self.wordpress.sql(f"UPDATE {prefix}posts SET post_title = 'Unseen' WHERE ID = {made}")
        answer = self.revert(entry, 409)
        same([error["field"] for error in answer["errors"]], ["/title"], "the fields that differ")
        same(self.wordpress.sql(f"SELECT post_title FROM {prefix}posts WHERE ID = {made}"), "Unseen", "the title")

    def gone_since(self):
        """All or nothing: the category that it was in is gone, so its title stays as it is too."""
        category = self.rest("POST", "/wp/v2/categories", {"name": f"Reef {uuid.uuid4().hex[:6]}"})["id"]
        made = self.rest("POST", "/wp/v2/posts", {"title": "One", "status": "publish", "categories": [category]})["id"]
        self.rest("POST", f"/wp/v2/posts/{made}", {"title": "Two", "categories": [1]})
        entry = self.newest("post", made, "wp.posts.updated")
        self.rest("DELETE", f"/wp/v2/categories/{category}", query={"force": "true"})
        self.refused(entry, "is not there any more")
        same(self.rest("GET", f"/wp/v2/posts/{made}", query={"context": "edit"})["title"]["raw"], "Two", "the title")

    def send(self, order, secret=REVERT_SECRET, at=None, header=None):
        body = order if isinstance(order, bytes) else json.dumps(order).encode()
        at = int(time.time()) if at is None else at
        signed = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
        visitor = type(self.browser)(self.wordpress)
        headers = {"Content-Type": "application/json"} | ({"Indelible-Signature": f"t={at},v1={signed}" if header is None else header} if header != "" else {})
        page = visitor.open(self.url, body, headers, "POST")
        return page.status, json.loads(page.text)

    def order(self, **more):
        return {"idempotency_key": str(uuid.uuid4()), "site": self.site, "entry_id": str(uuid.uuid4()), "entity": {"type": "option", "id": "lab_motto"},
                "set": {"/value": "Set"}, "remove": [], "expected": {"/value": "Now"}, "reason": None, "requested_by": "lab"} | more

    def signatures(self):
        self.rest("POST", "/wp/v2/settings", {"lab_motto": "Now"})
        for wrong in ({"secret": "another"}, {"at": int(time.time()) - 301}, {"at": int(time.time()) + 310}, {"header": ""}, {"header": "t=1,v1=00"}):
            same(self.send(self.order(), **wrong)[0], 401, f"an order with {wrong}")
        same(self.rest("GET", "/wp/v2/settings")["lab_motto"], "Now", "the setting")

    def same_order_again(self):
        self.rest("POST", "/wp/v2/settings", {"lab_motto": "Now"})
        order = self.order()
        first = self.send(order)
        same(first, (200, {"before": {"value": "Now"}, "after": {"value": "Set"}}), "the answer")
        self.rest("POST", "/wp/v2/settings", {"lab_motto": "Later"})
        same(self.send(order), first, "the same order again")
        same(self.rest("GET", "/wp/v2/settings")["lab_motto"], "Later", "the setting")
        same(self.send(self.order()), (409, {"current": {"value": "Later"}}), "another order")

    def bad_orders(self):
        self.rest("POST", "/wp/v2/settings", {"lab_motto": "Now"})
        for wrong in ({"site": "elsewhere"}, {"entity": {"type": "yacht", "id": "1"}}, {"entity": {"type": "post", "id": "x"}}, {"entity": {"type": "option"}}, {"set": {}, "remove": []}, {"set": "x"}, {"idempotency_key": 7},
                      {"set": {"value": "x"}}, {"entity": {"type": "option", "id": "wp_user_roles"}, "set": {"/value/x": "y"}, "expected": {}}, {"set": {"/value": "[masked]"}}, {"set": {"/value": {"__PHP_Incomplete_Class_Name": "X"}}},
                      {"entity": {"type": "post", "id": "999999"}, "set": {}, "remove": ["/title"], "expected": {}}, {"set": {"/value/deep": 1}, "expected": {}}, {"entity": {"type": "network_option", "id": "x"}}):
            status, answer = self.send(self.order(**wrong))
            assert status == 422 and answer["why"], f"{wrong}: {status} {answer}"
        for body in (b"", b"[]", b"7", b"{", b"\xff"):
            status, _ = self.send(body)
            assert 400 <= status < 500, f"{body}: {status}"
        same(self.rest("GET", "/wp/v2/settings")["lab_motto"], "Now", "the setting")
