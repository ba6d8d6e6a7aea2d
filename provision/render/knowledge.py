"""What the tables say of a card, and which of their rows have gone stale: on a page, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from provision.knowledge.model import Fact
from provision.knowledge.portrait import Fitting, Portrait, Program
from provision.knowledge.stale import Comparison
from provision.knowledge.tables import MARKS
from provision.knowledge.words import origin_name
from provision.render.line import Line
from provision.render.measure import count
from provision.render.page import Page
from provision.render.tables import table

SCHEMA = 1
UNKNOWN = "not known"


def portrait_lines(shown: Portrait, page: Page) -> list[Line]:
    """Return `provision knowledge show`."""
    card = shown.card
    title = [card.name or UNKNOWN, card.pci, f"{card.architecture.name} {card.chip.code}"]
    capability = f"compute capability {card.capability or UNKNOWN}"
    lines = page.dotted([((part, "strong" if index == 0 else ""),) for index, part in enumerate((*title, capability))])
    lines += _block("", _facts(shown), page)
    lines += _block("drivers", _drivers(shown.drivers) or [("none of those in the tables",)], page)
    lines += _block("frameworks", [_program(row) for row in shown.programs] or [("no release has code for it",)], page)
    sources = [(row.source, f"{row.title}, {row.date} ({MARKS[row.mark]})") for row in shown.sources]
    return lines + _block("sources", sources, page)


def _block(title: str, rows: Iterable[Sequence[str]], page: Page) -> list[Line]:
    return [(), *([page.line((title, "quiet"))] if title else []), *table(rows, page)]


def _facts(shown: Portrait) -> list[tuple[str, str]]:
    card, last = shown.card, shown.card.architecture.last_branch
    kits = [row.version for row in shown.toolkits]
    return [
        ("modules", f"{', '.join(card.flavours)}{_source(card.architecture)}"),
        ("branches", f"{card.architecture.first_branch} to {last or 'the newest'}{_source(card.architecture)}"),
        ("first driver", card.first_driver or UNKNOWN),
        ("toolkits", f"{kits[0]} to {kits[-1]}{_source(shown.toolkits[-1])}" if kits else "none in the tables"),
    ]


def _drivers(rows: Sequence[Fitting]) -> list[tuple[str, str, str, str]]:
    shown, last = [], ""
    for row in rows:
        system = "" if row.system.id == last else row.system.id
        last = row.system.id
        ended = f"; support ended {row.ended}" if row.ended else ""
        origin = f"{origin_name(row.origin)}, {'signed' if row.signed else 'DKMS'}"
        shown.append((system, row.version, origin, f"{', '.join(row.flavours)}{ended}{_source(row.fact)}"))
    return shown


def _program(row: Program) -> tuple[str, str, str]:
    build = row.build
    where = f", {build.architecture}" if build.architecture not in {"", "amd64"} else ""
    words = [build.requirement, row.constraint and f"with {row.constraint}", "compiled at the first start" if row.late else ""]
    about = ", ".join(word for word in words if word)
    return f"{build.framework} {build.version}", f"{build.build}{where}", about + _source(build)


def _source(fact: Fact) -> str:
    doubt = f", {MARKS['I']}" if fact.mark == "I" else ""
    return f"  [{fact.source} {fact.date}{doubt}]"


def portrait_json(shown: Portrait) -> str:
    """Return what is known of a card as one line of JSON."""
    card = shown.card
    return json.dumps(
        {
            "schema": SCHEMA,
            "type": "gpu",
            "pci": card.pci,
            "name": card.name,
            "chip": card.chip.code,
            "architecture": card.architecture.name,
            "compute_capability": card.capability,
            "flavours": card.flavours,
            "first_branch": card.architecture.first_branch,
            "last_branch": card.architecture.last_branch,
            "first_driver": card.first_driver,
            "drivers": [
                {
                    "system": row.system.id,
                    "branch": row.branch,
                    "ended": row.ended,
                    "version": row.version,
                    "origin": row.origin,
                    "flavours": row.flavours,
                    "signed": row.signed,
                    **_evidence(row.fact),
                }
                for row in shown.drivers
            ],
            "toolkits": [{"version": row.version, **_evidence(row)} for row in shown.toolkits],
            "frameworks": [
                {
                    "name": row.build.framework,
                    "version": row.build.version,
                    "build": row.build.build,
                    "architecture": row.build.architecture,
                    "pythons": row.build.pythons,
                    "requirement": row.build.requirement,
                    "constraint": row.constraint,
                    "index": row.build.index,
                    "compiled_late": row.late,
                    **_evidence(row.build),
                }
                for row in shown.programs
            ],
            "sources": [{"title": row.title, **_evidence(row)} for row in shown.sources],
        }
    )


def _evidence(fact: Fact) -> dict[str, str]:
    return {"source": fact.source, "date": fact.date, "mark": fact.mark}


def comparison_lines(found: Comparison, page: Page) -> list[Line]:
    """Return `provision knowledge check`: stale rows, what could not be asked, and a line that sums it up."""
    lines: list[Line] = []
    if found.stale:
        rows = [(row.table, row.row, row.tables_say, row.index_says) for row in found.stale]
        lines += [*table(rows, page, headers=("table", "row", "says", "the index says")), ()]
    if found.unasked:
        lines += [page.line(("not compared", "quiet")), *table([(row.what, row.because) for row in found.unasked], page), ()]
    said = f"{count(len(found.stale), 'row')} of the tables {'is' if len(found.stale) == 1 else 'are'} stale"
    asked = f"asked: {', '.join(found.asked)}" if found.asked else "nothing could be asked"
    result = (said, "warning") if found.stale else ("no row is stale", "good" if found.asked else "")
    return lines + page.dotted([(result,), ((asked, ""),)])


def comparison_json(found: Comparison) -> str:
    """Return a comparison as one line of JSON."""
    return json.dumps(
        {
            "schema": SCHEMA,
            "type": "knowledge",
            "asked": found.asked,
            "stale": [
                {"table": row.table, "row": row.row, "tables_say": row.tables_say, "index_says": row.index_says}
                for row in found.stale
            ],
            "unasked": [{"what": row.what, "because": row.because} for row in found.unasked],
        }
    )
