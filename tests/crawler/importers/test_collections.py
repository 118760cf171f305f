"""Other people's collections, each small and of its real shape, become snapshots of their day."""

from __future__ import annotations

import csv
import gzip
import io
import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from crawler.importers import ImportFailedError, ImportSpec, ListImportOutcome
from crawler.importers import hfcommunity as dump
from db.cli import parse_day
from tests.crawler.importers.conftest import import_file, query

RANKING = "SELECT rank, package, name, downloads, likes FROM v1_ranking ORDER BY rank"
ID = "621ffdc036468d709f17432"
DAMAGED_GZIP = b"\x1f\x8b\x08" + bytes(7) + b"\xff" * 20


def import_collection(
    tmp_path: Path, format_name: str, file: Path, date: str, registry: str = "huggingface/models",
    counter: str | None = None, top: int | None = None,
) -> ListImportOutcome:  # fmt: skip
    spec = ImportSpec(registry, parse_day(date), "downloads", counter, None, {}, top)
    outcome = import_file(tmp_path, format_name, str(file), spec)
    assert isinstance(outcome, ListImportOutcome)
    return outcome


def parse_utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def model(number: int, **more: object) -> dict[str, object]:
    """Return a row of hub-stats as of 2026."""
    return {
        "_id": f"{ID}{number}", "id": f"maker/m{number}", "author": "maker",
        "createdAt": parse_utc("2022-03-02T23:29:04"), "lastModified": parse_utc("2024-02-19T11:06:12"),
        "cardData": '{"license": "mit"}', "downloads": 100 - number, "downloadsAllTime": 9000,
        "likes": number, "trendingScore": 1.5, "pipeline_tag": "fill-mask",
        "library_name": "transformers", "tags": ["transformers", "pytorch", "license:mit"],
        "baseModels": {"relation": "finetune", "models": [{"_id": f"{ID}9", "id": "maker/base"}]},
        "safetensors": {"parameters": {"F32": 110}, "total": 110}, "siblings": [{"rfilename": "README.md"}], **more,
    }  # fmt: skip


def write_parquet(file: Path, rows: list[dict[str, object]], without: tuple[str, ...] = ()) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    table = pyarrow.Table.from_pylist([{name: row[name] for name in row if name not in without} for row in rows])
    pyarrow.parquet.write_table(table, file)
    return file


def test_hub_stats_gives_identity_counters_attributes_and_lineage(tmp_path: Path) -> None:
    rows = [model(2, baseModels=None, downloads=None), model(1), model(0)]
    file = write_parquet(tmp_path / "models.parquet", rows)
    assert import_collection(tmp_path, "hub-stats", file, "2024-02-20").status == "complete"
    assert query(tmp_path, RANKING) == [
        (1, f"{ID}0", "maker/m0", 100, 0),
        (2, f"{ID}1", "maker/m1", 99, 1),
        (3, f"{ID}2", "maker/m2", None, 2),
    ]
    assert query(tmp_path, "SELECT count(*), min(parent_name), min(relation) FROM lineage_edge") == [
        (2, "maker/base", "finetune")
    ]
    attributes = dict(query(tmp_path, "SELECT name, value FROM attribute WHERE package_id = 1 AND name <> 'tags'"))
    assert attributes == {"library": "transformers", "licence": "mit", "parameters": "110", "task": "fill-mask"}
    assert "2024-02-19" in str(query(tmp_path, "SELECT date_evidence FROM snapshot"))


def test_an_early_hub_stats_file_gives_nothing_for_missing_columns(tmp_path: Path) -> None:
    early = ("downloadsAllTime", "baseModels", "safetensors", "trendingScore", "tags")
    import_collection(tmp_path, "hub-stats", write_parquet(tmp_path / "m.parquet", [model(0)], early), "2024-02-20")
    assert query(tmp_path, "SELECT downloads_all_time, trending FROM ranking") == [(None, None)]
    assert query(tmp_path, "SELECT count(*) FROM lineage_edge") == [(0,)]
    assert query(tmp_path, "SELECT name FROM attribute ORDER BY name") == [("library",), ("task",)]


