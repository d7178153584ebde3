"""A browser without a screen: cookies, forms with their nonces as the pages have them, and the REST API."""

import functools
import html.parser
import http.cookiejar
import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid


class Page:
    def __init__(self, status, url, text, headers):
        self.status, self.url, self.text, self.headers = status, url, text, headers

    @functools.cached_property
    def forms(self):
        return Forms.of(self.text)

    def form(self, **has):
        """The form that has fields of these names, or this id."""
        for form in self.forms:
            if "id" in has and form.id == has["id"] or has.get("field") in form.fields:
                return form
        raise AssertionError(f"{self.url} ({self.status}) has no form with {has}: {self.text[:300]}")

    def link(self, *parts):
        """The first link whose address has all of these parts."""
        for found in re.findall(r"""href=["']([^"']+)["']""", self.text):
            address = found.replace("&amp;", "&").replace("&#038;", "&")
            if all(part in address for part in parts):
                return urllib.parse.urljoin(self.url, address)
        raise AssertionError(f"{self.url} has no link with {parts}")

    def find(self, pattern):
        found = re.search(pattern, self.text)
        assert found, f"{self.url} ({self.status}) has no {pattern}: {self.text[:500]}"
        return found[1]


class Form:
    def __init__(self, attributes):
        self.id, self.action, self.fields = attributes.get("id"), attributes.get("action", ""), {}


class Forms(html.parser.HTMLParser):
    @classmethod
    def of(cls, text):
        parser = cls()
        parser.forms, parser.form, parser.area, parser.select = [], None, None, None
        parser.feed(text)
        return parser.forms

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        name, kind = named.get("name"), named.get("type", "text")
        if tag == "form":
            self.form = Form(named)
            self.forms.append(self.form)
        elif self.form is None:
            return
        elif tag == "textarea" and name:
            self.area = name
            self.form.fields[name] = ""
        elif tag == "select" and name:
            self.select = name
        elif tag == "option" and self.select and ("selected" in named or self.select not in self.form.fields):
            self.form.fields[self.select] = named.get("value", "")
        elif tag == "input" and name and "disabled" not in named and kind not in ("submit", "button", "file", "image"):
            if kind not in ("checkbox", "radio") or "checked" in named:
                self.form.fields[name] = named.get("value", "on") or ""

    def handle_endtag(self, tag):
        if tag == "form":
            self.form = None
        elif tag == "textarea":
            self.area = None
        elif tag == "select":
            self.select = None

    def handle_data(self, data):
        if self.form is not None and self.area is not None:
            self.form.fields[self.area] += data


class Browser:
    def __init__(self, wordpress, path=""):
        self.base = f"http://{wordpress.host}{path}"
        self.cookies = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies), urllib.request.ProxyHandler({}))
        self.headers, self.nonce, self.pages = {"User-Agent": "Lab/1.0"}, None, []

    def at(self, path):
        """The same visitor at another blog."""
        other = object.__new__(Browser)
        other.__dict__ = dict(self.__dict__, base=re.match(r"https?://[^/]+", self.base)[0] + path, nonce=None)
        return other

    def open(self, path, data=None, headers=None, method=None):
        url = path if path.startswith("http") else self.base + path
        request = urllib.request.Request(url, data=data, method=method)
        for name, value in (self.headers | (headers or {})).items():
            request.add_header(name, value)
        try:
            with self.opener.open(request, timeout=60) as answer:
                page = Page(answer.status, answer.url, answer.read().decode(errors="replace"), answer.headers)
        except urllib.error.HTTPError as error:
            page = Page(error.code, url, error.read().decode(errors="replace"), error.headers)
        if "There has been a critical error" in page.text or "Fatal error" in page.text:
            raise AssertionError(f"{url}: {page.text[:1000]}")
        return page

    def timed(self, path, fields):
        """A form, and how long its own answer took; a redirect is not followed."""
        class Stay(urllib.request.HTTPRedirectHandler):
            def redirect_request(self, *_):
                return None
        kept, self.opener = self.opener, urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies), urllib.request.ProxyHandler({}), Stay)
        try:
            began = time.perf_counter()
            page = self.post(path, fields)
            return page, time.perf_counter() - began
        finally:
            self.opener = kept

    def post(self, path, fields, files=None):
        if files is None:
            pairs = [(name, one) for name, value in fields.items() for one in (value if isinstance(value, list) else [value])]
            return self.open(path, urllib.parse.urlencode(pairs).encode())
        mark = uuid.uuid4().hex
        parts = [f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode() for name, value in fields.items()]
        for name, (file, content) in files.items():
            parts.append(f'--{mark}\r\nContent-Disposition: form-data; name="{name}"; filename="{file}"\r\nContent-Type: application/octet-stream\r\n\r\n'.encode() + content + b"\r\n")
        return self.open(path, b"".join(parts) + f"--{mark}--\r\n".encode(), {"Content-Type": f"multipart/form-data; boundary={mark}"})

    def submit(self, page, form, files=None, **fields):
        return self.post(urllib.parse.urljoin(page.url, form.action or page.url), form.fields | fields, files)

    def sign_in(self, login, password):
        page = self.open("/wp-login.php")
        return self.submit(page, page.form(id="loginform"), log=login, pwd=password)

    def rest(self, method, route, body=None, query=None, raw=None, headers=None):
        if self.nonce is None:
            self.nonce = self.open("/wp-admin/admin-ajax.php?action=rest-nonce").text
        address = "/?" + urllib.parse.urlencode({"rest_route": route} | (query or {}))
        sent = {"X-WP-Nonce": self.nonce} | ({"Content-Type": "application/json"} if raw is None else {}) | (headers or {})
        page = self.open(address, raw if raw is not None else None if body is None else json.dumps(body).encode(), sent, method)
        assert page.status < 300, f"{method} {route}: {page.status} {page.text[:500]}"
        return json.loads(page.text)
