"""The values that pods take from users: quantities of resources and labels of machines, as Kubernetes writes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_QUANTITY: Final = re.compile(r"(?=\.?[0-9])[0-9]*\.?[0-9]*(?:n|u|m|k|[KMGTPE]i|[MGTPE]|[eE][+-]?[0-9]+)?")
_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_PREFIX: Final = re.compile(r"(?=.{1,253}\Z)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*")


def quantity_defect(resource: str, quantity: str) -> str | None:
    """Say why an amount of a resource cannot be asked for: ``cpu`` and ``100m``. None: it can."""
    if not _is_label_key(resource):
        return f"{resource!r} is no resource; expected a name like cpu, memory or ephemeral-storage"
    if _QUANTITY.fullmatch(quantity) is None:
        return f"{quantity!r} is no quantity of {resource}; expected a number with a unit, like 100m or 256Mi"
    return None


def label_defect(key: str, value: str) -> str | None:
    """Say why no machine can have a label. None: one can."""
    if not _is_label_key(key):
        return f"{key!r} is no key of a label; expected one like disktype or kubernetes.io/hostname"
    if value and _NAME.fullmatch(value) is None:
        return f"{value!r} is no value of a label; expected at most 63 letters, digits, '-', '_' and '.'"
    return None


def pairs(text: str) -> Mapping[str, str]:
    """Read ``key=value,key=value``.

    Raises:
        ValueError: an entry has no ``=``.
    """
    read: dict[str, str] = {}
    for entry in filter(None, map(str.strip, text.split(","))):
        key, separator, value = entry.partition("=")
        if not separator:
            raise ValueError(f"{entry!r} is not of the form key=value")
        read[key.strip()] = value.strip()
    return read


def _is_label_key(key: str) -> bool:
    prefix, separator, name = key.rpartition("/")
    return _NAME.fullmatch(name) is not None and (not separator or _PREFIX.fullmatch(prefix) is not None)
