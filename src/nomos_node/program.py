"""Work of the programs once their arguments are known: check the configuration, or run the node that it describes."""

from __future__ import annotations

import os
import signal
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nomos_core.config import Kind, NodeConfig


def run_program(program: str, kind: Kind, *, config: str, check_config: bool, **parameters: Any) -> int:
    """Run until the node ends. Return the exit code. Errors go to stderr."""
    from nomos_core.config import ConfigError, load_config, refuse_unknown_keys
    from nomos_node.overrides import OverrideError, Overrides, apply_overrides

    for group in ("blend_service_group", "da_service_group"):
        parameters.pop(group, None)
    try:
        text = _read(config)
        loaded = load_config(text, source=config, kind=kind)
        if check_config:
            refuse_unknown_keys(loaded, source=config)
            print("Config file is valid! ✅")
            return 0
        return _run(apply_overrides(loaded, Overrides(**parameters)), program, config)
    except (ConfigError, OverrideError) as error:
        return _failed(error)
    except (OSError, UnicodeDecodeError) as error:
        reason = f"{error.strerror} (os error {error.errno})" if isinstance(error, OSError) else f"not UTF-8: {error}"
        return _failed(f"{config}: {reason}")


def _read(config: str) -> str:
    return Path(config).read_text(encoding="utf-8")


def _run(config: NodeConfig, program: str, config_name: str) -> int:
    signal.signal(signal.SIGTERM, _end_before_the_start)
    if find_spec("libp2p") is None:
        return _failed(
            "the packages of the embedded node are not installed. Install them, without a compiler, with\n  "
            f"python -m pip install --no-deps -r {locked_packages()}"
        )
    from nomos_node.process import run_node

    return run_node(config, title=process_title(program, config_name))


def process_title(program: str, config: str) -> str:
    """Return the title that ``ps`` shows for a node.

    A relative path is shown with the two directories above it: the framework names them after the run and the node.
    """
    if os.path.isabs(config):
        return f"{program} {config}"
    return f"{program} {Path(*Path(os.path.abspath(config)).parts[-3:])}"


def locked_packages() -> Path:
    """Return the path of the list of packages that this node runs with.

    In a wheel it is beside this file, in a checkout at its root.
    """
    shipped = Path(__file__).with_name("requirements.lock")
    return shipped if shipped.is_file() else Path(__file__).parents[2] / "requirements-run.lock"


def _end_before_the_start(number: int, frame: object) -> None:
    """End on a signal that comes while the modules of the node are imported. Nothing is open yet."""
    sys.exit(0)


def _failed(reason: object) -> int:
    print(f"Error: {reason}", file=sys.stderr)
    return 1
