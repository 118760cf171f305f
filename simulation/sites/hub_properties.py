"""The properties of repositories at the Hub: those that can be expanded, and those that a row shows by default."""

from __future__ import annotations

EXPANDABLE_PROPERTIES = {
    "models": [
        "author", "baseModels", "cardData", "childrenModelCount", "config", "createdAt", "disabled", "downloads",
        "downloadsAllTime", "evalResults", "gated", "gguf", "inference", "inferenceProviderMapping", "lastModified",
        "library_name", "likes", "mask_token", "model-index", "pipeline_tag", "private", "resourceGroup", "safetensors",
        "sha", "siblings", "spaces", "tags", "transformersInfo", "trendingScore", "usedStorage", "widgetData",
        "xetEnabled",
    ],
    "datasets": [
        "author", "cardData", "citation", "createdAt", "description", "disabled", "downloads", "downloadsAllTime",
        "gated", "lastModified", "likes", "mainSize", "paperswithcode_id", "private", "resourceGroup", "sha",
        "siblings", "tags", "trendingScore", "usedStorage", "xetEnabled",
    ],
    "spaces": [
        "author", "cardData", "createdAt", "datasets", "disabled", "lastModified", "likes", "models", "private",
        "region", "resourceGroup", "runtime", "sdk", "sha", "siblings", "subdomain", "tags", "trendingScore",
        "usedStorage", "xetEnabled",
    ],
}  # fmt: skip
DEFAULT_PROPERTIES = {
    "models": [
        "likes", "trendingScore", "private", "downloads", "tags", "pipeline_tag", "library_name", "createdAt",
        "modelId",
    ],
    "datasets": [
        "author", "private", "downloads", "likes", "trendingScore", "tags", "createdAt", "lastModified", "sha", "gated",
        "disabled", "description",
    ],
    "spaces": [
        "private", "likes", "trendingScore", "tags", "createdAt", "sdk",
    ],
}  # fmt: skip
FULL_PROPERTIES = {
    "models": [
        "author", "gated", "lastModified", "likes", "trendingScore", "private", "sha", "downloads", "tags",
        "pipeline_tag", "library_name", "createdAt", "modelId", "siblings",
    ],
    "datasets": [
        "author", "private", "downloads", "likes", "trendingScore", "tags", "createdAt", "lastModified", "sha", "gated",
        "disabled", "description", "cardData", "siblings",
    ],
    "spaces": [
        "private", "likes", "trendingScore", "tags", "createdAt", "sdk", "author", "sha", "lastModified", "siblings",
        "cardData",
    ],
}  # fmt: skip
DETAIL_PROPERTIES = {
    "models": [
        "private", "tags", "downloads", "likes", "modelId", "author", "sha", "lastModified", "gated", "disabled",
        "model-index", "config", "cardData", "siblings", "spaces", "createdAt", "safetensors", "usedStorage",
        "pipeline_tag", "library_name", "transformersInfo", "gguf",
    ],
    "datasets": [
        "author", "sha", "lastModified", "private", "gated", "disabled", "tags", "description", "downloads", "likes",
        "cardData", "siblings", "createdAt", "usedStorage",
    ],
    "spaces": [
        "sdk", "likes", "tags", "private", "author", "sha", "lastModified", "cardData", "subdomain", "gated",
        "disabled", "host", "region", "siblings", "createdAt", "runtime", "usedStorage",
    ],
}  # fmt: skip
