"""The table of rules: the impairments in force, and their combined effect on each link."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from nomos_testing.cluster.link_effects import NO_EFFECT, LinkEffect, combined
from nomos_testing.cluster.links import Link


@dataclass(frozen=True, slots=True)
class Rule:
    """An effect on links."""

    links: frozenset[Link]
    effect: LinkEffect


class RuleTable:
    """Rules by number. Each change returns the links whose effect has changed, with the new effect."""

    def __init__(self) -> None:
        self._rules: dict[int, Rule] = {}

    @property
    def numbers(self) -> tuple[int, ...]:
        """Numbers of the rules in force."""
        return tuple(self._rules)

    def effect_on(self, link: Link) -> LinkEffect:
        """Return the combined effect of all rules on a link."""
        acting = [rule.effect for _, rule in sorted(self._rules.items()) if link in rule.links]
        return combined(acting) if acting else NO_EFFECT

    def impose(self, number: int, rule: Rule) -> dict[Link, LinkEffect]:
        """Put a rule into force.

        Raises:
            ValueError: a rule with this number is in force already.
        """
        if number in self._rules:
            raise ValueError(f"number: {number} is in force already")
        before = self._effects(rule.links)
        self._rules[number] = rule
        return self._changed(before)

    def lift(self, numbers: Iterable[int]) -> dict[Link, LinkEffect]:
        """End rules. Numbers that are not in force are ignored."""
        lifted = [number for number in numbers if number in self._rules]
        before = self._effects(link for number in lifted for link in self._rules[number].links)
        for number in lifted:
            self._rules.pop(number, None)
        return self._changed(before)

    def _effects(self, links: Iterable[Link]) -> dict[Link, LinkEffect]:
        return {link: self.effect_on(link) for link in links}

    def _changed(self, before: dict[Link, LinkEffect]) -> dict[Link, LinkEffect]:
        return {link: now for link, old in before.items() if (now := self.effect_on(link)) != old}
