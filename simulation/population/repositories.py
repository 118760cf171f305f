"""One repository of the simulated Hub, without its counters."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

OWNER_NAMESPACES = ("observer", "secretlab")  # the person of each token, and that person's organization


@dataclass(frozen=True, slots=True)
class RepositoryTraits:
    """What the authors chose when they created the repository."""

    library: str | None = None
    purpose: str | None = None
    architecture: str = ""
    licence: str | None = None
    language: str | None = None
    parameters: int = 0
    files: tuple[str, ...] = (".gitattributes", "README.md")
    relation: str | None = None
    parents: tuple[str, ...] = ()
    kit: str = "gradio"


@dataclass(slots=True)
class Repository:
    """A model, dataset or space. Its identity never changes, but its name may."""

    identity: str
    name: str
    created: int
    traits: RepositoryTraits
    revision: int = 0
    gated: bool | str = False
    private: bool = False
    disabled: bool = False
    deleted: bool = False
    members_only: bool = False
    resource_group: str = ""
    card_gated: bool = False
    overrides: dict[str, object] = field(default_factory=dict)

    @property
    def author(self) -> str:
        """The namespace of the present name."""
        return self.name.partition("/")[0]

    @property
    def is_listed(self) -> bool:
        """Whether everyone sees the repository."""
        return not (self.private or self.members_only or self.deleted)

    @property
    def is_listed_for_owner(self) -> bool:
        """Whether the owner of a token sees the repository: everything public, and all of the owner's namespaces."""
        return not self.deleted and (self.is_listed or self.author in OWNER_NAMESPACES)

    @property
    def sha(self) -> str:
        """The commit at the head of main, which changes with every edit."""
        return commit_hash(self.identity, self.revision)

    @property
    def has_card(self) -> bool:
        """Whether the repository has a README.md."""
        return "README.md" in self.traits.files


def commit_hash(identity: str, revision: int) -> str:
    """Return the commit of one revision of one repository."""
    return hashlib.sha1(f"{identity}:{revision}".encode()).hexdigest()


def blob_hash(content: bytes) -> str:
    """Return git's hash of a file with this content. The Hub uses it as the strong ETag."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
