"""Archives in the shape of bundles, and programs for this machine and others, for the tests of scripts."""

from __future__ import annotations

import io
import platform
import tarfile
from pathlib import Path

REVISION = "3f623e0c9d159bd8b398a25eda8db0642c491f99"
NODE = b"#!/bin/sh\necho nomos-node 0.1.0\n"
"""A stand-in for a real node: it tells its name and version, and nothing of this project."""
RENAMED = b"#!/bin/sh\necho 'error: the following required arguments were not provided:' >&2\nexit 2\n"
"""A stand-in for a real node that goes by another name."""
EMBEDDED = b"#!/bin/sh\n# runs nomos_node.cli\n"
OUR_MACHINE, OTHER_MACHINE = (0x3E, 0xB7) if platform.machine() == "x86_64" else (0xB7, 0x3E)
MACOS = b"\xcf\xfa\xed\xfe" + bytes(60)


def elf(machine: int) -> bytes:
    return b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00" + machine.to_bytes(2, "little") + bytes(44)


def bundle(
    path: Path,
    *,
    leave_out: str = "",
    node: bytes = NODE,
    revision: str = REVISION,
    head: str = "",
    more_meta: str = "",
) -> Path:
    meta = f"nomos_node_path=\nnomos_node_rev={revision}\nnomos_node_git_head={head or revision}\nplatform=host\n"
    members = {
        "nomos-bundle-meta.env": ((meta + more_meta).encode(), 0o644),
        "nomos-node": (node, 0o755),
        "nomos-executor": (node, 0o755),
        "circuits/kzgrs_test_params": (b"parameters", 0o644),
        "circuits/zksign/witness_generator": (NODE, 0o755),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as tar:
        for name, (data, mode) in members.items():
            if name != leave_out:
                member = tarfile.TarInfo(f"artifacts/{name}")
                member.size, member.mode = len(data), mode
                tar.addfile(member, io.BytesIO(data))
    return path
