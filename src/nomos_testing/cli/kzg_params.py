"""``nomos-testing kzg-params``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click


@click.command("kzg-params", epilog="Exit codes: 0 the parameters are there; 1 they can't be made; 2 wrong usage.")
@click.argument("path", type=click.Path(path_type=Path), required=False)
def kzg_params(path: Path | None) -> None:
    """Make KZG parameters for tests, if there are none.

    PATH is the file. The default is the place where runs look for it. This takes some seconds. The secret of these
    parameters is public: use them only for your own test networks.
    """
    from nomos_core.da.kzg_generator import main as make
    from nomos_testing.deployers.shared.kzg_parameters import kzg_params_places, place_to_make

    sys.exit(make([str(path or place_to_make(kzg_params_places(os.environ)))]))
