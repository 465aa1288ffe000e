"""How tokens are split over accounts, and that the accounts are the original framework's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomos_core.config import load_config
from nomos_testing.topology import TopologyError, WalletSpec
from nomos_testing.topology.wallets import wallet_accounts
from support.inputs.golden import golden_path


@given(st.data(), st.integers(1, 500))
def test_a_split_gives_everything_away_and_differs_by_one_token_at_most(data: st.DataObject, users: int) -> None:
    total = data.draw(st.integers(users, 10**9))
    balances = WalletSpec(total=total, users=users).balances
    assert sum(balances) == total
    assert len(balances) == users
    assert max(balances) - min(balances) <= 1
    assert list(balances) == sorted(balances, reverse=True)


@pytest.mark.parametrize(
    ("total", "users", "text"),
    [(0, 0, "wallet user count must be non-zero"), (2, 3, "at least 1 token per user"), (-1, -1, "non-zero")],
)
def test_impossible_wallets_are_refused(total: int, users: int, text: str) -> None:
    with pytest.raises(TopologyError, match=text):
        WalletSpec(total=total, users=users)


def test_no_wallet_no_accounts() -> None:
    assert wallet_accounts(None) == ()


def test_accounts_have_the_keys_that_the_original_framework_gives_them() -> None:
    text = golden_path("seed_run/executor.yaml").read_text()
    text = text.replace("@NODE_DIR@", "/node").replace("@KZG@", "/kzgrs_test_params")
    config = load_config(text, source="executor.yaml", kind="executor")
    accounts = wallet_accounts(WalletSpec(total=100_000, users=1000))
    assert [account.label for account in accounts[:2]] == ["wallet-user-0", "wallet-user-1"]
    assert {account.public_key for account in accounts} == {*config.wallet.known_keys} - {config.cryptarchia.leader.pk}
    secrets = {key for key in config.key_management.keys.values() if isinstance(key, int)}
    assert {account.secret_key for account in accounts} < secrets
