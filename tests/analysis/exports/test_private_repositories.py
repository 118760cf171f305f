"""The bundle is compared with the repositories that only the token of the publisher shows."""

from __future__ import annotations

from pathlib import Path

import pytest
from huggingface_hub import HfApi

from analysis.exports.leak_scan import PrivateContentError
from analysis.exports.private_repositories import find_private_repositories, refuse_private_repositories
from tests.simulated import Simulation

PRIVATE = {"secretlab/base", "0" * 23 + "a"}


@pytest.mark.ci
@pytest.mark.fault("G8")
def test_private_repositories_and_those_of_members_are_found_and_public_ones_are_not() -> None:
    with Simulation(models=5, datasets=5, spaces=5, packages=5) as hub:
        ids = set()
        for kind, name, flags in (
            ("models", "observer/draft", {"private": True}),
            ("datasets", "secretlab/data", {"private": True}),
            ("spaces", "secretlab/for-members", {"members_only": True, "resource_group": "team"}),
            ("models", "secretlab/released", {"resource_group": "team"}),
            ("models", "lab/of-others", {"private": True}),
        ):
            row = hub.mutate(registry=f"huggingface/{kind}", name=name, action="create", set=flags)
            ids |= {row["_id"], name} - ({row["_id"], name} if name.endswith(("released", "others")) else set())
        assert find_private_repositories(HfApi(hub.huggingface, token="hf_pretend")) == ids


@pytest.mark.parametrize("text", ["1,secretlab/base,5", f'{{"id": "{"0" * 23}a"}}', "see secretlab/base"])
@pytest.mark.fault("G8")
def test_a_name_or_an_id_of_a_private_repository_in_any_text_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "rows.csv").write_text(f"rank,name\n{text}\n", "utf-8")
    with pytest.raises(PrivateContentError, match=r"in rows\.csv") as refusal:
        refuse_private_repositories(tmp_path, PRIVATE)
    assert "secretlab" not in str(refusal.value)


@pytest.mark.parametrize("text", ["1,secretlab/base-2,5", "another-secretlab/base", "", "secretlab"])
def test_other_names_pass(tmp_path: Path, text: str) -> None:
    (tmp_path / "rows.csv").write_text(text, "utf-8")
    refuse_private_repositories(tmp_path, PRIVATE)
