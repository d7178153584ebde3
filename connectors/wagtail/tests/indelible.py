"""A real `indelible serve`, and questions to it."""

import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]


def binary():
    given = os.environ.get("INDELIBLE_BIN")
    target = Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target"))
    for path in [Path(given)] if given else [target / "debug/indelible", target / "release/indelible"]:
        if path.is_file():
            return str(path)
    raise RuntimeError("no indelible binary: run `cargo build`, or set INDELIBLE_BIN")


class Server:
    def __init__(self, data, site):
        self.data, self.site = Path(data), site
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None

    def __enter__(self):
        self.start()
        self.run("site", "create", self.site)
        self.writer = self.token("wagtail", "writer")
        self.auditor = self.token("reports", "auditor")
        self.admin = self.token("admin", "admin")
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        self.output = (self.data.parent / f"{self.data.name}.txt").open("ab")
        command = [binary(), "serve", "--data", str(self.data), "--listen", f"127.0.0.1:{self.port}"]
        self.process = subprocess.Popen(command, stdout=self.output, stderr=self.output)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"{self.url}/readyz", timeout=2).read()
                return
            except OSError:
                assert self.process.poll() is None, (self.data.parent / f"{self.data.name}.txt").read_text()
                time.sleep(0.05)
        raise RuntimeError("the server does not start")

    def stop(self):
        self.process.terminate()
        self.process.wait(30)
        self.output.close()

    def run(self, *arguments):
        done = subprocess.run(
            [binary(), *arguments, "--data", str(self.data)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def token(self, name, role, *more):
        return self.run("token", "create", "--name", name, "--role", role, "--site", self.site, *more)

    def settings(self, **more):
        return {
            "URL": self.url,
            "SITE": self.site,
            "TOKEN": self.writer,
            "READ_TOKEN": self.auditor,
            "REVERT_SECRET": "a secret of more than thirty-two characters",
            **more,
        }

    def ask(self, method, path, body=None, token=None):
        """Return status and answer."""
        request = urllib.request.Request(f"{self.url}/api/v1/sites/{self.site}{path}", method=method)
        request.add_header("Authorization", f"Bearer {token or self.auditor}")
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null")


class Log:
    """Everything that waits is sent before a question is asked."""

    def __init__(self, server):
        self.server = server

    def send(self):
        from indelible_wagtail.delivery.relay import deliver

        outcome = deliver()
        assert not outcome.error and not outcome.refused, outcome
        return outcome

    def entries(self, **parameters):
        """Return the entries that match, in the order of the log, with their states."""
        self.send()
        query = urllib.parse.urlencode({"limit": 1000, "sort": "recorded_at", **parameters}, doseq=True)
        status, page = self.server.ask("GET", f"/entries?{query}")
        assert status == 200, page
        return [self.entry(each["id"]) for each in sorted(page["data"], key=lambda each: each["index"])]

    def entry(self, entry_id):
        status, entry = self.server.ask("GET", f"/entries/{entry_id}")
        assert status == 200, entry
        return entry

    def of(self, instance, **parameters):
        """Return the entries of an object."""
        return self.entries(entity_type=instance._meta.label_lower, entity_id=str(instance.pk), **parameters)

    def count(self, **parameters):
        self.send()
        query = urllib.parse.urlencode({"limit": 1, "count": "exact", **parameters}, doseq=True)
        status, page = self.server.ask("GET", f"/entries?{query}")
        assert status == 200, page
        return page["page"]["total"]
