"""The live view with the keys that change a network that still runs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, ClassVar, Final

from textual import work
from textual.binding import Binding, BindingType

from nomos_testing.live.app import WatchApp
from nomos_testing.live.dialogs import Choice, Question
from nomos_testing.live.model import NodeState
from nomos_testing.runtime.control_client import ControlClient, ControlRefused

_EVERYBODY: Final = "everybody"
_TOLD_SECONDS: Final = 4.0
_REFUSED_SECONDS: Final = 10.0


class ControlApp(WatchApp):
    """Shows a run, and asks its runner for what a person does to the network. The runner decides what is possible."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "act('pause')", "pause"),
        Binding("r", "act('restart')", "restart"),
        Binding("k", "act('kill')", "kill"),
        Binding("s", "act('start')", "start", show=False),
        Binding("t", "act('stop')", "stop", show=False),
        Binding("c", "cut", "cut"),
        Binding("h", "heal", "heal"),
        Binding("e", "end_network", "end a kept network", show=False),
    ]
    KEYS: ClassVar = [
        ("p r k", "pause or resume, restart, kill the chosen node"),
        ("s t", "start, stop the chosen node"),
        ("c", "cut the links between the chosen node and others"),
        ("h", "undo everything that was done by hand"),
        ("e", "end a network that was kept after its verdict"),
    ]

    def __init__(self, directory: Path, **options: Any) -> None:
        super().__init__(directory, **options)
        self._client: ControlClient | None = None
        self._connecting = asyncio.Lock()

    async def on_unmount(self) -> None:
        """Close the connection to the runner."""
        if self._client is not None:
            await self._client.close()

    @work(group="control")
    async def action_act(self, do: str) -> None:
        """Pause or resume, restart, kill, start or stop the chosen node."""
        node = self.table.chosen
        if node is None or not await self._runner_listens(do):
            return
        if do == "pause" and self.playback.state.nodes[node].state is NodeState.PAUSED:
            do = "resume"
        if do == "kill" and not await self.push_screen_wait(Question(f"Kill {node}? Its process ends at once.")):
            return
        await self._ask(do, node=node)

    @work(group="control")
    async def action_cut(self) -> None:
        """Cut the links between the chosen node and another one, or all others."""
        node = self.table.chosen
        if node is None or not await self._runner_listens("cut"):
            return
        others = {name: name for name in self.playback.state.nodes if name != node}
        offers = {_EVERYBODY: "all other nodes"} | others
        other = await self.push_screen_wait(Choice(f"Cut the links between {node} and", offers))
        if other is not None:
            await self._ask("cut", node=node, **({} if other == _EVERYBODY else {"other": other}))

    @work(group="control")
    async def action_heal(self) -> None:
        """Undo everything that was done by hand."""
        if await self._runner_listens("heal"):
            await self._ask("heal")

    @work(group="control")
    async def action_end_network(self) -> None:
        """End a network that was kept."""
        if await self._runner_listens("end") and await self.push_screen_wait(Question("End this network?")):
            await self._ask("end")

    async def _runner_listens(self, do: str) -> bool:
        """Tell whether a request makes sense now. If not, say why."""
        if not self.playback.following:
            self._tell(f"{do}: the view shows the past\n  -> the key end goes to the newest entry", refused=True)
            return False
        try:
            await self._connected()
        except ControlRefused as error:
            over = self.playback.run_is_over
            self._tell(f"{do}: the run is over" if over else f"{do}: {error}", refused=True)
            return False
        return True

    async def _ask(self, do: str, **fields: str) -> None:
        about = " ".join((do, *fields.values()))
        self._tell(f"{about} ...")
        try:
            await (await self._connected()).ask(do, **fields)
        except ControlRefused as error:
            self._tell(f"{about}: {error}", refused=True)
        else:
            self._tell(f"{about}: done")

    async def _connected(self) -> ControlClient:
        async with self._connecting:
            if self._client is not None and self._client.ended:
                await self._client.close()
                self._client = None
            if self._client is None:
                self._client = await ControlClient.connect(self.directory)
            return self._client

    def _tell(self, text: str, *, refused: bool = False) -> None:
        severity, seconds = ("error", _REFUSED_SECONDS) if refused else ("information", _TOLD_SECONDS)
        self.notify(text, severity=severity, timeout=seconds, markup=False)  # type: ignore[arg-type]
