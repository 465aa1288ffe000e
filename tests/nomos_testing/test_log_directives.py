"""The directives of ``RUST_LOG``: which loggers get which level."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomos_testing.log_directives import FRAMEWORK, LEVELS, LogDirectives

OFF = LEVELS["off"]


@pytest.mark.parametrize(
    ("text", "others", "targets"),
    [
        ("", logging.WARNING, {FRAMEWORK: logging.WARNING}),
        ("debug", logging.WARNING, {FRAMEWORK: logging.DEBUG}),
        (" Info ,", logging.WARNING, {FRAMEWORK: logging.INFO}),
        ("trace", logging.WARNING, {FRAMEWORK: logging.DEBUG}),
        ("error", logging.ERROR, {FRAMEWORK: logging.ERROR}),
        ("off", OFF, {FRAMEWORK: OFF}),
        ("asyncio=debug", logging.WARNING, {FRAMEWORK: logging.WARNING, "asyncio": logging.DEBUG}),
        ("nomos_testing=debug", logging.WARNING, {FRAMEWORK: logging.DEBUG}),
        ("nomos_testing=debug,error", logging.ERROR, {FRAMEWORK: logging.DEBUG}),
        ("runner_examples=info", logging.WARNING, {FRAMEWORK: logging.INFO}),
        (
            "info,nomos_testing::client = debug, nomos_testing.runtime=off",
            logging.WARNING,
            {FRAMEWORK: logging.INFO, "nomos_testing.client": logging.DEBUG, "nomos_testing.runtime": OFF},
        ),
        ("info,debug", logging.WARNING, {FRAMEWORK: logging.DEBUG}),
    ],
)
def test_a_level_is_the_frameworks_and_a_target_has_its_own(text: str, others: int, targets: Mapping[str, int]) -> None:
    assert LogDirectives.parse(text) == LogDirectives(others, targets)


@pytest.mark.parametrize(
    "bad", ["loud", "nomos_testing", "nomos_testing=loud", "=debug", "a b=debug", "a[b]=info", "a."]
)
def test_what_does_not_parse_is_named_and_the_rest_counts(bad: str) -> None:
    directives = LogDirectives.parse(f"{bad},info")
    assert directives.refused == (bad,)
    assert directives.targets == {FRAMEWORK: logging.INFO}


@given(st.text())
def test_any_text_gives_the_framework_a_level(text: str) -> None:
    assert LogDirectives.parse(text).targets[FRAMEWORK] in LEVELS.values()
