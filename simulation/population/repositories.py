"""One repository of the simulated Hub, without its counters."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field


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
    overrides: dict[str, object] = field(default_factory=dict)

    @property
    def author(self) -> str:
        """The namespace of the present name."""
        return self.name.partition("/")[0]

    @property
    def is_listed(self) -> bool:
        """Whether the repository is visible."""
        return not (self.private or self.deleted)

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
