"""What can happen to the packets of a link, and how several such effects add up."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, Self

_RATES = ("loss", "duplicate", "reorder")
_SECONDS = ("delay", "jitter", "hold")


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Rates are shares of the packets from 0 to 1, durations seconds, ``bandwidth`` bytes a second.

    Raises:
        ValueError: a number out of its range; the text begins with the field.
    """

    cut: bool = False
    delay: float = 0.0
    jitter: float = 0.0
    """Each packet's delay differs from ``delay`` by up to so much."""
    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    hold: float = 0.0
    """How much later than others a reordered packet leaves."""
    bandwidth: float = math.inf

    def __post_init__(self) -> None:
        for name in _RATES:
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}: expected a share from 0 to 1, got {getattr(self, name)!r}")
        for name in _SECONDS:
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name}: expected seconds, 0 or more, got {getattr(self, name)!r}")
        if not self.bandwidth > 0:
            raise ValueError(f"bandwidth: expected bytes a second above 0, got {self.bandwidth!r}")

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """
        Raises:
            ValueError: an unknown field, one of another type, or a number out of its range.
        """
        for name, given in value.items():
            if name not in _DEFAULTS:
                raise ValueError(f"{name}: unknown effect; expected one of {', '.join(_DEFAULTS)}")
            if isinstance(given, bool) != (name == "cut") or not isinstance(given, bool | int | float):
                raise ValueError(f"{name}: expected {'true or false' if name == 'cut' else 'a number'}, got {given!r}")
        return cls(**value)

    def to_json(self) -> dict[str, bool | float]:
        """What differs from no effect."""
        values = {name: getattr(self, name) for name in _DEFAULTS}
        return {name: value for name, value in values.items() if value != _DEFAULTS[name]}


_DEFAULTS: Mapping[str, Any] = {item.name: item.default for item in fields(Effect) if item.default is not MISSING}
NO_EFFECT = Effect()


def combined(effects: Iterable[Effect]) -> Effect:
    """All of them on one link: delays add up, rates are independent of each other, the narrowest bandwidth counts."""
    every = tuple(effects)
    return Effect(
        cut=any(effect.cut for effect in every),
        delay=math.fsum(effect.delay for effect in every),
        jitter=math.fsum(effect.jitter for effect in every),
        loss=_either(effect.loss for effect in every),
        duplicate=_either(effect.duplicate for effect in every),
        reorder=_either(effect.reorder for effect in every),
        hold=max((effect.hold for effect in every), default=0.0),
        bandwidth=min((effect.bandwidth for effect in every), default=math.inf),
    )


def _either(rates: Iterable[float]) -> float:
    """The probability that at least one of independent events happens; exactly that of a single one."""
    total = 0.0
    for rate in rates:
        total += rate - total * rate
    return min(max(total, 0.0), 1.0)