def test_nested_columns_may_be_text(tmp_path: Path) -> None:
    rows = [model(0, baseModels=json.dumps(model(0)["baseModels"]), safetensors='{"total": 7}')]
    import_collection(tmp_path, "hub-stats", write_parquet(tmp_path / "m.parquet", rows), "2024-02-20")
    assert query(tmp_path, "SELECT parent_name, relation FROM lineage_edge") == [("maker/base", "finetune")]
    assert query(tmp_path, "SELECT value FROM attribute WHERE name = 'parameters'") == [("7",)]


def test_only_the_top_rows_of_a_large_file_are_imported(tmp_path: Path) -> None:
    rows = [
        model(number % 9, id=f"maker/m{number}", _id=f"{number:024x}", downloads=number % 50) for number in range(90)
    ]
    rows += [model(0, id="maker/none", _id=f"{95:024x}", downloads=None)]
    file = write_parquet(tmp_path / "m.parquet", rows)
    assert import_collection(tmp_path, "hub-stats", file, "2024-02-20", top=3).listed == 3
    assert [(name, downloads) for _, _, name, downloads, _ in query(tmp_path, RANKING)] == [
        ("maker/m49", 49),
        ("maker/m48", 48),
        ("maker/m47", 47),
    ]


def test_the_top_is_read_from_half_floats_which_cannot_be_sorted(tmp_path: Path) -> None:
    counts = pyarrow.array([1.0, 7.0, 4.0], "float16")
    table = pyarrow.table({"id": ["a/one", "a/two", "a/six"], "downloads": counts})
    pyarrow.parquet.write_table(table, tmp_path / "m.parquet")
    assert import_collection(tmp_path, "hub-stats", tmp_path / "m.parquet", "2024-02-20", top=2).listed == 2
    assert [(name, downloads) for _, _, name, downloads, _ in query(tmp_path, RANKING)] == [("a/two", 7), ("a/six", 4)]


@pytest.mark.fault("D12")
def test_a_week_in_the_folder_of_another_date_is_flagged(tmp_path: Path) -> None:
    file = write_parquet(tmp_path / "models" / "2024-02-21" / "models.parquet", [model(0)])
    assert import_collection(tmp_path, "hub-weekly-snapshots", file, "2024-02-21").warnings == ()
    warnings = import_collection(tmp_path, "hub-weekly-snapshots", file, "2024-02-28").warnings
    assert "2024-02-28 → 2024-02-21" in warnings[0]
    assert warnings[1:] == ("warning: identical content to snapshot 1 of 2024-02-21",)


def write_peatmoss(file: Path, era: str) -> Path:
    with sqlite3.connect(file) as connection:
        if era == "oldest":
            connection.execute("CREATE TABLE model (modelId TEXT, downloads_last_month FLOAT)")
            connection.executemany("INSERT INTO model VALUES (?, ?)", [("gpt2", 5.0), ("bert", None), ("a/b", 9.0)])
            return file
        for definition in ("model_hub (id, name, url)", "tag (id, name)", "library (id, name)", "license (id, name)",
                     "model_to_tag (model_id, tag_id)", "model_to_library (model_id, library_id)",
                     "model_to_license (model_id, license_id)", "model (id, context_id, model_hub_id, sha, repo_url,"
                     " downloads, likes, has_snapshot, ptm_issues_id, ptm_pull_requests_id)"):  # fmt: skip
            connection.execute("CREATE TABLE " + definition)
        connection.executemany(
            "INSERT INTO model_hub VALUES (?, ?, ?)", [(1, "Hugging Face", ""), (2, "PyTorch Hub", "")]
        )
        connection.executemany(
            "INSERT INTO model VALUES (?, ?, ?, ?, 'u', ?, ?, 1, NULL, NULL)",
            [(1, "gpt2", 1, "s1", 5, 7), (2, "a/tuned", 1, "s2", 9, 0), (3, "resnet", 2, None, 99, 0)],
        )
        connection.executescript(
            "INSERT INTO tag VALUES (1, 'pytorch'); INSERT INTO library VALUES (1, 'transformers');"
            "INSERT INTO license VALUES (4, 'mit'); INSERT INTO model_to_tag VALUES (1, 1);"
            "INSERT INTO model_to_library VALUES (2, 1); INSERT INTO model_to_license VALUES (2, 4);"
        )
        if era == "2024":
            connection.execute("CREATE TABLE model_to_base_model (model_id, base_model_id, base_model_name)")
            connection.execute("INSERT INTO model_to_base_model VALUES (2, 1, 'gpt2')")
    return file


