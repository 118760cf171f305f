"""Files of a repository: resolve, the cache behind it, and the tree."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from simulation.http.messages import Request, Response
from simulation.population.cards import render_card
from simulation.population.hub import HubRegistry
from simulation.population.repositories import Repository, blob_hash, commit_hash

ANONYMOUS = (
    "unauthenticated; Warning: You are sending unauthenticated requests to the HF Hub. "
    "Please set a HF_TOKEN to enable higher rate limits and faster downloads."
)
COUNTED_FILES = ("config.json",)


def find_revision(repository: Repository, revision: str) -> int | None:
    """Return the number of the commit that a branch or sha names, or None."""
    if revision in ("main", "HEAD", "refs/heads/main"):
        return repository.revision
    for number in range(repository.revision, -1, -1):
        if commit_hash(repository.identity, number) == revision:
            return number
    return None


def read_file(hub: HubRegistry, repository: Repository, path: str, number: int) -> bytes | None:
    """Return a file at a commit, or None. A scripted card replaces the invented card."""
    if path not in repository.traits.files:
        return None
    if path == "README.md":
        scripted = repository.overrides.get("card")
        return str(scripted).encode() if scripted is not None else render_card(repository, hub.kind, number)
    return f"{path} of {repository.identity}\n".encode()


def make_no_entry() -> Response:
    """Return the response for a file that does not exist."""
    return Response(404, "Entry not found", {"X-Error-Code": "EntryNotFound", "X-Error-Message": "Entry not found"})


def make_no_revision(revision: str) -> Response:
    """Return the response for a branch, tag or commit that does not exist."""
    text = f"Invalid rev id: {revision}"
    return Response(404, {"error": text}, {"X-Error-Code": "RevisionNotFound", "X-Error-Message": text})


def make_restricted(repository: Repository) -> Response:
    """Return the response for a file of a gated repository."""
    text = (
        f"Access to model {repository.name} is restricted. You must have access to it and be authenticated "
        "to access it. Please log in."
    )
    return Response(401, text, {"X-Error-Code": "GatedRepo", "X-Error-Message": text})


def is_restricted(request: Request, repository: Repository, path: str) -> bool:
    """Return whether a file needs a login. The README of a gated repository does not, unless its card is gated, too."""
    if path == "README.md":
        return repository.card_gated and not request.token
    return bool(repository.gated or repository.disabled)


def resolve_file(hub: HubRegistry, request: Request, repository: Repository, revision: str, path: str) -> Response:
    """Return a redirect to the cached file of the commit."""
    number = find_revision(repository, revision)
    if number is None:
        return make_no_revision(revision)
    content = read_file(hub, repository, path, number)
    if content is None:
        return make_no_entry()
    if is_restricted(request, repository, path):
        return make_restricted(repository)
    count_download(hub, repository, path)
    sha, etag = commit_hash(repository.identity, number), f'"{blob_hash(content)}"'
    query = urlencode({request.path: "", "etag": etag})
    location = f"/api/resolve-cache/{hub.kind}/{repository.name}/{sha}/{quote(path)}?{query}"
    headers = {"Location": location, "X-Repo-Commit": sha, "X-Linked-Etag": etag, "Accept-Ranges": "bytes"}
    headers["X-Linked-Size"] = str(len(content))
    headers["X-Hf-Warning"] = "" if request.token else ANONYMOUS
    return Response(307, f"Temporary Redirect. Redirecting to {location}", headers)


def count_download(hub: HubRegistry, repository: Repository, path: str) -> None:
    """Count the request of a file that counts as a download, as the Hub does even for HEAD."""
    if path in COUNTED_FILES and hub.has_downloads:
        index = hub.indices[repository.identity]
        hub.columns["downloads"][index] += 1
        hub.columns["all_time"][index] += 1
        hub.bump_version()


def serve_cached_file(hub: HubRegistry, request: Request, repository: Repository, sha: str, path: str) -> Response:
    """Return the file itself, with its git blob hash as ETag."""
    if is_restricted(request, repository, path):
        return make_restricted(repository)
    number = find_revision(repository, sha)
    content = None if number is None else read_file(hub, repository, path, number)
    if content is None:
        return make_no_entry()
    headers = {
        "ETag": f'"{blob_hash(content)}"',
        "X-Repo-Commit": sha,
        "Accept-Ranges": "bytes",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Content-Disposition": f"inline; filename*=UTF-8''{quote(path)}; filename=\"{path}\";",
    }
    return Response(200, content, headers)


def list_tree(hub: HubRegistry, repository: Repository, revision: str) -> Response:
    """Return the list of files with their sizes and blob hashes."""
    number = find_revision(repository, revision)
    if number is None:
        return make_no_revision(revision)
    contents = {path: read_file(hub, repository, path, number) or b"" for path in repository.traits.files}
    return Response(
        200,
        [
            {"type": "file", "oid": blob_hash(content), "size": len(content), "path": path}
            for path, content in contents.items()
        ],
    )
