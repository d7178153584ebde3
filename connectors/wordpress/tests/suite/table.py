"""The guide's table of what is logged, made from what the run saw."""

from lab import WORKSPACE

GUIDE = WORKSPACE / "docs/guides/wordpress.md"
BEGIN, END = "<!-- coverage: written by connectors/wordpress/test --write -->\n", "<!-- /coverage -->"


def table(rows):
    """One line for each content type: what each operation was, on a single site and on a network alike."""
    lines = ["| content | create | update | delete | through |", "|---|---|---|---|---|"]
    for name in dict.fromkeys(row[0] for row in rows):
        mine = [row for row in rows if row[0] == name]
        cells = []
        for operation in ("create", "update", "delete"):
            actions = dict.fromkeys(row[3] for row in mine if row[1] == operation)
            cells.append(", ".join(f"`{action}`" for action in actions))
        ways = dict.fromkeys(row[2] for row in mine if not row[2].endswith("again"))
        lines.append(f"| {name} | {' | '.join(cells)} | {', '.join(ways)} |")
    return "\n".join(lines) + "\n"


def write(rows):
    before, rest = GUIDE.read_text().split(BEGIN)
    GUIDE.write_text(before + BEGIN + table(rows) + END + rest.split(END)[1])


def is_current(rows):
    found = GUIDE.read_text().split(BEGIN)[1].split(END)[0]
    assert found == table(rows), "docs/guides/wordpress.md is not what the run saw; write it anew with connectors/wordpress/test --write"
