"""Compiles the Poseidon2 accelerator while the wheel is built, when a C compiler is there; without one nothing is lost but speed."""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CustomBuildHook(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Filled in with the accelerator itself."""
