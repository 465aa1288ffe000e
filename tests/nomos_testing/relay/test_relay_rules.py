"""The rule table and the effects in it: what holds for every choice of rules."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from nomos_testing.cluster.link_effects import NO_EFFECT, LinkEffect, combined
from nomos_testing.cluster.links import Link, Links, links_across
from nomos_testing.relay.rules import Rule, RuleTable

NODES = ["a", "b", "c", "d"]
LINKS = [Link(source, target) for source, target in permutations(NODES, 2)]

rates = st.floats(0, 1)
seconds = st.floats(0, 100)
effects = st.builds(
    LinkEffect,
    cut=st.booleans(),
    delay=seconds,
    jitter=seconds,
    loss=rates,
    duplicate=rates,
    reorder=rates,
    hold=st.floats(0.001, 100),
    bandwidth=st.floats(1, 1e9) | st.just(math.inf),
)
rules = st.builds(Rule, st.frozensets(st.sampled_from(LINKS), min_size=1), effects)
groupings = st.permutations(NODES).flatmap(
    lambda nodes: st.integers(1, len(nodes) - 1).map(lambda cut: [nodes[:cut], nodes[cut:]])
)


@given(effects)
def test_a_single_effect_is_itself(effect: LinkEffect) -> None:
    assert combined([effect]) == effect
    assert combined([effect, NO_EFFECT]) == effect


@given(effects, effects)
def test_effects_together_are_never_milder_than_one_of_them(first: LinkEffect, second: LinkEffect) -> None:
    both = combined([first, second])
    for effect in (first, second):
        assert both.cut >= effect.cut
        for field in ("delay", "jitter", "loss", "duplicate", "reorder", "hold"):
            assert getattr(both, field) >= getattr(effect, field) - 1e-12
        assert both.bandwidth <= effect.bandwidth


@given(effects)
def test_an_effect_survives_the_way_to_the_relay(effect: LinkEffect) -> None:
    assert LinkEffect.from_json(effect.to_json()) == effect


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ({"loss": 1.5}, "loss: expected a share from 0 to 1, got 1.5"),
        ({"reorder": math.nan}, "reorder: expected a share from 0 to 1, got nan"),
        ({"delay": -1}, "delay: expected seconds, 0 or more, got -1"),
        ({"delay": math.inf}, "delay: expected seconds, 0 or more, got inf"),
        ({"bandwidth": 0}, "bandwidth: expected bytes a second above 0, got 0"),
        ({"loss": True}, "loss: expected a number, got True"),
        ({"cut": 1}, "cut: expected true or false, got 1"),
        ({"delay": "1"}, "delay: expected a number, got '1'"),
        ({"reorder": 0.5}, "hold: expected seconds above 0, because reorder is 0.5"),
        ({"speed": 1}, "speed: unknown effect; expected one of cut, delay, jitter"),
    ],
)
def test_an_effect_out_of_range_is_refused_with_its_field(value: Mapping[str, object], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        LinkEffect.from_json(value)


class TableOfRules(RuleBasedStateMachine):
    """The table against the plain definition: a link has the effects of all rules that name it."""

    @initialize()
    def begin(self) -> None:
        self.table = RuleTable()
        self.in_force: dict[int, Rule] = {}
        self.known: dict[Link, LinkEffect] = dict.fromkeys(LINKS, NO_EFFECT)
        """What somebody knows who applies every change that the table reports."""

    @rule(number=st.integers(0, 5), imposed=rules)
    def impose(self, number: int, imposed: Rule) -> None:
        if number in self.in_force:
            with pytest.raises(ValueError, match=f"number: {number} is in force already"):
                self.table.impose(number, imposed)
        else:
            self.known.update(self.table.impose(number, imposed))
            self.in_force[number] = imposed

    @rule(numbers=st.lists(st.integers(0, 5)))
    def lift(self, numbers: list[int]) -> None:
        self.known.update(self.table.lift(numbers))
        for number in numbers:
            self.in_force.pop(number, None)

    @rule()
    def heal(self) -> None:
        self.known.update(self.table.lift(self.table.numbers))
        self.in_force.clear()
        assert all(self.table.effect_on(link) == NO_EFFECT for link in LINKS)

    @invariant()
    def effects_are_those_of_the_rules_in_force(self) -> None:
        if not hasattr(self, "table"):
            return
        for link in LINKS:
            acting = [
                self.in_force[number].effect for number in sorted(self.in_force) if link in self.in_force[number].links
            ]
            assert self.table.effect_on(link) == combined(acting)
            assert self.known[link] == self.table.effect_on(link)


TestTableOfRules = TableOfRules.TestCase


@given(groupings)
def test_a_partition_cuts_exactly_the_links_between_groups(groups: list[list[str]]) -> None:
    left, right = groups
    cut = links_across(groups, NODES)
    assert cut == {link for link in LINKS if (link.source in left) != (link.target in left)}
    one_way = links_across(groups, NODES, one_way=True)
    assert one_way == {link for link in LINKS if link.source in left and link.target in right}


def test_a_node_in_no_group_keeps_its_links() -> None:
    assert links_across([["a"], ["b"]], NODES) == {Link("a", "b"), Link("b", "a")}


@pytest.mark.parametrize(
    ("groups", "complaint"),
    [
        ([["a"]], "at least two groups of nodes, got 1"),
        ([["a"], []], "groups need at least one node each"),
        ([["a", "b"], ["b", "c"]], "b: in two groups of one partition"),
        ([["a"], ["z"]], "there is no node z; the cluster has a, b, c, d"),
    ],
)
def test_a_partition_that_makes_no_sense_is_refused(groups: list[list[str]], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        links_across(groups, NODES)


def test_links_are_chosen_by_node_pair_and_direction() -> None:
    assert Links.every().among(NODES) == frozenset(LINKS)
    assert Links.of("a").among(NODES) == {link for link in LINKS if "a" in (link.source, link.target)}
    assert Links.between(["a"], ["b"]).among(NODES) == {Link("a", "b"), Link("b", "a")}
    assert Links.towards(["a"], ["b", "c"]).among(NODES) == {Link("a", "b"), Link("a", "c")}


@pytest.mark.parametrize(
    ("links", "complaint"),
    [
        (Links.of("z"), "there is no node z; the cluster has a, b, c, d"),
        (Links.between(["a"], ["a"]), "a <-> a: there is no link between different nodes among a, b, c, d"),
    ],
)
def test_links_that_do_not_exist_are_refused(links: Links, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        links.among(NODES)
