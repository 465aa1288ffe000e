"""Ways into a stack and out of it: the address of published ports, the containers' entry for the host, a password."""

from __future__ import annotations

import base64
from random import Random
from typing import Final

from nomos_testing.settings import Settings

_PASSWORD_BYTES: Final = 15
_HOST_GATEWAY: Final = "host.docker.internal"


def extra_host(settings: Settings) -> str | None:
    """Return the containers' entry for the host; None for none."""
    if settings.host_gateway is not None:
        return None if settings.host_gateway.lower() in {"", "disable"} else settings.host_gateway
    return f"{_HOST_GATEWAY}:{settings.docker_host_gateway or 'host-gateway'}"


def bind_address(settings: Settings) -> str:
    """Return where ports are published: on loopback, unless they must be reached by another name."""
    return "127.0.0.1" if settings.container_host in {"127.0.0.1", "localhost"} else "0.0.0.0"


def grafana_password(settings: Settings, rng: Random) -> str | None:
    """Return the password of Grafana's user admin; None: Grafana's own default, which only loopback may have."""
    if settings.grafana_password:
        return settings.grafana_password
    if bind_address(settings) == "127.0.0.1":
        return None
    # Not from the run's seed, which everybody may know.
    return base64.urlsafe_b64encode(rng.randbytes(_PASSWORD_BYTES)).decode()
