"""The sixteen content types: how each is created, updated and deleted in wp-admin and over REST, and what the log must say.

A case is (content type, way, operation, what is done, what is expected). What is done gets the desk and answers the entity's id where
the next operation needs it."""

import io
import json
import re
import zipfile

PIXEL = bytes.fromhex("89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082")


class Desk:
    """A browser signed in at one blog, and at the network's administration where there is one."""

    def __init__(self, browser, network):
        self.here = browser
        self.above = browser.at("") if network else browser
        self.admin = "/wp-admin/network" if network else "/wp-admin"
        self.network, self.ids = network, {}

    def edit(self, browser, path, form, files=None, has=None, **fields):
        page = browser.open(path)
        return browser.submit(page, page.form(**(form if isinstance(form, dict) else {"id": form})), files, **fields)


def posts(kind, rest):
    new = "/wp-admin/post-new.php" + ("" if kind == "post" else f"?post_type={kind}")

    def create(desk):
        page = desk.edit(desk.here, new, "post", post_title="Spring", content="First text", publish="Publish")
        desk.ids[kind] = re.search(r"post=(\d+)", page.url)[1]
        return desk.ids[kind]

    def update(desk):
        desk.edit(desk.here, f"/wp-admin/post.php?post={desk.ids[kind]}&action=edit", "post", post_title="Summer", content="Second text", save="Update")
        return desk.ids[kind]

    def delete(desk):
        page = desk.here.open(f"/wp-admin/post.php?post={desk.ids[kind]}&action=edit")
        desk.here.open(page.link("action=trash", f"post={desk.ids[kind]}"))
        page = desk.here.open(f"/wp-admin/edit.php?post_status=trash&post_type={kind}")
        desk.mark()
        desk.here.open(page.link("action=delete", f"post={desk.ids[kind]}"))
        return desk.ids[kind]

    def rest_create(desk):
        desk.ids[kind] = str(desk.here.rest("POST", rest, {"title": "Spring", "content": "First text", "status": "publish"})["id"])
        return desk.ids[kind]

    def rest_update(desk):
        desk.here.rest("POST", f"{rest}/{desk.ids[kind]}", {"title": "Summer", "content": "Second text"})
        return desk.ids[kind]

    def rest_delete(desk):
        desk.here.rest("DELETE", f"{rest}/{desk.ids[kind]}", query={"force": "true"})
        return desk.ids[kind]

    first = {"title": "Spring", "content": "First text", "status": "publish", "type": kind}
    second = {"title": "Summer", "content": "Second text"}
    said = [("create", kind, "wp.posts.created", None, first), ("update", kind, "wp.posts.updated", first, second), ("delete", kind, "wp.posts.deleted", second, None)]
    return [("wp-admin", *each) for each in zip(said, (create, update, delete))] + [("REST", *each) for each in zip(said, (rest_create, rest_update, rest_delete))]


def terms(taxonomy, rest):
    list_page = f"/wp-admin/edit-tags.php?taxonomy={taxonomy}" + ("&post_type=book" if taxonomy == "genre" else "")

    def create(desk):
        desk.edit(desk.here, list_page, "addtag", **{"tag-name": "Sea", "slug": "sea", "description": "Salt"})
        found = desk.here.open(list_page).find(r'id="tag-(\d+)"[^>]*>(?:(?!</tr>)[\s\S])*?Sea')
        desk.ids[taxonomy] = found
        return found

    def update(desk):
        desk.edit(desk.here, f"/wp-admin/term.php?taxonomy={taxonomy}&tag_ID={desk.ids[taxonomy]}", "edittag", name="Ocean", description="Salt and water")
        return desk.ids[taxonomy]

    def delete(desk):
        page = desk.here.open(list_page)
        desk.here.open(page.link("action=delete", f"tag_ID={desk.ids[taxonomy]}"))
        return desk.ids[taxonomy]

    def rest_create(desk):
        desk.ids[taxonomy] = str(desk.here.rest("POST", rest, {"name": "Sea", "slug": "sea", "description": "Salt"})["id"])
        return desk.ids[taxonomy]

    def rest_update(desk):
        desk.here.rest("POST", f"{rest}/{desk.ids[taxonomy]}", {"name": "Ocean", "description": "Salt and water"})
        return desk.ids[taxonomy]

    def rest_delete(desk):
        desk.here.rest("DELETE", f"{rest}/{desk.ids[taxonomy]}", query={"force": "true"})
        return desk.ids[taxonomy]

    first, second = {"name": "Sea", "slug": "sea", "description": "Salt"}, {"name": "Ocean", "description": "Salt and water"}
    said = [("create", taxonomy, "wp.taxonomies.created", None, first), ("update", taxonomy, "wp.taxonomies.updated", first, second), ("delete", taxonomy, "wp.taxonomies.deleted", second, None)]
    return [("wp-admin", *each) for each in zip(said, (create, update, delete))] + [("REST", *each) for each in zip(said, (rest_create, rest_update, rest_delete))]


