"""A package and a registry as Ecosyste.ms shows them."""

from __future__ import annotations

import random
from urllib.parse import quote

from simulation.clock import format_iso
from simulation.population.packages import NULL, PackageRegistry, normalize_name
from simulation.population.vocabulary import ADJECTIVES, LICENCES, NOUNS, draw_namespace


def build_registry_row(registry: PackageRegistry, base: str) -> dict[str, object]:
    """Return one row of /registries."""
    kind, size = registry.kind, len(registry.present_rows())
    stored = registry.columns["downloads"]
    address = f"{base}/registries/{quote(registry.name)}"
    return {
        "name": registry.name,
        "url": f"https://{quote(registry.name)}",
        "ecosystem": kind.ecosystem,
        "default": kind.default,
        "packages_count": size,
        "versions_count": int(registry.columns["versions"].sum()),
        "maintainers_count": size,
        "namespaces_count": size // 5,
        "keywords_count": size // 3,
        "downloads": int(stored[stored != NULL].sum()),
        "github": kind.ecosystem,
        "metadata": {"funded_packages_count": size // 30},
        "icon_url": f"https://icons.example/{quote(kind.ecosystem)}.png",
        "purl_type": kind.ecosystem,
        "created_at": "2022-04-04T15:19:23.081Z",
        "updated_at": format_iso(int(registry.columns["updated"].max()) if size else 0),
        "packages_url": f"{address}/packages",
        "maintainers_url": f"{address}/maintainers",
        "namespaces_url": f"{address}/namespaces",
    }


def build_package_row(registry: PackageRegistry, index: int, base: str, padding: int = 0) -> dict[str, object]:
    """Return one full row: description, counters, URLs and maintainers."""
    name = registry.names[index]
    rng = random.Random(index * 1000003 + registry.seed)
    row = {
        **describe_package(registry, index, name, rng),
        **package_dates(registry, index),
        **package_counters(registry, index, name),
        **package_urls(registry, name, base),
        "repo_metadata": repository_metadata(registry, index, name, padding),
        "maintainers": [
            draw_maintainer(rng, registry, base, number) for number in range(registry.columns["maintainers"][index])
        ],
    }
    return row | registry.overrides.get(index, {})


def describe_package(registry: PackageRegistry, index: int, name: str, rng: random.Random) -> dict[str, object]:
    """Return the description of a package."""
    ecosystem, licence = registry.kind.ecosystem, LICENCES[index % len(LICENCES)]
    scope = name.partition("/")[0].removeprefix("@") if "/" in name else None
    metadata = {"normalized_name": normalize_name("pypi", name)} if ecosystem == "pypi" else {"funding": None}
    return {
        "id": registry.first_number + index,
        "name": name,
        "ecosystem": ecosystem,
        "description": f"A {rng.choice(ADJECTIVES)} {rng.choice(NOUNS)}.",
        "homepage": None,
        "licenses": licence,
        "normalized_licenses": [licence],
        "repository_url": f"https://code.example/{name.removeprefix('@')}",
        "keywords_array": [rng.choice(NOUNS)],
        "namespace": scope,
        "latest_release_number": f"{index % 7}.{index % 13}.0",
        "metadata": metadata,
        "status": registry.status.get(index),
        "funding_links": [],
        "critical": None,
        "advisories": [],
        "issue_metadata": None,
        "rankings": {"average": float(registry.columns["rank"][index])},
        "purl": f"pkg:{ecosystem}/{quote(name, safe='/')}",
    }


def package_dates(registry: PackageRegistry, index: int) -> dict[str, object]:
    """Return the dates. `downloads` may be much older than `last_synced_at` says."""
    columns = registry.columns
    return {
        "first_release_published_at": format_iso(int(columns["released"][index]) - 86400 * (index % 900)),
        "latest_release_published_at": format_iso(columns["released"][index]),
        "last_synced_at": format_iso(columns["synced"][index]),
        "created_at": format_iso(columns["created"][index]),
        "updated_at": format_iso(columns["updated"][index]),
        "repo_metadata_updated_at": format_iso(columns["synced"][index]),
    }


def package_counters(registry: PackageRegistry, index: int, name: str) -> dict[str, object]:
    """Return the counters. A counter that was never stored is null."""
    stored = {column: int(values[index]) for column, values in registry.columns.items()}
    return {
        "versions_count": stored["versions"],
        "dependent_packages_count": stored["dependents"],
        "downloads": None if stored["downloads"] == NULL else stored["downloads"],
        "downloads_period": registry.kind.period,
        "dependent_repos_count": stored["repositories"],
        "docker_dependents_count": None if stored["docker"] == NULL else stored["docker"] // 90,
        "docker_downloads_count": None if stored["docker"] == NULL else stored["docker"],
    }


def package_urls(registry: PackageRegistry, name: str, base: str) -> dict[str, object]:
    """Return the URLs."""
    ecosystem, encoded = registry.kind.ecosystem, quote(name, safe="")
    address = f"{base}/registries/{quote(registry.name)}/packages/{encoded}"
    return {
        "registry_url": f"https://{quote(registry.name)}/package/{name}",
        "install_command": f"{ecosystem} install {name}",
        "documentation_url": None,
        "docker_usage_url": f"https://docker.example/usage/{ecosystem}/{encoded}",
        "usage_url": f"https://repos.example/usage/{ecosystem}/{encoded}",
        "dependent_repositories_url": f"https://repos.example/api/v1/usage/{ecosystem}/{encoded}/dependencies",
        "versions_url": f"{address}/versions",
        "version_numbers_url": f"{address}/version_numbers",
        "latest_version_url": f"{address}/latest_version",
        "dependent_packages_url": f"{address}/dependent_packages",
        "related_packages_url": f"{address}/related_packages",
        "codemeta_url": f"{address}/codemeta",
    }


def repository_metadata(registry: PackageRegistry, index: int, name: str, padding: int) -> dict[str, object]:
    """Return the metadata of the code repository. Its tags are the padding that makes real rows large."""
    columns = registry.columns
    return {
        "full_name": name.removeprefix("@"),
        "archived": False,
        "fork": False,
        "stargazers_count": int(columns["stars"][index]),
        "forks_count": int(columns["forks"][index]),
        "tags": [
            {"name": f"v{number}.0.0", "sha": f"{index:08x}{number:032x}", "kind": "tag", "download_url": "x" * 60}
            for number in range(padding // 150)
        ],
    }


def draw_maintainer(rng: random.Random, registry: PackageRegistry, base: str, number: int) -> dict[str, object]:
    """Return a maintainer, with an e-mail address that a crawler must drop."""
    login = draw_namespace(rng, 400) + ("" if number == 0 else str(number))
    return {
        "uuid": login,
        "login": login,
        "name": login.replace("-", " ").title(),
        "email": f"{login}@mail.example",
        "url": None,
        "packages_count": rng.randrange(1, 90),
        "html_url": f"https://{quote(registry.name)}/~{login}",
        "role": None,
        "created_at": "2022-11-09T08:58:04.357Z",
        "updated_at": "2022-11-09T08:58:04.357Z",
        "packages_url": f"{base}/registries/{quote(registry.name)}/maintainers/{login}/packages",
    }
