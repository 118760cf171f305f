"""Documents made by hand: everything a report can hold, in the shape of `analysis/reporting/document.py`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

Row = dict[str, object]
GATE = [{"gate": "G1 end reached", "outcome": "pass", "measured": "1000 places", "rule": "K places taken"}]
FAILED = [*GATE, {"gate": "G2 transport", "outcome": "fail", "measured": "2 of 3", "rule": "all whole"}]
REGISTRIES = ("huggingface/models", "npm", "pypi")
VERDICTS = ("holds", "weaker", "reversed", "not testable")


def snapshot(number: int, registry: str, day: str, **more: object) -> Row:
    """One complete snapshot, or what `more` makes of it."""
    usual: Row = {
        "snapshot": number, "registry": registry, "kind": "top", "k": 1000, "by": "downloads",
        "counter": "last-30-days", "date": day, "status": "complete", "reason": None, "origin": "crawl",
        "source": "https://hub.example", "evidence": "its clock", "depth": 1000, "digest": "ab" * 32, "gate": GATE,
    }  # fmt: skip
    return {**usual, **more}


def result(of: Row, metric: str, name: str, value: float | None, **more: object) -> Row:
    """One result of a snapshot."""
    usual: Row = {
        "registry": of["registry"], "metric": metric, "name": name, "version": 1, "snapshot": of["snapshot"],
        "date": of["date"], "previous_date": None, "k": 0, "value": value, "low": None, "high": None, "n": 100,
        "note": "" if value is not None else "not known",
    }  # fmt: skip
    return {**usual, **more}


def empty() -> Row:
    """A document of a store without snapshots."""
    return {"schema": 1, "as_of": None, "generated_by": "hub-observatory 0.1.0", "k": None, "results": [],
            "snapshots": [], "movers": [], "events": [], "unknown": ["Nothing can be said yet."]}  # fmt: skip


def full(registries: Sequence[str] = REGISTRIES, times: int = 4, step: int = 30) -> Row:
    """A document with something in every section; the second snapshot of the first registry is partial."""
    snapshots = [
        snapshot(number * times + look + 1, registry, str(date(2026, 1, 5) + timedelta(days=look * step)))
        for number, registry in enumerate(registries) for look in range(times)
    ]  # fmt: skip
    if times > 2:
        snapshots[1] |= {"status": "partial", "reason": "the server answered 503", "gate": FAILED}
    newest = snapshots[times - 1]
    results = [one for of in snapshots if of["status"] == "complete" for one in turnover(of)]
    results += [*preserved(newest), *descended(newest), *documented(newest)]
    return {
        **empty(), "k": 1000, "snapshots": snapshots, "results": results,
        "movers": [*moved(newest)], "points": [*points(newest)], "claims": [*claims(snapshots[:times])],
        "events": [{"registry": registries[0], "snapshot": newest["snapshot"], "date": newest["date"],
                    "kind": "renamed", "severity": "note", "count": 3, "example": "same stable id"}],
    }  # fmt: skip


def turnover(of: Row) -> Iterator[Row]:
    """What turnover and its published form give at K of 100 and 1,000."""
    share = int(of["snapshot"]) / 100
    for k in (100, 1000):
        told: Row = {"k": k, "n": k, "previous_date": "2025-12-06", "low": share - 0.01, "high": share + 0.015}
        yield result(of, "turnover", "turnover", share, **told)
        yield result(of, "turnover", "turnover.30d", share + 1 / 300, **told)
        yield result(of, "turnover", "turnover.365d", None, k=k, n=None)
        for name in ("remained", "newcomers", "returning", "ever"):
            yield result(of, "turnover_as_published", name, float(k // 7), k=k, n=k)


def preserved(of: Row) -> Iterator[Row]:
    """Preservation of three libraries."""
    for place, library in enumerate(("transformers", "transformers.js", "timm")):
        share, interval = 0.9 - place / 7, {"low": 0.5 - place / 10, "high": 0.95, "n": 300 - place}
        yield result(of, "preservation", f"preservation.{library}", share, **interval)
        yield result(of, "preservation", f"preservation.{library}.adapter", share - 0.1, **interval)
        yield result(of, "preservation", f"preservation.{library}.finetune", share - 0.3, **interval)
        yield result(of, "preservation", f"preservation.lift.{library}.finetune", 1.7, low=1.5, high=1.9)
        yield result(of, "preservation_as_published", f"preservation.{library}", share + 0.05)


def documented(of: Row) -> Iterator[Row]:
    """Documentation as rules read it."""
    for by, least in (("downloads", 0.2), ("likes", 0.3)):
        for group, share in (("top", 0.7), ("bottom", least)):
            interval = {"low": share - 0.05, "high": share + 0.05, "n": 1000, "k": 1000}
            yield result(of, "documentation", f"documentation.rules.{by}.{group}", share, **interval)
        for tenth in (1, 5, 10):
            share = least + tenth / 25
            name = f"documentation.rules.{by}.decile.{tenth:02}"
            yield result(of, "documentation", name, share, low=share - 0.02, high=share + 0.02)
    yield result(of, "documentation", "documentation.metadata.coverage", 0.9)


def descended(of: Row) -> Iterator[Row]:
    """Lineage in numbers."""
    for relation, links in (("adapter", 420.0), ("finetune", 360.0), ("merge", 20.0)):
        yield result(of, "descendants", f"descendants.links.{relation}", links)
    yield result(of, "descendants", "descendants.spearman", 0.419, low=0.39, high=0.45)
    yield result(of, "descendants", "descendants.transitive.max", None)


def points(of: Row) -> Iterator[Row]:
    """Parents, by their downloads and descendants."""
    for downloads, descendants in ((0, 1), (10, 1), (1000, 7), (1000, 7), (9_000_000, 300)):
        yield {"registry": of["registry"], "snapshot": of["snapshot"], "date": of["date"], "metric": "descendants",
               "downloads": downloads, "descendants": descendants}  # fmt: skip


def moved(of: Row, names: Sequence[str] = ("org/a", "org/b")) -> Iterator[Row]:
    """Each name in each way a package can move."""
    for change in ("entered", "returned", "left", "renamed"):
        for rank, name in enumerate(names, 1):
            yield {"registry": of["registry"], "snapshot": of["snapshot"], "date": of["date"], "previous_snapshot": 1,
                   "previous_date": "2026-01-05", "k": 1000, "change": change, "package": rank, "name": name,
                   "previous_name": name, "rank": None if change == "left" else rank, "previous_rank": rank,
                   "reason": "not listed before"}  # fmt: skip


def claims(snapshots: Sequence[Row], title: str = "Descendants keep their library") -> Iterator[Row]:
    """A claim of each verdict, with its trend."""
    for number, verdict in enumerate(VERDICTS):
        known = None if verdict == "not testable" else 0.5 + number / 30
        yield {"claim": f"C{number}", "finding": number + 3, "title": title, "published": "0.94",
               "published_date": "2023-10", "as_published": known, "sound": known,
               "low": known and known - 0.1, "high": known and known + 0.1,
               "n": known and 2699, "verdict": verdict, "rule": "the whole interval is above 0.1", "note": "see there",
               "trend": [{"date": one["date"], "value": known, "verdict": verdict} for one in snapshots]}  # fmt: skip
