"""The plugin's text: it parses, keeps to WordPress' form as far as tools of a distribution can tell, and its sentences can be
translated."""

import concurrent.futures
import re
import subprocess

from check import same
from lab import HERE

PLUGIN = HERE.parent
STRINGS = PLUGIN / "indelible/languages/indelible.pot"
FILES = [PLUGIN / "indelible.php", PLUGIN / "uninstall.php", *sorted((PLUGIN / "indelible").rglob("*.php"))]


class Standards:
    def tests(self, run):
        for name in ("parses", "sniffs", "form", "strings"):
            run.test(f"standards: {name}", getattr(self, name))

    def parses(self):
        every = FILES + [path for path in HERE.rglob("*.php")]
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            for done in pool.map(lambda path: subprocess.run(["php", "-d", "display_errors=stdout", "-l", str(path)], capture_output=True, text=True), every):
                assert done.returncode == 0 and "Deprecated" not in done.stdout, done.stdout

    def sniffs(self):
        """What PHP_CodeSniffer's own sniffs can tell of WordPress' coding standard: phpcs.xml."""
        done = subprocess.run(["phpcs", "-q", "--report=emacs"], cwd=PLUGIN, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    def form(self):
        """Tabs, strict types, one class in the file of its name, and none of the functions that turn text into code."""
        for path in FILES:
            text, name = path.read_text(), path.relative_to(PLUGIN)
            found = {
                "begins otherwise": not re.match(r"<\?php\n(/\*\*\n(?: \*.*\n)+ \*/\n\n)?declare\( strict_types=1 \);\n", text),
                "ends with a closing tag or without a line's end": "?>" in text or not text.endswith("}\n") and not text.endswith(";\n"),
                "is indented with spaces": re.search(r"^ +(?!\*)\S", text, re.M),
                "has spaces at the end of a line": re.search(r"[ \t]+$", text, re.M),
                "runs text": re.search(r"\b(eval|create_function|shell_exec|passthru|proc_open|popen|system|exec)\s*\(", re.sub(r"'[^']*'", "''", text)),
                "makes objects of stored text": re.search(r"\bunserialize\((?!.*allowed_classes)", text),
                "prints what is asked for": re.search(r"(echo|print|printf)[^;]*\$_(GET|POST|REQUEST|SERVER|COOKIE)", text),
                "has a line that is too long": max(map(len, text.splitlines())) > 560,
            }
            same([what for what, is_so in found.items() if is_so], [], str(name))
            words = re.findall(r"^(?:abstract |final )*(?:class|interface) (\w+)", text, re.M)
            if name.parts[0] == "indelible" and words:
                same(re.sub(r"(?<=[a-z])(?=[A-Z])", "-", words[0]).lower() + ".php", path.name, f"the file of {words[0]}")

    def strings(self):
        assert STRINGS.exists() and STRINGS.read_text() == strings(), "indelible/languages/indelible.pot is old; write it anew with connectors/wordpress/test --write"
        for path in FILES:
            calls = re.findall(r"\b(?:esc_html__|esc_attr__|__|_e|_n|_x)\(\s*'(?:[^'\\]|\\.)*'(.*?)\)", path.read_text())
            same([call for call in calls if "'indelible'" not in call], [], f"sentences without the text domain in {path.name}")


def strings():
    """All sentences of the plugin, for translators."""
    keywords = [f"--keyword={name}" for name in ("__:1", "_e:1", "esc_html__:1", "esc_attr__:1", "_n:1,2", "_x:1,2c")]
    found = subprocess.run(["xgettext", "--language=PHP", "--from-code=UTF-8", "--add-comments=translators", "--sort-by-file", "--no-wrap", "--omit-header", "--output=-", *keywords, *[str(path.relative_to(PLUGIN)) for path in FILES]],
                           cwd=PLUGIN, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    head = 'msgid ""\nmsgstr ""\n"Project-Id-Version: Indelible\\n"\n"MIME-Version: 1.0\\n"\n"Content-Type: text/plain; charset=UTF-8\\n"\n"Content-Transfer-Encoding: 8bit\\n"\n\n'
    # Line numbers change with every line; the file is enough.
    return head + re.sub(r"(#: \S+?):\d+", r"\1", re.sub(r" (\S+?):\d+", r" \1", found.stdout))


def write():
    STRINGS.parent.mkdir(exist_ok=True)
    STRINGS.write_text(strings())
