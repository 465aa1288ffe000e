"""The chance that two samples differ as they do though nothing has changed. Pure functions without a library."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence


def mann_whitney(left: Sequence[float], right: Sequence[float]) -> float:
    """Return the two-sided p-value of the Mann-Whitney U test: normal approximation, corrected for ties.

    Args:
        left: a sample; the approximation is good from eight values on.
        right: another sample.
    """
    total = len(left) + len(right)
    ranks = _ranks([*left, *right])
    u = sum(ranks[: len(left)]) - len(left) * (len(left) + 1) / 2
    expected = len(left) * len(right) / 2
    ties = sum(count**3 - count for count in Counter([*left, *right]).values())
    variance = expected / 6 * (total + 1 - ties / (total * (total - 1)))
    if variance <= 0:  # all values are equal
        return 1.0
    distance = max(0.0, abs(u - expected) - 0.5)
    return math.erfc(distance / math.sqrt(2 * variance))


def _ranks(values: Sequence[float]) -> list[float]:
    """Return the rank of each value, from 1. Equal values share the average of their ranks."""
    order = sorted(range(len(values)), key=lambda place: values[place])
    ranks = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start
        while end < len(order) and values[order[end]] == values[order[start]]:
            end += 1
        for place in order[start:end]:
            ranks[place] = (start + 1 + end) / 2
        start = end
    return ranks


def rates_differ(left: int, right: int, left_time: float, right_time: float) -> float:
    """Return the two-sided p-value of two counts of rare events, each over its time, having the same rate.

    It is exact: with the same rate, the events of the left are a binomial part of all events.
    """
    total, share = left + right, left_time / (left_time + right_time)
    if total == 0:
        return 1.0
    weights = [_binomial(total, count, share) for count in range(total + 1)]
    # The factor keeps outcomes of equal chance equal in spite of rounding.
    return min(1.0, sum(weight for weight in weights if weight <= weights[left] * (1 + 1e-9)))


def _binomial(trials: int, successes: int, chance: float) -> float:
    choices = math.lgamma(trials + 1) - math.lgamma(successes + 1) - math.lgamma(trials - successes + 1)
    return math.exp(choices + successes * math.log(chance) + (trials - successes) * math.log1p(-chance))
