"""The source of a plugin with one word: a workload that does nothing."""

from __future__ import annotations

_SOURCE = """\
from nomos_testing import Section, workload


class Idle:
    name = "idle"

    def expectations(self):
        return ()

    def prepare(self, plan):
        pass

    async def run(self, ctx):
        pass


@workload("{word}")
class IdleSection(Section):
    rounds: int = {rounds}

    def build(self):
        return Idle()
"""


def idle_plugin(word: str = "idle", *, rounds: int = 1) -> str:
    """Give the source of a plugin file; ``rounds`` is the default of its only field."""
    return _SOURCE.format(word=word, rounds=rounds)