def users():
    def rest_create(desk):
        desk.ids["user"] = str(desk.here.rest("POST", "/wp/v2/users", {"username": "anna", "email": "anna@example.com", "password": "a-long-password", "roles": ["author"], "name": "Ana"})["id"])
        return desk.ids["user"]

    def rest_update(desk):
        desk.here.rest("POST", f"/wp/v2/users/{desk.ids['user']}", {"email": "anna.lima@example.com", "roles": ["editor"]})
        return desk.ids["user"]

    def rest_delete(desk):
        desk.here.rest("DELETE", f"/wp/v2/users/{desk.ids['user']}", query={"force": "true", "reassign": "1"})
        return desk.ids["user"]

    def create(desk):
        if desk.network:
            desk.edit(desk.above, desk.admin + "/user-new.php", "adduser", **{"user[username]": "bern", "user[email]": "bern@example.com", "add-user": "Add"})
            page = desk.above.open(desk.admin + "/users.php?s=bern")
        else:
            desk.edit(desk.here, "/wp-admin/user-new.php", "createuser", user_login="bern", email="bern@example.com", pass1="a-long-password", pass2="a-long-password", role="author", createuser="Add")
            page = desk.here.open("/wp-admin/users.php?s=bern")
        desk.ids["user"] = page.find(r"user_id=(\d+)(?=[^>]*>bern)")
        return desk.ids["user"]

    def update(desk):
        desk.edit(desk.above, f"{desk.admin}/user-edit.php?user_id={desk.ids['user']}", "your-profile", email="bern.b@example.com", first_name="Ben")
        return desk.ids["user"]

    def delete(desk):
        if desk.network:
            page = desk.above.open(desk.admin + "/users.php?s=bern")
            page = desk.above.open(page.link("action=deleteuser", f"id={desk.ids['user']}"))
            desk.above.submit(page, page.form(field="_wpnonce"), **{"delete": "1"})
        else:
            page = desk.here.open("/wp-admin/users.php?s=bern")
            page = desk.here.open(page.link("action=delete", f"user={desk.ids['user']}"))
            desk.here.submit(page, page.form(id="updateusers"), delete_option="reassign", reassign_user="1")
        return desk.ids["user"]

    def said(name, changed):
        first, second = {"login": name, "email": f"{name}@example.com", "password": "[masked]"}, {"email": changed}
        return [("create", "user", "wp.users.created", None, first), ("update", "user", "wp.users.updated", first, second), ("delete", "user", "wp.users.deleted", second, None)]

    rest = zip(said("anna", "anna.lima@example.com"), (rest_create, rest_update, rest_delete))
    return [("wp-admin", *each) for each in zip(said("bern", "bern.b@example.com"), (create, update, delete))] + ([("REST", *each) for each in rest])


def zipped(files):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return packed.getvalue()


