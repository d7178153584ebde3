"""Asking the log over HTTP: by the standard library, without redirects, with a time limit."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from .conf import Conf

# An answer to a batch of 10,000 has about 2 MiB, a page of entries with long titles a few.
_ANSWER_BYTES_MAX = 64 * 1024 * 1024
# Bodies below this gain nothing from being packed.
_GZIP_FROM = 1400


class Unreachable(Exception):
    """No answer that counts: whether anything was taken is not known. Sending again is harmless."""

    def __init__(self, why: str, retry_after: float | None = None) -> None:
        super().__init__(why)
        self.retry_after = retry_after


class Refused(Exception):
    """An answer that says no, with the log's own words."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status, self.code, self.detail = status, code, detail


class Api:
    """One site's log."""

    def __init__(self, conf: Conf, *, reading: bool = False) -> None:
        self._base = urlsplit(conf.url)
        self._site = f"/api/v1/sites/{quote(conf.site, safe='')}"
        self._token = conf.read_token if reading else conf.token
        self._timeout = conf.timeout

    def append(self, entries: list[str]) -> list[dict[str, Any]]:
        """Send entries, each as JSON text; return what became of each, in order."""
        body = ("[" + ",".join(entries) + "]").encode()
        answer = self._ask("POST", f"{self._site}/entries", body)
        results = answer.get("results") if isinstance(answer, dict) else None
        if not isinstance(results, list) or len(results) != len(entries):
            raise Unreachable("the server's answer does not say what became of each entry; is it Indelible?")
        return results

    def entries(self, parameters: list[tuple[str, str]]) -> dict[str, Any]:
        """Return a page of entries."""
        return self._read("/entries", parameters)

    def entry(self, entry_id: object) -> dict[str, Any] | None:
        """Return one entry with its states; `None` where there is none."""
        try:
            return self._read(f"/entries/{entry_id}", [])
        except Refused as refused:
            if refused.status == 404 and refused.code != "unknown_site":  # noqa: PLR2004
                return None
            raise

    def facets(self, parameters: list[tuple[str, str]]) -> dict[str, Any]:
        """Return counts."""
        return self._read("/facets", parameters)

    def tail(self, after: int | None, query: str) -> Iterator[dict[str, Any]]:
        """Return every entry in the order of the log, one at a time."""
        parameters = [("q", query)] + ([("after", str(after))] if after is not None else [])
        connection, response = self._open("GET", f"{self._site}/entries/tail?{urlencode(parameters)}", None)
        try:
            if response.status != 200:  # noqa: PLR2004
                raise self._refusal(response.status, response.read(_ANSWER_BYTES_MAX))
            for line in response:
                if line.strip():
                    yield json.loads(line)
        except (OSError, HTTPException, ValueError) as error:
            raise Unreachable(f"the log stopped in the middle: {error}") from error
        finally:
            connection.close()

    def _read(self, path: str, parameters: list[tuple[str, str]]) -> dict[str, Any]:
        query = f"?{urlencode(parameters)}" if parameters else ""
        answer = self._ask("GET", f"{self._site}{path}{query}", None)
        if not isinstance(answer, dict):
            raise Unreachable("the server's answer is not what Indelible answers")
        return answer

    def _open(self, method: str, target: str, body: bytes | None) -> tuple[HTTPConnection, HTTPResponse]:
        headers = {"Authorization": f"Bearer {self._token}", "User-Agent": "indelible-wagtail"}
        if body is not None:
            headers["Content-Type"] = "application/json"
            if len(body) > _GZIP_FROM:
                body, headers["Content-Encoding"] = gzip.compress(body, 3), "gzip"
        kind = HTTPSConnection if self._base.scheme == "https" else HTTPConnection
        connection = kind(self._base.hostname or "", self._base.port, timeout=self._timeout)
        try:
            connection.request(method, f"{self._base.path}{target}", body, headers)
            return connection, connection.getresponse()
        except (OSError, HTTPException) as error:
            connection.close()
            where = f"{self._base.scheme}://{self._base.netloc.rpartition('@')[2]}"
            raise Unreachable(f"{where} cannot be reached: {error or type(error).__name__}") from error

    def _ask(self, method: str, target: str, body: bytes | None) -> Any:
        connection, response = self._open(method, target, body)
        try:
            content = response.read(_ANSWER_BYTES_MAX)
        except (OSError, HTTPException) as error:
            raise Unreachable(f"the answer broke off: {error}") from error
        finally:
            connection.close()
        if response.status in {200, 201, 207}:
            try:
                return json.loads(content)
            except ValueError as error:
                raise Unreachable("the server's answer is not JSON; is it Indelible?") from error
        raise self._refusal(response.status, content, response.getheader("Retry-After"))

    def _refusal(self, status: int, content: bytes, retry_after: str | None = None) -> Exception:
        try:
            problem = json.loads(content)
        except ValueError:
            problem = {}
        problem = problem if isinstance(problem, dict) else {}
        detail = str(problem.get("detail") or problem.get("title") or "no explanation")
        if status == 429 or status >= 500:  # noqa: PLR2004
            wait = float(retry_after) if retry_after is not None and retry_after.isdigit() else None
            return Unreachable(f"the server answered {status}: {detail}", wait)
        return Refused(status, str(problem.get("code") or "unknown"), detail)