@pytest.mark.parametrize("era", ["2023", "2024"])
def test_peatmoss_gives_the_models_of_the_hub_with_tags_and_lineage(tmp_path: Path, era: str) -> None:
    file = write_peatmoss(tmp_path / "p.db", era)
    assert import_collection(tmp_path, "peatmoss", file, "2023-08-31").status == "complete"
    assert query(tmp_path, RANKING) == [
        (1, "name:a/tuned", "a/tuned", 9, 0),
        (2, "name:openai-community/gpt2", "gpt2", 5, 7),
    ]
    assert dict(query(tmp_path, "SELECT package_id, library FROM package_library ORDER BY library")) == {
        1: "transformers",
        2: "pytorch",
    }
    assert query(tmp_path, "SELECT value FROM attribute WHERE name = 'licence'") == [("mit",)]
    edges = query(tmp_path, "SELECT child_id, parent_id, relation FROM lineage_edge")
    assert edges == ([(1, 2, "unstated")] if era == "2024" else [])


def test_the_oldest_peatmoss_has_only_names_and_downloads(tmp_path: Path) -> None:
    import_collection(tmp_path, "peatmoss", write_peatmoss(tmp_path / "p.db", "oldest"), "2021-06-19")
    assert [row[2:] for row in query(tmp_path, RANKING)] == [("a/b", 9, None), ("gpt2", 5, None), ("bert", None, None)]
    assert query(tmp_path, "SELECT count(*) FROM attribute") == [(0,)]


