"""Similar names: one edit does not hide a name."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.lookup.near_names import name_patterns, nearest_names

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789-."
names = st.text(LETTERS, min_size=12, max_size=40)


@st.composite
def edited_names(draw: st.DrawFn) -> tuple[str, str]:
    """Return a name, and the same name with one character deleted, replaced or inserted, in any case."""
    name = draw(names)
    position = draw(st.integers(0, len(name) - 1))
    removed = draw(st.integers(0, 1))
    edited = name[:position] + draw(st.text(LETTERS, max_size=1)) + name[position + removed :]
    return name, edited.upper() if draw(st.booleans()) else edited


@given(edited_names())
@settings(deadline=None)
def test_a_name_with_one_edit_has_a_pattern_of_the_name(pair: tuple[str, str]) -> None:
    name, edited = pair
    assert any(pattern in name for pattern in name_patterns(edited))


@given(edited_names(), st.lists(names, max_size=20))
@settings(deadline=None)
def test_a_name_with_one_edit_is_the_most_similar(pair: tuple[str, str], others: list[str]) -> None:
    name, edited = pair
    doubles = (f"{other}{other}" for other in others)  # too long to be as similar, unless the name is a piece
    candidates = [double for double in doubles if edited.lower() not in double]
    assert nearest_names(edited, [*candidates, name])[0] == name


def test_the_same_letters_come_first_then_another_owner_then_a_part() -> None:
    candidates = ["distilgpt2", "openai-community/gpt2", "gpt2", "bert"]
    assert nearest_names("GPT2", candidates) == ["gpt2", "openai-community/gpt2", "distilgpt2"]
