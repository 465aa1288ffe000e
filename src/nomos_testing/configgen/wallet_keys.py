"""The keys of the accounts, in the forms that configurations have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nomos_core import field
from nomos_core.identifiers import ZkPublicKey
from nomos_testing.topology.wallets import WalletAccount


@dataclass(frozen=True, slots=True)
class WalletKeys:
    """The accounts' keys, for ``wallet`` and for ``key_management``. They are made once for all nodes."""

    public_keys: tuple[ZkPublicKey, ...]
    secrets_by_id: dict[str, bytes | int]

    @classmethod
    def of(cls, accounts: Sequence[WalletAccount]) -> WalletKeys:
        return cls(
            tuple(account.public_key for account in accounts),
            {field.to_hex(account.public_key): account.secret_key for account in accounts},
        )
