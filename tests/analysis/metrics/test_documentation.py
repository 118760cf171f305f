"""Metric 4 compares known documentation, leaves out the rest, and never mixes scorers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pandas import DataFrame

from analysis.compute.metric import Result
from analysis.compute.relations import load_relation
from analysis.metrics.documentation import documentation, documentation_as_published
from db.cli import parse_day
from db.connection import open_for_reading, open_for_writing
from db.rows import Observation, Parent
from db.store import Store
from db.store.cards import CardCollection, CardObservation, CardStore, CardText, blob_hash, unscored_cards
from db.store.scores import ITEMS, Score, save_scores
from tests.analysis.conftest import MODELS, History

DEPTHS = DataFrame({"k": [10]})


def make_cards(n: int = 100, **more: object) -> DataFrame:
    usual = {"package": range(n), "rank": range(1, n + 1), "downloads": range(n, 0, -1), "likes": 0, "descendants": 0,
             "state": "card", "card": range(n), "fields": 7}  # fmt: skip
    return DataFrame({**usual, **more})


def make_scores(yes: object, n: int = 100, **more: object) -> DataFrame:
    usual = {"scorer": "rules", "version": "1", "card": range(n), "yes": yes, "found": 5, "scored_at": 0}
    return DataFrame({**usual, **more})


def by_name(results: list[Result]) -> dict[str, Result]:
    return {result.name.removeprefix("documentation."): result for result in results}


def compute_results(cards: DataFrame, scores: DataFrame, depths: DataFrame = DEPTHS) -> dict[str, Result]:
    return by_name(list(documentation(cards, scores, depths)))


def test_better_documentation_of_popular_packages_is_measured() -> None:
    results = compute_results(make_cards(), make_scores([5 - rank // 20 for rank in range(100)]))
    assert results["rules.downloads.top"].value == 1.0 and results["rules.downloads.bottom"].value == pytest.approx(0.2)
    assert results["rules.downloads.difference"].value == pytest.approx(0.8)
    assert results["rules.downloads.trend"].value > 0.95
    assert [results[f"rules.downloads.decile.{n:02}"].value for n in (1, 10)] == pytest.approx([0.2, 1.0])
    assert results["rules.coverage"].value == 1.0
    assert results["metadata.downloads.top"].value == 0.5


def test_labels_of_a_reader_are_not_a_source_of_documentation() -> None:
    labels = make_scores(0, n=30, scorer="reference", scored_at=9)
    assert not [name for name in compute_results(make_cards(), labels) if name.startswith("reference")]
    published = list(documentation_as_published(make_cards(), labels, DEPTHS))
    assert [(result.value, result.note) for result in published] == [
        (None, "no card of this list has been scored: run `observatory score`")
    ]


@pytest.mark.parametrize(("sha", "expected"), [(None, ["card", None]), ("abc", ["card", "card"])])
def test_an_imported_card_counts_for_182_days_and_a_card_of_a_known_commit_for_longer(
    history: History, sha: str | None, expected: list[str | None]
) -> None:
    seen_at = parse_day("2026-01-01")
    snapshots = [history.add_snapshot(date, ["a"]) for date in ("2026-07-02", "2026-07-03")]
    with open_for_writing(history.path) as database:
        cards = CardStore(Store(database))
        number, _ = cards.begin_collection(CardCollection(MODELS, "import", "a test", seen_at, 0))
        package = cards.find_or_add_package(MODELS, "id-a", "a", seen_at)
        text = CardText(blob_hash(b"a"), 1, b"a")
        cards.save_observation(number, CardObservation(package, seen_at, "card", text, sha))
    with open_for_reading(history.path) as connection:
        states = [load_relation(connection, snapshot, "cards")["state"][0] for snapshot in snapshots]
    assert states == expected


def test_noise_is_no_difference() -> None:
    results = compute_results(make_cards(), make_scores([rank * 7919 % 6 for rank in range(100)]))
    assert results["rules.downloads.delta"].low < 0 < results["rules.downloads.delta"].high
    assert results["rules.downloads.mann_whitney_p"].value > 0.05
    assert abs(results["rules.downloads.trend"].value) < 0.3


def test_the_bottom_is_drawn_from_ties_and_the_interval_covers_the_draws() -> None:
    tied = make_cards(downloads=[*range(1000, 980, -1), *[0] * 80])
    results = compute_results(tied, make_scores([*[5] * 20, *([0, 5] * 40)]))
    bottom = results["rules.downloads.bottom"]
    assert "25 draws" in bottom.note and 0.3 < bottom.value < 0.7
    assert bottom.low <= 0.3 and bottom.high >= 0.7


def test_a_package_without_a_card_counts_as_zero_and_one_not_fetched_is_left_out() -> None:
    states = [*["card"] * 10, *["none"] * 40, *["gated"] * 10, *[None] * 40]
    cards = make_cards(state=states, card=[*range(10), *[None] * 90])
    results = compute_results(cards, make_scores(5, n=10))
    assert results["rules.coverage"].value == 0.5 and "50 of 100" in results["rules.coverage"].note
    assert (results["rules.downloads.top"].value, results["rules.downloads.bottom"].value) == (1.0, 0.0)


def test_a_question_without_a_finding_makes_its_card_unknown_and_counts_as_no_as_published() -> None:
    scores = make_scores(5, found=[4] * 10 + [5] * 90)
    assert compute_results(make_cards(), scores)["rules.coverage"].value == 0.9
    published = by_name(list(documentation_as_published(make_cards(), make_scores(0, found=0), DEPTHS)))
    assert published["downloads.top"].value == pytest.approx(10 / 17 / 2)


def test_scorers_and_versions_are_not_mixed() -> None:
    scores = DataFrame(
        [("rules", "1", n, 5, 5, 1) for n in range(100)]
        + [("rules", "2", n, 0, 5, 2) for n in range(100)]
        + [("openai", "a", n, 4, 5, 3) for n in range(50)],
        columns=["scorer", "version", "card", "yes", "found", "scored_at"],
    )
    results = compute_results(make_cards(), scores)
    assert (results["rules.downloads.top"].value, results["openai.downloads.top"].value) == (0.0, 0.8)
    assert (results["rules.coverage"].value, results["openai.coverage"].value) == (1.0, 0.5)
    published = by_name(list(documentation_as_published(make_cards(), scores, DEPTHS)))
    assert "scorer: openai" in published["downloads.top"].note


def test_undefined_results_say_why() -> None:
    not_fetched = make_cards(state=None, card=None)
    assert [result.value for result in documentation(not_fetched, make_scores(0), DEPTHS)] == [None]
    results = compute_results(make_cards(), make_scores(0).iloc[:0])
    assert results["rules.coverage"].value is None and "observatory score" in results["rules.coverage"].note
    assert results["metadata.coverage"].value == 1.0
    assert results["metadata.likes.difference"].note == "all values are equal"
    short = by_name(list(documentation_as_published(make_cards(8), make_scores(0, 8), DEPTHS)))
    assert [result.value for result in short.values()] == [None]
    assert not [name for name in compute_results(make_cards(8), make_scores(0, 8)) if name.endswith("top")]


def test_three_families_of_p_values_are_corrected_together() -> None:
    cards = make_cards(likes=range(100, 0, -1), descendants=[rank * 7919 % 101 for rank in range(100)])
    results = compute_results(cards, make_scores([(5 - rank // 20 + rank % 2) % 6 for rank in range(100)]))
    raw = float(results["rules.downloads.welch_p"].note.split()[1].rstrip(";"))
    assert results["rules.downloads.welch_p"].value == pytest.approx(3 * raw, rel=0.01)


def add_cards(history: History, date: str, texts: dict[str, str | None]) -> None:
    """Look at cards as of a day, and let results scored one answer one question for each character, up to five."""
    with open_for_writing(history.path) as database:
        store = Store(database)
        cards = CardStore(store)
        number, _ = cards.begin_collection(CardCollection(MODELS, "crawl", "a test", parse_day(date), parse_day(date)))
        for name, text in texts.items():
            package = cards.find_or_add_package(MODELS, f"id-{name}", name, parse_day(date))
            content = (text or "").encode()
            card = CardText(blob_hash(content), len(content), content, fields=("license",))
            state, card_text = ("none", None) if text is None else ("card", card)
            cards.save_observation(number, CardObservation(package, parse_day(date), state, card_text, "0f"))
        scores = [
            Score(card.card, item, "yes" if index < len(card.text) else "no")
            for card in unscored_cards(database.conn, "rules", "1")
            for index, item in enumerate(ITEMS)
        ]
        save_scores(store, "rules", "1", scores, 0)


def test_results_use_the_cards_and_scores_as_of_the_snapshot(history: History) -> None:
    def rows() -> list[Observation]:
        parent = (Parent("a", "finetune", "id-a"),)
        return [
            Observation("id-a", "a", 40, 4),
            Observation("id-b", "b", 30, 3, attributes={"task": "text"}),
            Observation("id-c", "c", 20, 2, parents=parent),
            Observation("id-d", "d", 10, 1, parents=parent),
        ]

    first = history.add_snapshot("2026-01-01", rows())
    history.compute_pending()
    assert history.query_values(metric="documentation") == {"documentation": None}
    add_cards(history, "2026-01-01", {"a": "12345", "b": "1234", "c": None, "d": "1"})
    history.compute_pending()
    then = history.query_values(metric="documentation", snapshot_id=first)
    assert then["documentation.rules.downloads.top"] == pytest.approx(0.9)
    assert then["documentation.rules.downloads.bottom"] == pytest.approx(0.1)
    assert then["documentation.metadata.downloads.top"] == pytest.approx(2 / 14)
    assert then["documentation.metadata.downloads.bottom"] == pytest.approx(0.5 / 14)
    assert then["documentation.rules.descendants.decile.09"] == 1.0

    second = history.add_snapshot("2026-02-01", rows())
    add_cards(history, "2026-02-01", {"a": "", "b": ""})
    history.compute_pending()
    assert history.query_values(metric="documentation", snapshot_id=first) == then
    now = history.query_values(metric="documentation", snapshot_id=second)
    assert now["documentation.rules.downloads.top"] == 0.0
    published = history.query_values(metric="documentation_as_published", snapshot_id=first)
    assert published["documentation.downloads.top"] == pytest.approx((0.9 + 5 / 17) / 2)


ALL_FIELDS = (
    "license", "datasets", "dataset_address", "libraries", "model_task", "paper", "frameworks", "tags", "hardware",
    "github", "architecture", "grant", "language", "metrics",
)  # fmt: skip


def test_the_fields_are_those_of_the_papers_script(history: History) -> None:
    history.add_snapshot("2026-01-01", [Observation("id-o/a", "o/a", 4), Observation("id-b", "b", 3)])
    with open_for_writing(history.path) as database:
        store = Store(database)
        cards = CardStore(store)
        number, _ = cards.begin_collection(CardCollection(MODELS, "crawl", "a test", parse_day("2026-01-01"), 0))
        for name, fields in (("o/a", ALL_FIELDS), ("b", ("language", "metrics", "grant"))):
            package = cards.find_or_add_package(MODELS, f"id-{name}", name, parse_day("2026-01-01"))
            cards.save_observation(
                number,
                CardObservation(
                    package, parse_day("2026-01-01"), "card", CardText(blob_hash(name.encode()), 1, b"x", fields=fields)
                ),
            )
    with open_for_reading(history.path) as connection:
        frame = load_relation(connection, 1, "cards")
    assert list(frame["fields"]) == [14, 1]
    assert frame["descendants"].isna().all(), "no package states what it was made from"


def test_a_popularity_that_is_not_stated_is_undefined() -> None:
    results = compute_results(make_cards(descendants=None), make_scores(5))
    assert (results["rules.descendants.trend"].value, results["rules.descendants.trend"].n) == (None, 0)
    assert "does not state" in results["rules.descendants.trend"].note
    assert "rules.descendants.difference" not in results


@pytest.mark.parametrize("metric", [documentation, documentation_as_published])
def test_a_population_has_the_results_of_its_first_packages_under_a_name_of_its_own(metric, monkeypatch) -> None:
    monkeypatch.setattr("analysis.compute.metric.POPULATION_DEPTHS", (20, 50, 100))
    monkeypatch.setattr("analysis.metrics.documentation.MIN_POPULATION", 50)
    scores = make_scores([5 - rank // 20 for rank in range(100)])
    results = {(result.name, result.k): result for result in metric(make_cards(depth=100), scores, DEPTHS)}
    for k, first in {"of50.": make_cards().head(50), "of100.": make_cards(), "": make_cards()}.items():
        for expected in metric(first, scores, DEPTHS):
            name = expected.name.replace("documentation.", f"documentation.{k}", 1)
            assert results.pop((name, expected.k)) == replace(expected, name=name)
    assert not results
