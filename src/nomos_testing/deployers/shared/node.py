"""A node of a deployed network: its identity, its evidence, and everything that is done to it over its ``NodeHost``."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from nomos_testing.client.node_client import NodeClient
from nomos_testing.client.transport import Transport
from nomos_testing.cluster.interfaces import LogMark, LogSource, NodeControlError
from nomos_testing.cluster.roles import Role
from nomos_testing.deployers.shared.node_host import NodeHost
from nomos_testing.surroundings import THIS_MACHINE

LOG_FILES: Final = "logs"
"""Where the log files of a remote node are copied to, in the directory of its evidence."""
CLOCK_TOLERANCE: Final = 2.0
"""Seconds that a clock may differ from what it was set to. ``date`` tells whole seconds, and asking takes time."""
_UNKNOWN_URL: Final = "http://{}.not-started.invalid"

_LIMIT_FILES: Final = """
import resource, sys
pid, size = int(sys.argv[1]), sys.argv[2]
try:
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard if size == "free" else int(size), hard))
except ProcessLookupError:  # it ended in this moment
    sys.exit(0)
"""

_log = logging.getLogger(__name__)


def config_file_name(role: Role) -> str:
    """Return the name of a node's configuration in its directory of the run: ``validator.yaml``."""
    return f"{role}.yaml"


@dataclass(slots=True, kw_only=True)
class DeployedNode:
    """A ``NodeHandle``.

    A full disk is the kernel's limit on the size of the files of a process, set to nothing: the node's writes then fail
    with "File too large". A clock is the file that libfaketime reads its offset from.
    """

    role: Role
    index: int
    network_port: int
    """Of libp2p, by which readiness messages name the node."""
    directory: Path
    """The directory of its evidence, on this machine."""
    client: NodeClient
    host: NodeHost
    config: str | None = field(default=None, repr=False)
    """The YAML that is put into its place; None: the node fetches one when it starts. Long, and with keys."""
    clock_offset: float = 0.0
    """Seconds that its wall clock is ahead of the right time."""
    end_is_expected: bool = False
    """It ends because the runner ends it."""
    unix_time: Callable[[], float] = THIS_MACHINE.unix_time
    """The right time."""

    @classmethod
    def at(
        cls,
        host: NodeHost,
        *,
        role: Role,
        index: int,
        network_port: int,
        directory: Path,
        config: str | None = None,
        transport: Transport | None = None,
        unix_time: Callable[[], float] = THIS_MACHINE.unix_time,
    ) -> DeployedNode:
        """Make a node that has not been started, so that it has no URL yet."""
        name = node_name(role, index)
        return cls(
            role=role,
            index=index,
            network_port=network_port,
            directory=directory,
            client=NodeClient(name, _UNKNOWN_URL.format(name), transport=transport),
            host=host,
            config=config,
            unix_time=unix_time,
        )

    @property
    def name(self) -> str:
        return node_name(self.role, self.index)

    @property
    def label(self) -> str:
        return f"{self.role}#{self.index}@{self.network_port}"

    @property
    def url(self) -> str:
        return self.client.url

    @property
    def logs(self) -> LogSource:
        return self.host.logs

    @property
    def running(self) -> bool:
        return self.host.running

    async def create(self) -> None:
        """Make its place, with its configuration and its clock in it."""
        await self.host.create()
        await self.put_files()

    async def put_files(self) -> None:
        """Put its configuration and its clock into its place."""
        if self.config is not None:
            await self.host.put(self.host.config_path, self.config.encode())
            _log.debug("wrote the configuration of %s: %s", self.name, self._config_file)
            self.keep_config(self.config)
        if self.host.clock_path is not None:
            await self._put_clock(self.host.clock_path)

    async def reconfigure(self, config: str) -> None:
        """Take another configuration for the next start."""
        self.config = config
        await self.put_files()

    async def wipe_data(self) -> None:
        """Delete everything that the node has stored. Its configuration, clock and logs stay. It must not run."""
        _log.debug("wiping what %s has stored", self.name)
        await self.keep_log()
        await self.create()

    async def limit_files(self, size: int | None) -> None:
        """Let none of its files grow beyond ``size`` bytes; None: without limit."""
        if not self.running:
            return
        _log.debug("files of %s: %s", self.name, "no limit" if size is None else f"at most {size} B")
        limit = "free" if size is None else str(size)
        try:
            await self.host.exec(self.host.python, "-I", "-S", "-c", _LIMIT_FILES, str(self.host.pid), limit)
        except NodeControlError as error:
            if self.running:
                raise NodeControlError(f"the size of {self.name}'s files cannot be limited: {error}") from error

    async def set_clock(self, seconds: float, *, frozen: bool = False) -> None:
        """Set its wall clock ahead by ``seconds``. Timeouts use the monotonic clock and are not affected.

        The clock of a ``frozen`` node is not checked: no command can be run in a frozen container.
        """
        if self.host.clock_path is None:
            raise NodeControlError(f"{self.name} was not started with a clock that can be shifted")
        self.clock_offset = seconds
        await self._put_clock(self.host.clock_path)
        if self.running and not frozen:
            await self._check_clock()

    async def keep_log(self) -> None:
        """Copy the log of a remote node to its evidence."""
        if not self.host.remote:
            return
        if self.host.log_name is not None:
            lines = await self.logs.since(LogMark({}))
            with (self.directory / self.host.log_name).open("a", encoding="utf-8") as file:
                file.writelines(f"{line}\n" for line in lines)
        if self.host.log_directory is not None:
            with suppress(NodeControlError):  # it may have ended before it made the directory
                await self.host.get(self.host.log_directory, self.directory / LOG_FILES)

    def keep_config(self, config: str) -> None:
        """Keep the configuration of a remote node as evidence. That of a local node is in its directory already."""
        if self.host.remote:
            self._config_file.write_text(config, encoding="utf-8")
            _log.debug("kept the configuration of %s: %s", self.name, self._config_file)

    @property
    def _config_file(self) -> Path:
        return self.directory / config_file_name(self.role)

    async def _put_clock(self, path: str) -> None:
        await self.host.put(path, f"{self.clock_offset:+.6f}\n".encode())
        _log.debug("clock of %s %+g s off: %s", self.name, self.clock_offset, path)

    async def _check_clock(self) -> None:
        """Ask a command beside the node for the time.

        The loader ignores a libfaketime that was made for another system, with a warning that nobody sees.
        """
        before = self.unix_time()
        told = float(await self.host.exec("date", "+%s"))
        off = told - self.unix_time()
        # On a busy machine the command takes seconds: it told the time at some moment of them, in whole seconds.
        if not off - CLOCK_TOLERANCE <= self.clock_offset <= told + 1 - before + CLOCK_TOLERANCE:
            raise NodeControlError(
                f"{self.name}'s clock is off by {off:.1f} s instead of {self.clock_offset:g} s: "
                "its program cannot use this libfaketime"
            )


def node_name(role: Role, index: int) -> str:
    """Return a node's name: ``validator-0``."""
    return f"{role}-{index}"