DUMP = r"""-- MariaDB dump 10.19  Distrib 10.6.12-MariaDB, for debian-linux-gnu (x86_64)
DROP TABLE IF EXISTS `model`;
CREATE TABLE `model` (
  `model_id` varchar(256) NOT NULL,
  `pipeline_tag` text DEFAULT NULL,
  `downloads` int(11) DEFAULT NULL,
  `library_name` text DEFAULT NULL,
  `likes` int(11) DEFAULT NULL,
  `config` longtext DEFAULT NULL,
  PRIMARY KEY (`model_id`),
  CONSTRAINT `model_ibfk_1` FOREIGN KEY (`model_id`) REFERENCES `repository` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `model` VALUES
('models/a/b',NULL,60,'peft',NULL,'{\'model_type\': \'gpt2\'}'),
('models/gpt2','text-generation',50,NULL,NULL,'None');
DROP TABLE IF EXISTS `repository`;
CREATE TABLE `repository` (
  `id` varchar(256) NOT NULL,
  `name` text DEFAULT NULL,
  `type` varchar(7) DEFAULT NULL,
  `author` varchar(256) DEFAULT NULL,
  `sha` text DEFAULT NULL,
  `last_modified` datetime DEFAULT NULL,
  `private` int(11) DEFAULT NULL,
  `card_data` longtext DEFAULT NULL,
  `gated` int(11) DEFAULT NULL,
  `likes` int(11) DEFAULT NULL,
  `disabled` int(11) DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `author` (`author`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `repository` VALUES
('datasets/c','c','dataset',NULL,'s2','2024-09-29 10:00:00',0,'None',0,9,0),
('models/a/b','a/b','model','a','s1','2024-09-30 10:00:00',0,'{\"x\": \"it\'s, (odd);\"}',0,3,0),
('models/gpt2','gpt2','model',NULL,'s3','2024-09-01 00:00:00',0,'',NULL,7,1);
DROP TABLE IF EXISTS `tags_in_repo`;
CREATE TABLE `tags_in_repo` (
  `tag_name` varchar(256) NOT NULL,
  `repo_id` varchar(256) NOT NULL,
  PRIMARY KEY (`tag_name`,`repo_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `tags_in_repo` VALUES ('base_model:adapter:gpt2','models/a/b'),('license:mit','models/gpt2');
INSERT INTO `commits` VALUES ('ignored');
-- Dump completed on 2024-10-01 10:00:00
"""
FIRST_ERA_DUMP = r"""-- MySQL dump 10.13  Distrib 8.0.31, for Linux (x86_64)
CREATE TABLE `model` (
  `id` varchar(256) NOT NULL,
  `name` text,
  `model_id` text,
  `author` text,
  `sha` text,
  `last_modified` text,
  `private` int DEFAULT NULL,
  `pipeline_tag` text,
  `downloads` int DEFAULT NULL,
  `library_name` text,
  `likes` int DEFAULT NULL,
  `config` longtext,
  `card_data` longtext,
  `gated` int DEFAULT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `model` VALUES
 ('models/a/b','a/b','a/b','a','s1','2022-09-30T10:00:00.000Z',0,NULL,60,'peft',3,'None','None',NULL),
 ('models/gpt2','gpt2','gpt2',NULL,'s3','2022-09-01T00:00:00.000Z',0,'text-generation',50,NULL,7,'None','None',NULL);
CREATE TABLE `tags_in_repo` (
  `tag_name` varchar(256) NOT NULL,
  `repo_id` varchar(256) NOT NULL,
  PRIMARY KEY (`tag_name`,`repo_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `tags_in_repo` VALUES ('base_model:adapter:gpt2','models/a/b'),('license:mit','models/gpt2');
-- Dump completed on 2022-10-01 10:00:00
""".replace("\n (", "(")  # MySQL writes all rows of a table in one line


@pytest.mark.parametrize(
    ("dump_text", "is_gzip", "year"), [(DUMP, False, 2024), (DUMP, True, 2024), (FIRST_ERA_DUMP, True, 2022)]
)
def test_hfcommunity_tables_are_joined_as_each_era_has_them(
    tmp_path: Path, dump_text: str, is_gzip: bool, year: int
) -> None:
    file = tmp_path / "dump.sql"
    file.write_bytes(gzip.compress(dump_text.encode()) if is_gzip else dump_text.encode())
    assert import_collection(tmp_path, "hfcommunity", file, f"{year}-10-01").status == "complete"
    assert query(tmp_path, RANKING) == [(1, "name:a/b", "a/b", 60, 3), (2, "name:openai-community/gpt2", "gpt2", 50, 7)]
    assert query(tmp_path, "SELECT child_id, parent_id, relation FROM lineage_edge") == [(1, 2, "adapter")]
    assert query(tmp_path, "SELECT value FROM attribute WHERE name IN ('gated', 'task', 'licence') ORDER BY 1") == [
        ("mit",),
        ("text-generation",),
    ]
    assert f"{year}-09-30" in str(query(tmp_path, "SELECT date_evidence FROM snapshot"))


def test_hfcommunity_datasets_are_imported_too(tmp_path: Path) -> None:
    dump_text = DUMP.replace(
        "INSERT INTO `commits` VALUES ('ignored');",
        "INSERT INTO `dataset` (`dataset_id`, `downloads`) VALUES ('datasets/c',4);",
    )
    (tmp_path / "dump.sql").write_text(dump_text)
    import_collection(tmp_path, "hfcommunity", tmp_path / "dump.sql", "2024-10-01", "huggingface/datasets")
    assert query(tmp_path, RANKING) == [(1, "name:c", "c", 4, 9)]


def test_the_escaped_values_of_a_dump_are_read() -> None:
    assert list(dump._parse_tuples(r"('\\',NULL,'\n\''''),(0,'','a;b');")) == [["\\", None, "\n''"], ["0", "", "a;b"]]