def plugins():
    file = "sample/sample.php"

    def upload(desk, version):
        packed = zipped({file: f"<?php\n/*\nPlugin Name: Sample\nVersion: {version}\n*/\n"})
        page = desk.above.open(f"{desk.admin}/plugin-install.php?tab=upload")
        return desk.above.submit(page, page.form(field="_wpnonce"), {"pluginzip": ("sample.zip", packed)}, **{"install-plugin-submit": "Install"})

    def create(desk):
        upload(desk, "1.0")
        return file

    def update(desk):
        page = upload(desk, "1.1")
        desk.mark()
        desk.above.open(page.link("overwrite=update-plugin"))
        return file

    def delete(desk):
        page = desk.above.open(f"{desk.admin}/plugins.php")
        desk.above.post(f"{desk.admin}/plugins.php", {"action": "delete-selected", "checked[]": file, "verify-delete": "1", "_wpnonce": page.form(id="bulk-action-form").fields["_wpnonce"]})
        return file

    def activate(desk):
        desk.above.rest("POST", "/wp/v2/plugins/sample/sample", {"status": "network-active" if desk.network else "active"})
        return file

    def rest_delete(desk):
        desk.above.rest("POST", "/wp/v2/plugins/sample/sample", {"status": "inactive"})
        desk.mark()
        desk.above.rest("DELETE", "/wp/v2/plugins/sample/sample")
        return file

    first, second = {"name": "Sample", "version": "1.0"}, {"version": "1.1"}
    admin = [("create", "plugin", "wp.installer.installed", None, first), ("update", "plugin", "wp.installer.updated", first, second), ("delete", "plugin", "wp.installer.deleted", second, None)]
    return lambda network: [("wp-admin", *each) for each in zip(admin, (create, update, delete))] + [
        ("wp-admin again", ("create", "plugin", "wp.installer.installed", None, first), create),
        ("REST", ("update", "plugin", "wp.installer.activated", {"network_active" if network else "active": False}, {"network_active" if network else "active": True}), activate),
        ("REST", ("delete", "plugin", "wp.installer.deleted", first, None), rest_delete),
    ]


def themes():
    def create(desk):
        packed = zipped({"sample/style.css": "/*\nTheme Name: Sample\nVersion: 1.0\n*/", "sample/index.php": "<?php"})
        page = desk.above.open(f"{desk.admin}/theme-install.php?upload")
        desk.above.submit(page, page.form(field="_wpnonce"), {"themezip": ("sample.zip", packed)}, **{"install-theme-submit": "Install"})
        return "sample"

    def update(desk):
        page = desk.here.open("/wp-admin/themes.php")
        desk.here.open(page.link("action=activate", "stylesheet=other") if "action=activate&amp;stylesheet=other" in page.text else json.loads('"' + page.find(r'"activate":"([^"]*stylesheet=other[^"]*)"') + '"').replace("&amp;", "&"))
        return "other"

    def back(desk):
        page = desk.here.open("/wp-admin/themes.php")
        desk.here.open(page.link("action=activate", "stylesheet=lab"))
        return "lab"

    def delete(desk):
        nonce = desk.above.open(f"{desk.admin}/themes.php").find(r'_wpUpdatesSettings = {"ajax_nonce":"(\w+)"')
        desk.above.post("/wp-admin/admin-ajax.php", {"action": "delete-theme", "slug": "sample", "_ajax_nonce": nonce})
        return "sample"

    state = {"name": "Sample", "version": "1.0"}
    said = [("create", "theme", "wp.installer.installed", None, state), ("update", "theme", "wp.installer.activated", {"active": False}, {"active": True}),
            ("update", "theme", "wp.installer.activated", {"active": False}, {"active": True}), ("delete", "theme", "wp.installer.deleted", state, None)]
    return [("wp-admin", *each) for each in zip(said, (create, update, back, delete))]


def settings():
    def save(motto):
        def work(desk):
            desk.edit(desk.here, "/wp-admin/options-general.php", {"field": "lab_motto"}, lab_motto=motto)
            return "lab_motto"
        return work

    def delete(desk):
        desk.here.open("/wp-admin/admin-post.php?action=lab_forget")
        return "lab_motto"

    def rest(motto):
        def work(desk):
            desk.here.rest("POST", "/wp/v2/settings", {"lab_motto": motto})
            return "lab_motto"
        return work

    long = "Ebb and flow, " * 60
    long = long.strip()
    said = [("create", "option", "wp.settings.created", None, {"value": "Ebb"}), ("update", "option", "wp.settings.updated", {"value": "Ebb"}, {"value": long}), ("delete", "option", "wp.settings.deleted", {"value": long}, None)]
    return [("wp-admin", *each) for each in zip(said, (save("Ebb"), save(long), delete))] + [("REST", *each) for each in zip(said, (rest("Ebb"), rest(long), rest(None)))]


