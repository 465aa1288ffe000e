"""Tables of the database.

``blocks`` has every valid block above the last irreversible one, and the irreversible chain below it. ``immutable``
maps the slots of the irreversible chain to block ids. ``snapshots`` has a ledger state of the irreversible chain, from
which later ones are made by applying blocks. ``transactions`` is the mempool.

Data availability has tables of verified shares, commitments and transactions by blob, and of the members of each
session.
"""

from __future__ import annotations

from typing import Final

SCHEMA_VERSION: Final = 1

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS blocks (
    id BLOB PRIMARY KEY, parent BLOB NOT NULL, slot INTEGER NOT NULL, height INTEGER NOT NULL, wire BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS blocks_by_height ON blocks (height);
CREATE TABLE IF NOT EXISTS immutable (slot INTEGER PRIMARY KEY, id BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS snapshots (
    id BLOB PRIMARY KEY, slot INTEGER NOT NULL, height INTEGER NOT NULL, state BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS chain (
    the_only INTEGER PRIMARY KEY CHECK (the_only = 0),
    genesis BLOB NOT NULL, tip BLOB NOT NULL, lib BLOB NOT NULL, mode TEXT NOT NULL, recorded_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS transactions (
    hash BLOB PRIMARY KEY, wire BLOB NOT NULL, added_at_ms INTEGER NOT NULL, block BLOB
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS da_shares (blob BLOB NOT NULL, column INTEGER NOT NULL, wire BLOB NOT NULL,
    PRIMARY KEY (blob, column));
CREATE TABLE IF NOT EXISTS da_commitments (blob BLOB PRIMARY KEY, wire BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS da_transactions (blob BLOB PRIMARY KEY, wire BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS da_sessions (session INTEGER PRIMARY KEY, members TEXT NOT NULL);
"""
