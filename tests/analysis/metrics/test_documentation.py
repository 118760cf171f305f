"""Metric 4: what is known is compared, what is not is left out, and scorers are never mixed."""

from __future__ import annotations

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


def listed(n: int = 100, **more: object) -> DataFrame:
    usual = {"package": range(n), "rank": range(1, n + 1), "downloads": range(n, 0, -1), "likes": 0, "descendants": 0,
             "state": "card", "card": range(n), "fields": 7}  # fmt: skip
    return DataFrame({**usual, **more})


def read(yes: object, n: int = 100, **more: object) -> DataFrame:
    usual = {"scorer": "rules", "version": "1", "card": range(n), "yes": yes, "found": 5, "scored_at": 0}
    return DataFrame({**usual, **more})


def by_name(results: list[Result]) -> dict[str, Result]:
    return {one.name.removeprefix("documentation."): one for one in results}


def found(cards: DataFrame, scores: DataFrame, depths: DataFrame = DEPTHS) -> dict[str, Result]:
    return by_name(list(documentation(cards, scores, depths)))


def test_better_documented_popular_packages_are_seen_as_such() -> None:
    every = found(listed(), read([5 - place // 20 for place in range(100)]))
    assert every["rules.downloads.top"].value == 1.0 and every["rules.downloads.bottom"].value == pytest.approx(0.2)
    assert every["rules.downloads.difference"].value == pytest.approx(0.8)
    assert every["rules.downloads.trend"].value > 0.95
    assert [every[f"rules.downloads.decile.{n:02}"].value for n in (1, 10)] == pytest.approx([0.2, 1.0])
    assert every["rules.coverage"].value == 1.0
    assert every["metadata.downloads.top"].value == 0.5


def test_labels_of_a_few_cards_are_no_way_to_read_documentation() -> None:
    labels = read(0, n=30, scorer="reference", scored_at=9)
    assert not [name for name in found(listed(), labels) if name.startswith("reference")]
    published = list(documentation_as_published(listed(), labels, DEPTHS))
    assert [(one.value, one.note) for one in published] == [
        (None, "no card of this list has been read: `observatory score`")
    ]


def test_noise_is_no_difference() -> None:
    every = found(listed(), read([place * 7919 % 6 for place in range(100)]))
    assert every["rules.downloads.delta"].low < 0 < every["rules.downloads.delta"].high
    assert every["rules.downloads.mann_whitney_p"].value > 0.05
    assert abs(every["rules.downloads.trend"].value) < 0.3


def test_the_bottom_is_drawn_from_the_tied_and_the_interval_holds_the_draws() -> None:
    tied = listed(downloads=[*range(1000, 980, -1), *[0] * 80])
    every = found(tied, read([*[5] * 20, *([0, 5] * 40)]))
    bottom = every["rules.downloads.bottom"]
    assert "25 draws" in bottom.note and 0.3 < bottom.value < 0.7
    assert bottom.low <= 0.3 and bottom.high >= 0.7


def test_a_package_without_a_card_answers_nothing_and_one_nobody_looked_at_is_left_out() -> None:
    states = [*["card"] * 10, *["none"] * 40, *["gated"] * 10, *[None] * 40]
    cards = listed(state=states, card=[*range(10), *[None] * 90])
    every = found(cards, read(5, n=10))
    assert every["rules.coverage"].value == 0.5 and "50 of 100" in every["rules.coverage"].note
    assert (every["rules.downloads.top"].value, every["rules.downloads.bottom"].value) == (1.0, 0.0)


def test_a_question_without_a_finding_makes_its_card_unknown_and_as_published_a_no() -> None:
    scores = read(5, found=[4] * 10 + [5] * 90)
    assert found(listed(), scores)["rules.coverage"].value == 0.9
    published = by_name(list(documentation_as_published(listed(), read(0, found=0), DEPTHS)))
    assert published["downloads.top"].value == pytest.approx(10 / 17 / 2)


def test_scorers_and_versions_are_not_mixed() -> None:
    scores = DataFrame(
        [("rules", "1", n, 5, 5, 1) for n in range(100)]
        + [("rules", "2", n, 0, 5, 2) for n in range(100)]
        + [("openai", "a", n, 4, 5, 3) for n in range(50)],
        columns=["scorer", "version", "card", "yes", "found", "scored_at"],
    )
    every = found(listed(), scores)
    assert (every["rules.downloads.top"].value, every["openai.downloads.top"].value) == (0.0, 0.8)
    assert (every["rules.coverage"].value, every["openai.coverage"].value) == (1.0, 0.5)
    published = by_name(list(documentation_as_published(listed(), scores, DEPTHS)))
    assert "scorer: openai" in published["downloads.top"].note


def test_what_is_undefined_says_why() -> None:
    nobody = listed(state=None, card=None)
    assert [one.value for one in documentation(nobody, read(0), DEPTHS)] == [None]
    every = found(listed(), read(0).iloc[:0])
    assert every["rules.coverage"].value is None and "observatory score" in every["rules.coverage"].note
    assert every["metadata.coverage"].value == 1.0
    assert every["metadata.likes.difference"].note == "all are alike"
    short = by_name(list(documentation_as_published(listed(8), read(0, 8), DEPTHS)))
    assert [one.value for one in short.values()] == [None]
    assert not [name for name in found(listed(8), read(0, 8)) if name.endswith("top")]


def test_three_families_of_p_values_are_corrected_together() -> None:
    cards = listed(likes=range(100, 0, -1), descendants=[place * 7919 % 101 for place in range(100)])
    every = found(cards, read([(5 - place // 20 + place % 2) % 6 for place in range(100)]))
    raw = float(every["rules.downloads.welch_p"].note.split()[1].rstrip(";"))
    assert every["rules.downloads.welch_p"].value == pytest.approx(3 * raw, rel=0.01)


def with_cards(history: History, date: str, texts: dict[str, str | None]) -> None:
    """Look at cards as of a day, and let every scored one answer one question for each character, up to five."""
    with open_for_writing(history.path) as database:
        store = Store(database)
        cards = CardStore(store)
        number, _ = cards.begin_collection(CardCollection(MODELS, "crawl", "a test", parse_day(date), parse_day(date)))
        for name, text in texts.items():
            package = cards.find_or_add_package(MODELS, f"id-{name}", name, parse_day(date))
            content = (text or "").encode()
            kept = None if text is None else CardText(blob_hash(content), len(content), content, fields=("license",))
            cards.save_observation(
                number, CardObservation(package, parse_day(date), "none" if text is None else "card", kept, "0f")
            )
        scores = [
            Score(card.card, item, "yes" if place < len(card.text) else "no")
            for card in unscored_cards(database.conn, "rules", "1")
            for place, item in enumerate(ITEMS)
        ]
        save_scores(store, "rules", "1", scores, 0)


def test_cards_and_scores_are_read_as_of_the_snapshot_and_results_are_computed_anew(history: History) -> None:
    def rows() -> list[Observation]:
        parent = (Parent("a", "finetune", "id-a"),)
        return [
            Observation("id-a", "a", 40, 4), Observation("id-b", "b", 30, 3, attributes={"task": "text"}),
            Observation("id-c", "c", 20, 2, parents=parent), Observation("id-d", "d", 10, 1, parents=parent),
        ]  # fmt: skip

    first = history.add_snapshot("2026-01-01", rows())
    history.compute_pending()
    assert history.query_values(metric="documentation") == {"documentation": None}
    with_cards(history, "2026-01-01", {"a": "12345", "b": "1234", "c": None, "d": "1"})
    history.compute_pending()
    then = history.query_values(metric="documentation", snapshot_id=first)
    assert then["documentation.rules.downloads.top"] == pytest.approx(0.9)
    assert then["documentation.rules.downloads.bottom"] == pytest.approx(0.1)
    assert then["documentation.metadata.downloads.top"] == pytest.approx(2 / 14)
    assert then["documentation.metadata.downloads.bottom"] == pytest.approx(0.5 / 14)
    assert then["documentation.rules.descendants.decile.09"] == 1.0

    second = history.add_snapshot("2026-02-01", rows())
    with_cards(history, "2026-02-01", {"a": "", "b": ""})
    history.compute_pending()
    assert history.query_values(metric="documentation", snapshot_id=first) == then
    now = history.query_values(metric="documentation", snapshot_id=second)
    assert now["documentation.rules.downloads.top"] == 0.0
    published = history.query_values(metric="documentation_as_published", snapshot_id=first)
    assert published["documentation.downloads.top"] == pytest.approx((0.9 + 5 / 17) / 2)


EVERY = (
    "license", "datasets", "dataset_address", "libraries", "model_task", "paper", "frameworks", "tags", "hardware",
    "github", "architecture", "grant", "language", "metrics",
)  # fmt: skip


def test_the_fields_are_those_of_the_papers_script(history: History) -> None:
    history.add_snapshot("2026-01-01", [Observation("id-o/a", "o/a", 4), Observation("id-b", "b", 3)])
    with open_for_writing(history.path) as database:
        store = Store(database)
        cards = CardStore(store)
        number, _ = cards.begin_collection(CardCollection(MODELS, "crawl", "a test", parse_day("2026-01-01"), 0))
        for name, fields in (("o/a", EVERY), ("b", ("language", "metrics", "grant"))):
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
    assert frame["descendants"].isna().all(), "nobody has said who was made from whom"


def test_what_a_list_says_of_no_package_is_not_zero() -> None:
    every = found(listed(descendants=None), read(5))
    assert (every["rules.descendants.trend"].value, every["rules.descendants.trend"].n) == (None, 0)
    assert "does not say" in every["rules.descendants.trend"].note
    assert "rules.descendants.difference" not in every