def background():
    def save(colour):
        def work(desk):
            page = desk.here.open("/wp-admin/themes.php?page=custom-background")
            desk.here.post("/wp-admin/themes.php?page=custom-background", {"background-color": colour, "_wpnonce": page.form(field="background-color").fields["_wpnonce"]})
            return "lab"
        return work

    said = [("create", "custom_background", "wp.settings.created", None, {"background_color": "112233"}), ("update", "custom_background", "wp.settings.updated", {"background_color": "112233"}, {"background_color": "445566"}),
            ("delete", "custom_background", "wp.settings.deleted", {"background_color": "445566"}, None)]
    return [("wp-admin", *each) for each in zip(said, (save("#112233"), save("#445566"), save("")))]


def header():
    path = "/wp-admin/themes.php?page=custom-header"

    def save(**fields):
        def work(desk):
            page = desk.here.open(path)
            form = page.form(field="_wpnonce-custom-header-options")
            desk.here.post(path, {"_wpnonce-custom-header-options": form.fields["_wpnonce-custom-header-options"]} | fields)
            return "lab"
        return work

    def image(wordpress_host, name):
        return f"http://{wordpress_host}/wp-content/themes/lab/{name}.png"

    def cases(host):
        first, second = {"header_image": image(host, "harbour")}, {"header_image": image(host, "pier")}
        said = [("create", "custom_header", "wp.settings.created", None, first), ("update", "custom_header", "wp.settings.updated", first, second), ("delete", "custom_header", "wp.settings.deleted", second, None)]
        return [("wp-admin", *each) for each in zip(said, (save(**{"default-header": "harbour"}), save(**{"default-header": "pier"}), save(removeheader="Remove")))]
    return cases


def menus():
    def create(desk):
        page = desk.edit(desk.here, "/wp-admin/nav-menus.php?action=edit&menu=0", "update-nav-menu", **{"menu-name": "Main", "action": "update"})
        desk.ids["menu"] = re.search(r"menu=(\d+)", page.url)[1] if re.search(r"menu=([1-9]\d*)", page.url) else page.form(id="update-nav-menu").fields["menu"]
        return desk.ids["menu"]

    def update(desk):
        desk.edit(desk.here, f"/wp-admin/nav-menus.php?action=edit&menu={desk.ids['menu']}", "update-nav-menu", **{"menu-name": "Harbour"})
        return desk.ids["menu"]

    def delete(desk):
        page = desk.here.open(f"/wp-admin/nav-menus.php?action=edit&menu={desk.ids['menu']}")
        desk.here.open(page.link("action=delete", f"menu={desk.ids['menu']}"))
        return desk.ids["menu"]

    def rest_create(desk):
        desk.ids["menu"] = str(desk.here.rest("POST", "/wp/v2/menus", {"name": "Main"})["id"])
        return desk.ids["menu"]

    def rest_update(desk):
        desk.here.rest("POST", "/wp/v2/menu-items", {"title": "Home", "url": "http://example.com/", "status": "publish", "menus": int(desk.ids["menu"])})
        return desk.ids["menu"]

    def rest_delete(desk):
        desk.here.rest("DELETE", f"/wp/v2/menus/{desk.ids['menu']}", query={"force": "true"})
        return desk.ids["menu"]

    def said(second):
        first = {"name": "Main", "items": []}
        return [("create", "menu", "wp.menus.created", None, first), ("update", "menu", "wp.menus.updated", first, second), ("delete", "menu", "wp.menus.deleted", second, None)]

    return [("wp-admin", *each) for each in zip(said({"name": "Harbour"}), (create, update, delete))] + [("REST", *each) for each in zip(said({"name": "Main"}), (rest_create, rest_update, rest_delete))]


