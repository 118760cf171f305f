"""Every registry of Ecosyste.ms: npm, pypi, cargo and about a hundred more.

Pages
    `/registries` tells the service's own name for a registry. `/package_names?sort=…&order=desc` gives the order, up to
    10,000 names in one answer (fewer where the service cuts it: `page-items` tells). `/packages?…` gives the counters,
    in rows of up to 160 kB each, hence in pages of 100; a page the server finds too heavy is asked for in halves. Pages
    are offsets into a living table without a tie-breaker, so they overlap and leave gaps: a margin of one in a hundred
    is fetched, what is seen twice is counted, and packages that fell between two pages of counters are asked for one by
    one. Answers may be an hour old; each page keeps its age.

Counters
    `downloads` is last month's for npm, pypi, cran, homebrew and julia; a total since the beginning for cargo,
    rubygems, packagist, nuget, docker, hex and others; absent for go, maven and most distributions. `downloads_period`
    comes with every row and is believed over this list. It is refreshed at any time from a day to months apart
    (`synced_at`). Maintainers and their addresses are in the rows and are never kept.
    Data: ecosyste.ms, CC BY-SA 4.0.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import msgspec

from crawler.errors import CrawlError, NotThere, not_a_list
from crawler.parsing.pages import page_of
from crawler.parsing.rows import Count, Name, NotAList, Unreadable, inversions, read_rows, seconds, split, storable
from crawler.parsing.urls import number_of
from crawler.plan import PageRecorder, Plan
from crawler.response import Answer, Event, Observation, Page, Progress, Registry, Reject
from crawler.spiders import RegistrySpider
from db.identity import stable_id

NAMES_PAGE = 10_000
ROWS_PAGE = 100
SMALLEST_PAGE = 10
SINGLES = 50  # packages without counters that are asked for one by one; more than that is the gate's business
SORTS = {"downloads": "downloads", "dependents": "dependent_packages_count"}
PERIODS = {
    "last-month": ("npm", "pypi", "cran", "homebrew", "julia"),
    "total": (
        "bioconductor", "cargo", "clojars", "docker", "hackage", "hex", "nuget", "openvsx", "packagist", "puppet",
        "rubygems", "terraform",
    ),
}  # fmt: skip
WITHOUT_DOWNLOADS = (
    "actions", "bazel", "bower", "carthage", "cocoapods", "conan", "conda", "cpan", "ctan", "deno", "elm", "elpa",
    "fdroid", "go", "helm", "lean", "maven", "nix", "pub", "racket", "spack", "swiftpm", "vcpkg",
)  # fmt: skip
KEPT = (
    "id", "name", "downloads", "downloads_period", "dependent_packages_count", "dependent_repos_count", "status",
    "last_synced_at", "updated_at", "first_release_published_at", "latest_release_published_at", "normalized_licenses",
)  # fmt: skip


class Row(msgspec.Struct, gc=False):
    """One package; everything else in the row, people among it, is passed over."""

    name: Name
    downloads: Count | None = None
    period: str | None = msgspec.field(name="downloads_period", default=None)
    dependents: Count | None = msgspec.field(name="dependent_packages_count", default=None)
    dependent_repos: Count | None = msgspec.field(name="dependent_repos_count", default=None)
    status: str | None = None
    synced: datetime | None = msgspec.field(name="last_synced_at", default=None)
    released: datetime | None = msgspec.field(name="first_release_published_at", default=None)
    modified: datetime | None = msgspec.field(name="latest_release_published_at", default=None)
    licences: list[str] | None = msgspec.field(name="normalized_licenses", default=None)


class RegistryRow(msgspec.Struct, gc=False):
    """One registry of `/registries`."""

    name: Name
    ecosystem: str | None = None
    default: bool | None = False
    packages_count: int | None = None


class EcosystemsSpider(RegistrySpider):
    """Lists of one registry of Ecosyste.ms by downloads or by dependent packages."""

    name = "ecosystems"
    endpoint_variable = "ECOSYSTEMS_ENDPOINT"
    public_endpoint = "https://packages.ecosyste.ms/api/v1"
    pause = 1.0

    def __init__(self, plan: Plan, resume_at: str | None = None, recording: PageRecorder | None = None) -> None:
        super().__init__(plan, resume_at, recording)
        by = plan.ordered_by or ("dependents" if plan.registry in WITHOUT_DOWNLOADS else "downloads")
        if by not in SORTS:
            raise NotThere(
                f"{plan.registry} cannot be ranked by {by}.",
                why="Ecosyste.ms has no such order.",
                fix="Use --by downloads or --by dependents.",
            )
        self.ordered_by = by
        self._asked_singly: set[str] = set()

    def takes(self, status: int, url: str) -> bool:
        """A package that is gone since it was listed answers 404 when it is asked for by name."""
        return status == 200 or (status == 404 and "/packages/" in urlsplit(url).path)

    @classmethod
    def serves(cls, registry: str) -> bool:
        """Any name that is not the Hub's: whether it exists is asked of the service."""
        return bool(registry) and not registry.startswith("huggingface")

    @property
    def counter(self) -> str:
        """What the ordering number counts: last-month, total, none (as the rows say), or dependents."""
        if self.ordered_by == "dependents":
            return "dependents"
        return str(self.learned.get("period") or expected_period(self.plan.registry))

    def registry(self) -> Registry:
        """With the service's own name, once it is known."""
        name = self.learned.get("service_name")
        return Registry(self.plan.registry, "ecosystems", str(name) if name else None)

    def first_url(self) -> str:
        """What the service calls this registry."""
        return f"{self.plan.endpoint}/registries?{urlencode({'per_page': 1000})}"

    def read(self, answer: Answer) -> Page:
        """One answer, by the kind of address it came from."""
        path = urlsplit(answer.url).path
        if path.endswith("/registries"):
            return self._read_registries(answer)
        if path.endswith("/package_names"):
            return self._read_names(answer)
        if number_of(answer.url, "per_page") == 1:
            return self._read_leader(answer)
        return self._read_counters(answer)

    def next_url(self, page: Page, progress: Progress) -> str | None:
        """Names until there are enough, then counters for them, then the few that fell between two pages."""
        if page.role == "probe":
            return page.next_url
        if page.role == "ranking":
            if progress.depth < self.plan.k and page.next_url:
                return page.next_url
            return self._list_url("packages", ROWS_PAGE) if self.plan.with_counters else None
        done = number_of(page.url, "page") * number_of(page.url, "per_page") if page.next_url else None
        if done is not None and done < self.plan.k * 1.01 + ROWS_PAGE and progress.with_counters < self.plan.k:
            return page.next_url
        return self._next_single(progress)

    def smaller(self, url: str) -> str | None:
        """The same offset in pages of half the size, while the offset is a whole number of them."""
        size, number = number_of(url, "per_page"), number_of(url, "page")
        half = size // 2
        if not url.split("?")[0].endswith("/packages") or half < SMALLEST_PAGE:
            return None
        words = dict(parse_qsl(urlsplit(url).query)) | {"per_page": half, "page": (number - 1) * size // half + 1}
        return f"{url.split('?')[0]}?{urlencode(words)}"

    def _read_registries(self, answer: Answer) -> Page:
        known = [read_registry(row) for row in split_or_complain(self.plan.registry, answer)]
        chosen = choose(self.plan.registry, [registry for registry in known if registry])
        following = self.following(answer)
        if chosen is None and following:
            return page_of("probe", answer, len(known), next_url=following)
        if chosen is None and None in known:
            raise CrawlError(
                f"The list of registries cannot be read whole, and {self.plan.registry!r} is not in the rest.",
                why=f"{known.count(None)} of {len(known)} rows have another form than they had.",
                fix="Ecosyste.ms's API may have changed: tell us.",
            )
        if chosen is None:
            raise unknown_registry(self.plan.registry, [registry for registry in known if registry])
        self.learned |= {"service_name": chosen.name, "population": chosen.packages_count or 0}
        return page_of("probe", answer, len(known), next_url=self.second_url())

    def second_url(self) -> str:
        """What is asked when it is known what the service calls this registry: what its counter means."""
        return self._list_url("packages", 1)

    def _read_leader(self, answer: Answer) -> Page:
        """The first row tells what the counter means."""
        try:
            rows = read_rows(answer.body, Row, frozenset({"name"}), lambda row: observation(row, self.plan.registry))
        except NotAList as error:
            raise not_a_list(self.plan.registry, error) from error
        period = period_of(answer.body, rows.observations[0].downloads) if rows.observations else "none"
        expected, events = expected_period(self.plan.registry), [*rows.events]
        self.learned["period"] = period
        if period == "none" and rows.received and (rows.events or rows.rejects):
            raise CrawlError(
                f"The first row of {self.plan.registry} cannot be read.",
                why="; ".join([event.evidence for event in rows.events] + [one.reason for one in rows.rejects])[:300],
                fix=f"Ecosyste.ms's API may have changed: `observatory crawl check {self.plan.registry}`.",
            )
        if period == "none" and self.ordered_by == "downloads":
            raise NotThere(
                f"{self.plan.registry} publishes no downloads.",
                why="Its order by downloads would be arbitrary.",
                fix="Use --by dependents.",
            )
        if expected not in (period, "unknown"):
            events.append(Event("counter_meaning", "warning", "downloads_period of the first row", expected, period))
        return page_of("probe", answer, rows.received, events=events, body=reduced(answer.body),
                       next_url=self._list_url("package_names", min(NAMES_PAGE, margin(self.plan.k))))  # fmt: skip

    def _read_names(self, answer: Answer) -> Page:
        rows = split_or_complain(self.plan.registry, answer)
        names, rejects = read_names(self.plan.registry, rows)
        observations = [Observation(name, name) for name in names]
        return page_of(
            "ranking", answer, len(rows), observations, rejects, next_url=self.following(answer), body=answer.body
        )

    def _read_counters(self, answer: Answer) -> Page:
        if answer.status == 404:  # one package asked for by name, gone since it was listed
            return page_of("counters", answer, 0, events=[Event("deleted", "note", urlsplit(answer.url).path[-200:])])
        body = answer.body if answer.body.lstrip()[:1] == b"[" else b"[" + answer.body + b"]"
        try:
            rows = read_rows(body, Row, frozenset({"name"}), lambda row: observation(row, self.plan.registry))
        except NotAList as error:
            raise not_a_list(self.plan.registry, error) from error
        values = [seen.downloads if self.ordered_by == "downloads" else seen.dependents for seen in rows.observations]
        missing = sum(value is None for value in values)
        events = [*rows.events]
        if missing:
            events.append(Event("counter_missing", "note", f"{missing} rows without {SORTS[self.ordered_by]}"))
        return page_of("counters", answer, rows.received, rows.observations, rows.rejects, events, inversions(values),
                     next_url=self.following(answer), body=reduced(body))  # fmt: skip

    def _next_single(self, progress: Progress) -> str | None:
        left = [name for name in progress.missing if name not in self._asked_singly]
        if not left or len(self._asked_singly) >= SINGLES:
            return None
        self._asked_singly.add(left[0])
        return f"{self.base()}/packages/{quote(left[0], safe='')}"

    def base(self) -> str:
        """The address of this registry."""
        return f"{self.plan.endpoint}/registries/{quote(str(self.learned['service_name']), safe='')}"

    def _list_url(self, what: str, size: int) -> str:
        words = {"sort": SORTS[self.ordered_by], "order": "desc", "per_page": size, "page": 1}
        return f"{self.base()}/{what}?{urlencode(words)}"


def observation(row: Row, registry: str) -> Observation:
    """What a row says of its package."""
    name = stable_id(registry, row.name)
    return Observation(
        name, name, row.downloads, dependents=row.dependents, dependent_repos=row.dependent_repos,
        created_at=seconds(row.released), modified_at=seconds(row.modified), synced_at=seconds(row.synced),
        attributes={"status": row.status, "licence": "|".join(sorted(row.licences or ())) or None},
    )  # fmt: skip


def period_of(body: bytes, downloads: int | None) -> str:
    """What the downloads of the first row count: 'none' where it has none, 'unstated' where it does not say.

    >>> period_of(b'[{"name": "six", "downloads": 5, "downloads_period": "last-month"}]', 5)
    'last-month'
    """
    if downloads is None:
        return "none"
    row = json.loads(body)[0]
    period = row.get("downloads_period") if isinstance(row, dict) else None
    return period if isinstance(period, str) and 0 < len(period) < 40 else "unstated"


def expected_period(registry: str) -> str:
    """What the downloads of an ecosystem count, by the service's own code; 'unknown' before the rows have told."""
    return next((period for period, ecosystems in PERIODS.items() if registry in ecosystems), "unknown")


def margin(k: int) -> int:
    """How many names to ask for: one in a hundred more than K, for the doubles."""
    return k + max(10, k // 100)


def choose(wanted: str, known: Iterable[RegistryRow]) -> RegistryRow | None:
    """The registry a person means: by the service's own name, or an ecosystem's default, or its only one."""
    known = list(known)
    named = [registry for registry in known if registry.name == wanted]
    of_ecosystem = [registry for registry in known if registry.ecosystem == wanted]
    default = [registry for registry in of_ecosystem if registry.default]
    only = of_ecosystem if len(of_ecosystem) == 1 else []
    return next(iter(named or default or only), None)


def unknown_registry(wanted: str, known: Iterable[RegistryRow]) -> NotThere:
    """No registry has this name, or an ecosystem has several and no default."""
    known = list(known)
    several = [registry.name for registry in known if registry.ecosystem == wanted]
    near = several or difflib.get_close_matches(
        wanted, {name for r in known for name in (r.ecosystem, r.name) if name}, 3
    )
    return NotThere(
        f"There is no registry {wanted!r}.",
        why=f"Ecosyste.ms has several of this ecosystem: {', '.join(several)}." if several else
        "Neither the Hub nor Ecosyste.ms lists one of this name.",
        fix=f"Did you mean {' or '.join(near)}?" if near else "See `observatory crawl registries`.",
    )  # fmt: skip


def reduced(body: bytes) -> bytes:
    """The body with the fields we keep and nothing else: no people, no repository metadata."""
    try:
        rows = msgspec.json.decode(body) if body else []
    except (msgspec.DecodeError, UnicodeDecodeError):  # half characters or NaN in a row: Python's reader takes them
        rows = json.loads(body, parse_constant=lambda _: None)
    listed = rows if isinstance(rows, list) else [rows]
    kept = [{key: row[key] for key in KEPT if key in row} if isinstance(row, Mapping) else None for row in listed]
    return json.dumps(kept, ensure_ascii=True, separators=(",", ":")).encode("ascii")


def split_or_complain(registry: str, answer: Answer) -> list[bytes]:
    """The rows of a list.

    Raises:
        UnexpectedPage: it is none.
    """
    try:
        return split(answer.body)
    except NotAList as error:
        raise not_a_list(registry, error) from error


def read_names(registry: str, rows: Iterable[bytes]) -> tuple[list[str], list[Reject]]:
    """The stable ids of a list of names, and what is no name."""
    names, rejects = [], []
    for position, raw in enumerate(rows):
        try:
            name = stable_id(registry, msgspec.json.decode(raw, type=Name))
            storable(name)
            names.append(name)
        except (msgspec.DecodeError, UnicodeDecodeError, Unreadable) as error:
            rejects.append(Reject(position, str(error)[:200], raw[:500].decode("utf-8", "replace")))
    return names, rejects


def read_registry(raw: bytes) -> RegistryRow | None:
    """One registry of the list, or None where the row cannot be read."""
    try:
        return msgspec.json.decode(raw, type=RegistryRow)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