def test_ptmtorrent_gives_rows_of_the_hub_and_skips_other_hubs(tmp_path: Path) -> None:
    hub = {"ModelHubName": "Hugging Face", "ModelHubURL": "https://huggingface.co/"}
    rows = [
        {"modelId": "gpt2", "sha": "s", "lastModified": "2022-11-30T00:00:00.000Z", "tags": ["pytorch"], "downloads": 5,
         "likes": 2, "_id": f"{ID}1", "pipeline_tag": "text-generation", "library_name": "transformers"},
        {"id": 17.0, "ModelHub": hub, "ModelName": "b", "ModelOwner": "a", "ModelURL": "https://huggingface.co/a/b",
         "ModelOwnerURL": "https://huggingface.co/a", "Datasets": [{}], "ModelPaperDOI": [], "LatestGitCommitSHA": "t",
         "ModelTask": "fill-mask", "ModelArchitecture": "bert"},
        {"id": f"{ID}2", "ModelHub": {**hub, "MetadataFilePath": "hf.json", "MetadataObjectID": f"{ID}2"},
         "ModelName": "c", "ModelOwner": "a", "ModelURL": "https://huggingface.co/a/c", "ModelOwnerURL": "",
         "Datasets": [{}], "ModelPaperDOI": [], "LatestGitCommitSHA": "u", "ModelTask": None},
        {"id": 18.0, "ModelHub": {"ModelHubName": "Modelzoo"}, "ModelName": "z", "ModelURL": "https://x.example/z"},
    ]  # fmt: skip
    (tmp_path / "hf.json").write_text(json.dumps(rows))
    done = import_collection(tmp_path, "ptmtorrent", tmp_path / "hf.json", "2022-12-01")
    assert (done.status, done.reason) == ("partial", "only 1 of 3 rows have a number of downloads")
    stored = "SELECT rank, stable_id, name, r.downloads, r.likes FROM ranking r JOIN package USING (package_id)"
    assert query(tmp_path, stored) == [
        (1, f"{ID}1", "gpt2", 5, 2),
        (2, "name:a/b", "a/b", None, None),
        (3, f"{ID}2", "a/c", None, None),
    ]
    assert query(tmp_path, "SELECT sha FROM package ORDER BY 1") == [("s",), ("t",), ("u",)]


def test_top_pypi_packages_are_dated_by_their_last_update(tmp_path: Path) -> None:
    document = {"last_update": "2022-12-01 00:08:12", "query": {"bytes_processed": 1, "cached": False}, "rows": [
        {"download_count": 5, "project": "Zope.Interface"}, {"download_count": 9, "project": "boto3"}]}  # fmt: skip
    (tmp_path / "top.json").write_text(json.dumps(document))
    done = import_collection(
        tmp_path, "top-pypi-packages", tmp_path / "top.json", "2022-12-01", "pypi", counter="last-30-days"
    )
    assert (done.status, done.warnings) == ("complete", ())
    assert [row[1:4] for row in query(tmp_path, RANKING)] == [("boto3", "boto3", 9), ("zope-interface",) * 2 + (5,)]
    warning, _ = import_collection(
        tmp_path, "top-pypi-packages", tmp_path / "top.json", "2022-11-01", "pypi", counter="last-30-days"
    ).warnings
    assert "2022-11-01 → 2022-12-01" in warning


