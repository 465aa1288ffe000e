"""Effects on the packets of a link, and how several effects on one link add up.

A fault, a network control and the relay all use this one type. A new kind of effect is declared here, and carried out
in ``nomos_testing.relay.path``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, Final, Self

DEFAULT_HOLD_SECONDS: Final = 0.02
"""Long enough for the packets of a burst to overtake the one that is held back."""
_RATES = ("loss", "duplicate", "reorder")
_SECONDS = ("delay", "jitter", "hold")


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkEffect:
    """A change to the packets of a link: ``LinkEffect(delay=0.2, jitter=0.1, loss=0.01)``.

    Rates are shares of the packets from 0 to 1. Durations are in seconds.

    Raises:
        ValueError: a number is out of its range. The text begins with the field.
    """

    cut: bool = False
    """No packet gets through."""
    delay: float = 0.0
    """Seconds that each packet is late. Packets keep their order."""
    jitter: float = 0.0
    """Seconds by which a packet's delay differs from ``delay`` at most."""
    loss: float = 0.0
    """Share of the packets that is lost."""
    duplicate: float = 0.0
    """Share of the packets that arrives twice."""
    reorder: float = 0.0
    """Share of the packets that is held back while others overtake it. Needs ``hold``."""
    hold: float = 0.0
    """Seconds that a reordered packet is held back."""
    bandwidth: float = math.inf
    """Bytes a second that get through. Packets that come faster wait in a queue, and are lost when it is full."""

    def __post_init__(self) -> None:
        for name in _RATES:
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}: expected a share from 0 to 1, got {getattr(self, name)!r}")
        for name in _SECONDS:
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name}: expected seconds, 0 or more, got {getattr(self, name)!r}")
        if self.reorder and not self.hold:
            raise ValueError(f"hold: expected seconds above 0, because reorder is {self.reorder!r}")
        if not self.bandwidth > 0:
            raise ValueError(f"bandwidth: expected bytes a second above 0, got {self.bandwidth!r}")

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read the fields of an effect.

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
        """Return the fields that differ from no effect."""
        values = {name: getattr(self, name) for name in _DEFAULTS}
        return {name: value for name, value in values.items() if value != _DEFAULTS[name]}

    def __str__(self) -> str:
        return ", ".join(self._parts()) or "no effect"

    def _parts(self) -> Iterator[str]:
        if self.cut:
            yield "cut"
        if self.delay or self.jitter:
            spread = f" (give or take {self.jitter:g} s)" if self.jitter else ""
            yield f"latency {self.delay:g} s{spread}"
        if self.loss:
            yield f"loss {self.loss:.4g}"
        if self.duplicate:
            yield f"duplicate {self.duplicate:.4g}"
        if self.reorder:
            yield f"reorder {self.reorder:.4g} by {self.hold:g} s"
        if self.bandwidth < math.inf:
            yield f"bandwidth {self.bandwidth:g} B/s"


_DEFAULTS: Mapping[str, Any] = {item.name: item.default for item in fields(LinkEffect) if item.default is not MISSING}
NO_EFFECT = LinkEffect()


def combined(effects: Iterable[LinkEffect]) -> LinkEffect:
    """Combine effects on one link: delays add up, rates are independent, the narrowest bandwidth counts."""
    every = tuple(effects)
    return LinkEffect(
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
    """Return the probability that at least one of independent events happens. One event keeps its exact rate."""
    total = 0.0
    for rate in rates:
        total += rate - total * rate
    return min(max(total, 0.0), 1.0)