def media():
    def create(desk):
        page = desk.here.open("/wp-admin/media-new.php")
        nonce = page.form(id="file-form").fields["_wpnonce"]
        sent = desk.here.post("/wp-admin/async-upload.php", {"_wpnonce": nonce, "action": "upload-attachment", "name": "dot.png"}, {"async-upload": ("dot.png", PIXEL)})
        desk.ids["media"] = str(json.loads(sent.text)["data"]["id"])
        return desk.ids["media"]

    def update(desk):
        desk.edit(desk.here, f"/wp-admin/post.php?post={desk.ids['media']}&action=edit", "post", post_title="A dot", _wp_attachment_image_alt="one dot")
        return desk.ids["media"]

    def delete(desk):
        page = desk.here.open(f"/wp-admin/post.php?post={desk.ids['media']}&action=edit")
        desk.here.open(page.link("action=delete", f"post={desk.ids['media']}"))
        return desk.ids["media"]

    def rest_create(desk):
        sent = desk.here.rest("POST", "/wp/v2/media", raw=PIXEL, headers={"Content-Type": "image/png", "Content-Disposition": 'attachment; filename="dot.png"'})
        desk.ids["media"] = str(sent["id"])
        return desk.ids["media"]

    def rest_update(desk):
        desk.here.rest("POST", f"/wp/v2/media/{desk.ids['media']}", {"title": "A dot", "alt_text": "one dot"})
        return desk.ids["media"]

    def rest_delete(desk):
        desk.here.rest("DELETE", f"/wp/v2/media/{desk.ids['media']}", query={"force": "true"})
        return desk.ids["media"]

    first, second = {"mime_type": "image/png", "file.bytes": len(PIXEL)}, {"title": "A dot", "meta._wp_attachment_image_alt": "one dot"}
    said = [("create", "attachment", "wp.media.uploaded", None, first), ("update", "attachment", "wp.media.updated", first, second), ("delete", "attachment", "wp.media.deleted", second, None)]
    return [("wp-admin", *each) for each in zip(said, (create, update, delete))] + [("REST", *each) for each in zip(said, (rest_create, rest_update, rest_delete))]


def widgets():
    def save(desk, text, number, **more):
        nonce = desk.here.open("/wp-admin/widgets.php").find(r'name="_wpnonce_widgets" value="(\w+)"')
        fields = {"action": "save-widget", "savewidgets": nonce, "sidebar": "side", "id_base": "text", "widget-id": f"text-{number}", "widget_number": str(number), "multi_number": str(number) if more.get("add_new") else "",
                  "add_new": "", f"widget-text[{number}][title]": "Note", f"widget-text[{number}][text]": text, f"widget-text[{number}][filter]": "1", f"widget-text[{number}][visual]": "1"}
        desk.here.post("/wp-admin/admin-ajax.php", fields | more)
        return nonce

    def create(desk):
        nonce = save(desk, "Low water", 77, add_new="multi")
        desk.here.post("/wp-admin/admin-ajax.php", {"action": "widgets-order", "savewidgets": nonce, "sidebars[side]": "widget-9_text-77"})
        return "text-77"

    def update(desk):
        save(desk, "High water", 77)
        return "text-77"

    def delete(desk):
        save(desk, "", 77, delete_widget="1")
        return "text-77"

    # WordPress 6.1 itself leaves a widget that is made over REST among the inactive ones, whatever it answers.
    def rest_create(desk):
        desk.ids["widget"] = desk.here.rest("POST", "/wp/v2/widgets", {"id_base": "text", "sidebar": "side", "instance": {"raw": {"title": "Note", "text": "Low water"}}})["id"]
        return desk.ids["widget"]

    def rest_update(desk):
        desk.here.rest("POST", f"/wp/v2/widgets/{desk.ids['widget']}", {"sidebar": "foot", "instance": {"raw": {"title": "Note", "text": "High water"}}})
        return desk.ids["widget"]

    def rest_delete(desk):
        desk.here.rest("DELETE", f"/wp/v2/widgets/{desk.ids['widget']}", query={"force": "true"})
        return desk.ids["widget"]

    def said(action, second, sidebar="side"):
        first = {"settings.text": "Low water", "sidebar": sidebar}
        return [("create", "widget", "wp.widgets.created", None, first), ("update", "widget", action, first, second), ("delete", "widget", "wp.widgets.deleted", second, None)]

    return [("wp-admin", *each) for each in zip(said("wp.widgets.updated", {"settings.text": "High water", "sidebar": "side"}), (create, update, delete))] + \
           [("REST", *each) for each in zip(said("wp.widgets.moved", {"settings.text": "High water", "sidebar": "foot"}, "wp_inactive_widgets"), (rest_create, rest_update, rest_delete))]


