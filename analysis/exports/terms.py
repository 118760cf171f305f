"""The licences and the sources of the data of a bundle. They follow the origin of each snapshot."""

from __future__ import annotations

from collections.abc import Mapping

from analysis.exports.bundle_facts import BundleFacts, find_stand_ins

ECOSYSTEMS_LICENCE = {
    "name": "CC-BY-SA-4.0",
    "title": "Creative Commons Attribution Share Alike 4.0 International",
    "path": "https://creativecommons.org/licenses/by-sa/4.0/",
}
HUB_LICENCE = {
    "name": "other",
    "title": "Facts about repositories of the Hugging Face Hub; texts stay under the licences of their authors",
    "path": "https://huggingface.co/terms-of-service",
}
LOCAL_LICENCE = {
    "name": "other",
    "title": "Simulated or local data: the licence of no registry applies",
    "path": "LICENSES.md",
}
IMPORT_LICENCE = {
    "name": "other",
    "title": "Lists of other sources: each stays under the licence of its source, which v1_snapshot names",
    "path": "LICENSES.md",
}
LICENCES = {
    "CC-BY-SA-4.0": ECOSYSTEMS_LICENCE,
    "hub-facts": HUB_LICENCE,
    "imported-lists": IMPORT_LICENCE,
    "simulated-or-local": LOCAL_LICENCE,
}
ATTRIBUTION = "ecosyste.ms Packages (https://packages.ecosyste.ms), CC BY-SA 4.0; reduced to name, rank and counters"
HUB_SOURCE = {"title": "Hugging Face Hub API", "path": "https://huggingface.co/docs/hub/api"}
ECOSYSTEMS_SOURCE = {"title": ATTRIBUTION, "path": "https://packages.ecosyste.ms"}


def collect_terms(facts: BundleFacts, registry: str | None) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Return the licences and the sources of the data of one registry, or of the whole bundle."""
    names = facts.registries if registry is None else [registry]
    snapshots = [snapshot for snapshot in facts.snapshots if snapshot.registry in names]
    public = [snapshot for snapshot in snapshots if not snapshot.is_local]
    crawled_hub = any(snapshot.service == "huggingface" and snapshot.origin == "crawl" for snapshot in public)
    has_ecosystems = any(snapshot.is_from_ecosystems for snapshot in public)
    imported = {snapshot.source for snapshot in snapshots if snapshot.origin == "import"}
    return [choose_licence(facts, registry)], [
        *[HUB_SOURCE] * crawled_hub,
        *[ECOSYSTEMS_SOURCE] * has_ecosystems,
        *({"title": str(stand_in), "path": stand_in.url} for stand_in in sorted(find_stand_ins(snapshots))),
        *({"title": f"imported: {source}"} for source in sorted(imported)),
    ]


def choose_licence(facts: BundleFacts, registry: str | None) -> dict[str, str]:
    """Return the strictest licence of the data of one registry, or of the whole bundle."""
    snapshots = [snapshot for snapshot in facts.snapshots if registry in (None, snapshot.registry)]
    public = [snapshot for snapshot in snapshots if not snapshot.is_local]
    if any(snapshot.is_from_ecosystems for snapshot in public):
        return ECOSYSTEMS_LICENCE
    if not snapshots or any(snapshot.service == "huggingface" for snapshot in public):
        return HUB_LICENCE
    return IMPORT_LICENCE if public else LOCAL_LICENCE


def label_licence(licence: Mapping[str, str]) -> str:
    """Return the word that names a licence in the documents of a bundle.

    >>> label_licence(HUB_LICENCE), label_licence(LOCAL_LICENCE)
    ('hub-facts', 'simulated-or-local')
    """
    return next(label for label, other in LICENCES.items() if other == licence)
