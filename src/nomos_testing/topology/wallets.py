"""The accounts that genesis funds: their amounts and their keys.

An account's secret key depends only on its index. So all nodes and all runs know the same accounts.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from nomos_core.identifiers import ZkPublicKey
from nomos_core.keys import zk_public_keys
from nomos_testing.topology.errors import TopologyError

_KEY_PREFIX = b"wl"
_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class WalletSpec:
    """``total`` tokens, split evenly over ``users`` accounts.

    Raises:
        TopologyError: no users, or less than one token for each.
    """

    total: int
    users: int

    def __post_init__(self) -> None:
        if self.users < 1:
            raise TopologyError(f"wallet user count must be non-zero (got {self.users})")
        if self.total < self.users:
            raise TopologyError(
                f"wallet funds must allocate at least 1 token per user (got {self.total} for {self.users} users)"
            )

    @property
    def balances(self) -> tuple[int, ...]:
        """The tokens of each account. The first ``total % users`` accounts get one more than the others."""
        share, remainder = divmod(self.total, self.users)
        return tuple(share + (index < remainder) for index in range(self.users))


@dataclass(frozen=True, slots=True)
class WalletAccount:
    """One account."""

    label: str
    secret_key: int = field(repr=False)
    public_key: ZkPublicKey
    value: int
    """The tokens that genesis gives it, in one note."""


def wallet_accounts(spec: WalletSpec | None) -> tuple[WalletAccount, ...]:
    """Return the accounts of a spec; none without one."""
    balances = spec.balances if spec else ()
    secrets = [_secret_key(index) for index in range(len(balances))]
    return tuple(
        WalletAccount(f"wallet-user-{index}", secret, public, value)
        for index, (secret, public, value) in enumerate(zip(secrets, zk_public_keys(secrets), balances, strict=True))
    )


def _secret_key(index: int) -> int:
    return int.from_bytes((_KEY_PREFIX + index.to_bytes(8, "little")).ljust(_KEY_BYTES, b"\0"), "little")
