"""Log of declarations and sessions in the ledger of the tip."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from nomos_core.ledger.declarations import Declarations, in_id_order
from nomos_core.ledger.sdp import SdpState, ServiceState
from nomos_core.mantle.operations import ServiceType
from nomos_node.chain.chain import Chain
from nomos_node.telemetry.levels import TRACE

_log = logging.getLogger("nomos_sdp")
_NAMES = {ServiceType.BLEND: "Blend", ServiceType.DATA_AVAILABILITY: "data availability"}


class DeclarationWatch:
    """Watch on the ledger of the tip. It logs each session that begins, and each declaration that comes or goes."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._seen: Mapping[ServiceType, ServiceState] = {}

    async def run(self) -> None:
        """Follow the chain. Ends with it."""
        async with self._chain.new_blocks.subscribe() as blocks:
            self.look(self._chain.tip_state().sdp)
            async for _ in blocks:
                self.look(self._chain.tip_state().sdp)

    def look(self, ledger: SdpState) -> None:
        """Log the changes in the declarations since the last look."""
        services = ledger.services
        for service, state in services.items():
            before = self._seen.get(service)
            _log.log(TRACE, "%s: %d declarations at the tip", _NAMES[service], len(state.declarations))
            if before is state:
                continue
            if before is None or before.active.number != state.active.number:
                _log.info(
                    "%s: session %d has %d providers",
                    _NAMES[service],
                    state.active.number,
                    len(state.active.declarations),
                )
            if before is None:
                _log_declarations(service, "declared", state.declarations, logging.DEBUG)
            elif before.declarations is not state.declarations:
                _log_declarations(service, "declared", _without(state.declarations, before.declarations), logging.INFO)
                _log_declarations(service, "gone", _without(before.declarations, state.declarations), logging.INFO)
        self._seen = services


def _without(declarations: Declarations, others: Declarations) -> Declarations:
    for identifier in others:
        declarations = declarations.discard(identifier)
    return declarations


def _log_declarations(service: ServiceType, what: str, declarations: Declarations, level: int) -> None:
    for identifier, declaration in in_id_order(declarations):
        _log.log(
            level,
            "%s: %s: %s of provider %s at %s",
            _NAMES[service],
            what,
            identifier.hex(),
            declaration.provider_id.hex(),
            ", ".join(declaration.locators),
        )
