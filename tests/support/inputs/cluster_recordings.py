"""Pods, events and refusals as a real Kubernetes cluster told them: ``tests/recordings/kubernetes``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RECORDINGS = Path(__file__).parents[2] / "recordings/kubernetes"


def recording(name: str) -> Any:
    """The contents of a recording."""
    return json.loads((RECORDINGS / f"{name}.json").read_text(encoding="utf-8"))
