"""``nomos-testing``: the program that runs scenario files, and explains what became of them."""

from __future__ import annotations

import click

from nomos_testing.cli.doctor import doctor
from nomos_testing.cli.end import end
from nomos_testing.cli.kzg_params import kzg_params
from nomos_testing.cli.logs import logs
from nomos_testing.cli.plan import plan, schema
from nomos_testing.cli.presence import clean, ps
from nomos_testing.cli.report import report
from nomos_testing.cli.run import replay, run
from nomos_testing.cli.shell import shell
from nomos_testing.cli.trace import trace
from nomos_testing.cli.watch import watch


@click.group()
@click.version_option(package_name="logos-blockchain-testing")
def main() -> None:
    """Test a network of Logos/Nomos blockchain nodes."""


for command in (
    run,
    replay,
    watch,
    shell,
    end,
    logs,
    report,
    trace,
    plan,
    schema,
    kzg_params,
    doctor,
    ps,
    clean,
):
    main.add_command(command)