HEADINGS = [
    "ID", "Ecosystem", "Registry", "Name", "Namespace", "Created Timestamp", "Updated Timestamp", "Description",
    "Keywords", "Homepage URL", "Licenses", "Repository URL", "Versions Count", "Latest Release Publish Timestamp",
    "Latest Release Number", "Dependent Packages Count", "Language", "Status", "Last synced Timestamp",
    "Dependent Repositories Count", "Downloads", "Downloads Period", "Maintainers count",
    "First Release Publish Timestamp", "Docker Dependents Count", "Docker Downloads Count", "Advisories Count",
]  # fmt: skip
PACKAGES = [
    {"ID": 1, "Ecosystem": "npm", "Registry": "npm.example", "Name": "lodash", "Description": "a, b",
     "Dependent Packages Count": 200, "Last synced Timestamp": "2026-07-31 10:00:00 UTC", "Downloads": 50,
     "Dependent Repositories Count": 3, "Downloads Period": "last-month",
     "First Release Publish Timestamp": "2012-04-23 16:37:11 UTC"},
    {"ID": 2, "Ecosystem": "pypi", "Registry": "pypi.example", "Name": "boto3", "Dependent Packages Count": 1,
     "Last synced Timestamp": "2026-07-31 10:00:00 UTC", "Downloads": 90, "Downloads Period": "last-month"},
    {"ID": 3, "Ecosystem": "npm", "Registry": "npm.example", "Name": "@types/node", "Namespace": "types",
     "Dependent Packages Count": 300, "Last synced Timestamp": "2026-07-30 10:00:00 UTC", "Downloads": 70,
     "Downloads Period": "last-month", "First Release Publish Timestamp": "2016-05-17 19:17:51 UTC"},
]  # fmt: skip


def make_release(rows: list[dict[str, object]], columns: bool = False) -> str:
    """Return the packages table of a release. Later eras have names of columns as headings."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, HEADINGS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    head, _, body = stream.getvalue().partition("\n")
    return f"{head.lower().replace(' ', '_') if columns else head}\n{body}"


@pytest.mark.parametrize("columns", [False, True])
def test_one_registry_of_an_ecosystems_release_is_read(tmp_path: Path, columns: bool) -> None:
    (tmp_path / "packages.csv.gz").write_bytes(gzip.compress(make_release(PACKAGES, columns).encode()))
    done = import_collection(
        tmp_path, "ecosystems-csv", tmp_path / "packages.csv.gz", "2026-08-01", "npm", "last-month", 1
    )
    assert (done.status, done.listed, done.warnings) == ("complete", 1, ())
    assert [row[1:4] for row in query(tmp_path, RANKING)] == [("@types/node", "@types/node", 70)]
    counters = (
        "SELECT r.dependents, r.dependent_repos, created_at IS NULL FROM ranking r JOIN package USING (package_id)"
    )
    assert query(tmp_path, counters) == [(300, None, 0)]
    with pytest.raises(ImportFailedError, match="no package of cargo") as caught:
        import_collection(tmp_path, "ecosystems-csv", tmp_path / "packages.csv.gz", "2026-08-01", "cargo")
    assert "npm, pypi" in caught.value.fix


def test_downloads_of_another_period_than_stated_are_noted(tmp_path: Path) -> None:
    serde = {
        "ID": 1,
        "Ecosystem": "cargo",
        "Registry": "c",
        "Name": "serde",
        "Downloads": 50,
        "Downloads Period": "total",
    }
    (tmp_path / "p.csv").write_text(make_release([serde]))
    import_collection(tmp_path, "ecosystems-csv", tmp_path / "p.csv", "2026-08-01", "cargo", counter="last-month")
    assert query(tmp_path, "SELECT kind, before, after FROM quality_event") == [
        ("counter_meaning", "last-month", "total")
    ]


@pytest.mark.parametrize("format_name", ["hub-stats", "hub-weekly-snapshots", "peatmoss", "hfcommunity", "ptmtorrent",
                                  "top-pypi-packages", "ecosystems-csv"])  # fmt: skip
@pytest.mark.parametrize("content", [b"", b"PAR1", b"name,count\na,1\n", b"[1, 2]", b"\x1f\x8b\x08", DAMAGED_GZIP])
def test_a_file_of_another_kind_is_refused_with_a_fix_and_leaves_nothing(
    tmp_path: Path, format_name: str, content: bytes
) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(ImportFailedError) as caught:
        import_collection(
            tmp_path,
            format_name,
            tmp_path / "file",
            "2024-01-01",
            "pypi" if "pypi" in format_name else "huggingface/models",
        )
    assert caught.value.fix
    assert not (tmp_path / "store.db").exists()
