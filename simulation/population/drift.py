"""The daily change of counters: an autocorrelated walk, with which rankings turn over as real ones do."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from simulation.population.hub import MIN_LEVEL, HubRegistry

MOMENTUM_DECAY = 0.9
MAX_LEVEL = 21.0


@dataclass(frozen=True)
class LevelDrift:
    """The daily change of a level, calibrated on the turnover of a top 1,000 in a quarter."""

    daily_volatility: float

    def step(self, rng: np.random.Generator, level: np.ndarray, momentum: np.ndarray) -> None:
        """Move levels and momenta by one day, in place."""
        momentum *= MOMENTUM_DECAY
        momentum += rng.normal(0.0, self.daily_volatility * (1 - MOMENTUM_DECAY), level.size)
        level += momentum + rng.normal(0.0, self.daily_volatility / 4, level.size)
        np.clip(level, MIN_LEVEL, MAX_LEVEL, out=level)


HUB_DRIFT = LevelDrift(0.14)


def make_daily_rng(seed: int, name: str, day: int) -> np.random.Generator:
    """Return the random generator of one registry on one day, which does not depend on earlier days."""
    return np.random.default_rng([seed, zlib.crc32(name.encode()), day])


def drift_hub(hub: HubRegistry, rng: np.random.Generator, moving: float = 1.0) -> None:
    """Change the counters of a Hub registry by one day. `moving` is the share that changes: on the Hub most do not."""
    columns = hub.columns
    HUB_DRIFT.step(rng, columns["level"], columns["momentum"])
    gained = rng.poisson(columns["likes"] * 0.002 + 0.004 + columns["trending"] * 0.05)
    stays = rng.random(gained.size) >= moving if moving < 1 else np.zeros(gained.size, bool)
    gained[stays] = 0
    columns["likes"] += gained
    columns["trending"] = np.round(columns["trending"] * 0.85 + gained, 1)
    if hub.has_downloads:
        columns["downloads"][:] = np.where(stays, columns["downloads"], np.exp(columns["level"]).astype(np.int64))
        columns["downloads"][[repository.disabled for repository in hub.repositories]] = 0
        columns["all_time"] += columns["downloads"] // 30
    hub.bump_version()


def churn_column(rng: np.random.Generator, values: np.ndarray, share: float) -> np.ndarray:
    """Change a share of counters a little or a lot, in place, and return their indices."""
    counted = np.flatnonzero(values >= 0)
    changed = rng.choice(counted, min(counted.size, int(np.ceil(counted.size * share))), replace=False)
    factors = np.exp(rng.normal(0.0, 0.3, changed.size))
    values[changed] = (values[changed] * factors).astype(np.int64) + rng.integers(0, 2, changed.size)
    return changed
