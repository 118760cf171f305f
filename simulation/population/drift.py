"""How counters move in a day: an autocorrelated walk, so that rankings turn over as real ones do."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from simulation.population.hub import MIN_LEVEL, HubRegistry

MOMENTUM_DECAY = 0.9
MAX_LEVEL = 21.0


@dataclass(frozen=True)
class LevelDrift:
    """How far a level moves in a day; calibrated on the turnover of a top-1000 in a quarter."""

    daily_volatility: float

    def step(self, draw: np.random.Generator, level: np.ndarray, momentum: np.ndarray) -> None:
        """Move levels and momenta by one day, in place."""
        momentum *= MOMENTUM_DECAY
        momentum += draw.normal(0.0, self.daily_volatility * (1 - MOMENTUM_DECAY), level.size)
        level += momentum + draw.normal(0.0, self.daily_volatility / 4, level.size)
        np.clip(level, MIN_LEVEL, MAX_LEVEL, out=level)


HUB_DRIFT = LevelDrift(0.14)


def make_daily_rng(seed: int, name: str, day: int) -> np.random.Generator:
    """Return the random numbers of one registry on one day, whatever happened before."""
    return np.random.default_rng([seed, zlib.crc32(name.encode()), day])


def drift_hub(hub: HubRegistry, draw: np.random.Generator, moving: float = 1.0) -> None:
    """Move the counters of a Hub registry by one day; with `moving` below 1 the others stay, as most do on the Hub."""
    columns = hub.columns
    HUB_DRIFT.step(draw, columns["level"], columns["momentum"])
    gained = draw.poisson(columns["likes"] * 0.002 + 0.004 + columns["trending"] * 0.05)
    stays = draw.random(gained.size) >= moving if moving < 1 else np.zeros(gained.size, bool)
    gained[stays] = 0
    columns["likes"] += gained
    columns["trending"] = np.round(columns["trending"] * 0.85 + gained, 1)
    if hub.has_downloads:
        columns["downloads"][:] = np.where(stays, columns["downloads"], np.exp(columns["level"]).astype(np.int64))
        columns["downloads"][[one.disabled for one in hub.repositories]] = 0
        columns["all_time"] += columns["downloads"] // 30
    hub.bump_version()


def churn_column(draw: np.random.Generator, values: np.ndarray, share: float) -> np.ndarray:
    """Change a share of counters a little or a lot, in place; return which."""
    known = np.flatnonzero(values >= 0)
    chosen = draw.choice(known, min(known.size, int(np.ceil(known.size * share))), replace=False)
    factors = np.exp(draw.normal(0.0, 0.3, chosen.size))
    values[chosen] = (values[chosen] * factors).astype(np.int64) + draw.integers(0, 2, chosen.size)
    return chosen