def comments():
    def create(desk):
        page = desk.here.open("/wp-admin/edit-comments.php")
        nonce = page.find(r'name="_ajax_nonce-replyto-comment"[^>]*value="(\w+)"')
        desk.here.post("/wp-admin/admin-ajax.php", {"action": "replyto-comment", "comment_post_ID": "1", "comment_ID": "0", "content": "Fine weather", "_ajax_nonce-replyto-comment": nonce, "mode": "single"})
        page = desk.here.open("/wp-admin/edit-comments.php")
        desk.ids["comment"] = page.find(r'id=.comment-(\d+).(?:(?!</tr>)[\s\S])*?Fine weather')
        return desk.ids["comment"]

    def update(desk):
        desk.edit(desk.here, f"/wp-admin/comment.php?action=editcomment&c={desk.ids['comment']}", "post", content="Foul weather")
        return desk.ids["comment"]

    def delete(desk):
        page = desk.here.open("/wp-admin/edit-comments.php")
        desk.here.open(page.link("action=trashcomment", f"c={desk.ids['comment']}"))
        page = desk.here.open("/wp-admin/edit-comments.php?comment_status=trash")
        desk.mark()
        desk.here.open(page.link("action=deletecomment", f"c={desk.ids['comment']}"))
        return desk.ids["comment"]

    def rest_create(desk):
        desk.ids["comment"] = str(desk.here.rest("POST", "/wp/v2/comments", {"post": 1, "content": "Fine weather"})["id"])
        return desk.ids["comment"]

    def rest_update(desk):
        desk.here.rest("POST", f"/wp/v2/comments/{desk.ids['comment']}", {"content": "Foul weather"})
        return desk.ids["comment"]

    def rest_delete(desk):
        desk.here.rest("DELETE", f"/wp/v2/comments/{desk.ids['comment']}", query={"force": "true"})
        return desk.ids["comment"]

    first, second = {"content": "Fine weather", "post": 1, "status": "approved"}, {"content": "Foul weather"}
    said = [("create", "comment", "wp.comments.created", None, first), ("update", "comment", "wp.comments.edited", first, second), ("delete", "comment", "wp.comments.deleted", second, None)]
    return [("wp-admin", *each) for each in zip(said, (create, update, delete))] + [("REST", *each) for each in zip(said, (rest_create, rest_update, rest_delete))]


def types(network, host):
    """The sixteen, in the order in which the guide lists them. The last word says whose log it is on a network."""
    return [
        ("posts", posts("post", "/wp/v2/posts"), "blog"), ("pages", posts("page", "/wp/v2/pages"), "blog"), ("custom post types", posts("book", "/wp/v2/book"), "blog"),
        ("users", users(), "network"), ("themes", themes(), "network"), ("plugins", plugins()(network), "network"),
        ("tags", terms("post_tag", "/wp/v2/tags"), "blog"), ("categories", terms("category", "/wp/v2/categories"), "blog"), ("custom taxonomies", terms("genre", "/wp/v2/genre"), "blog"),
        ("settings", settings(), "blog"), ("custom backgrounds", background(), "blog"), ("custom headers", header()(host), "blog"), ("menus", menus(), "blog"),
        ("media", media(), "blog"), ("widgets", widgets(), "blog"), ("comments", comments(), "blog"),
    ]
