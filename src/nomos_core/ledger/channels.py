"""Channels: chains of inscriptions and blobs. Only the keys that a channel accredits may write to it.

The first message of an unknown channel creates the channel, and its signer becomes the only key. Every message names
its parent: the message before it, which is the channel's tip, or ``ROOT_MSG_ID`` (zeros) for the first message. The
first key of a channel is its administrator: only it may replace the keys.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

from rpds import HashTrieMap

from nomos_core import field
from nomos_core.identifiers import ROOT_MSG_ID, ChannelId, Ed25519PublicKey, Ed25519Signature, MsgId, TxHash
from nomos_core.keys import ed25519_verify
from nomos_core.ledger import errors
from nomos_core.mantle.operations import ChannelBlob, ChannelInscribe, ChannelSetKeys
from nomos_core.mantle.operations_binary import message_id


@dataclass(frozen=True, slots=True)
class Channel:
    """State of one channel after the messages applied so far."""

    tip: MsgId
    """Id of the last message; ``ROOT_MSG_ID`` while there is none. The next message must name it as its parent."""
    keys: tuple[Ed25519PublicKey, ...]
    """Ed25519 public keys that may write, at least one. The first is the administrator."""


Channels: TypeAlias = "HashTrieMap[ChannelId, Channel]"
"""All channels of a ledger state by their id. Persistent: a changed copy shares the rest."""


def apply_message(channels: Channels, operation: ChannelInscribe | ChannelBlob) -> Channels:
    """Append a message to its channel. Its signature is not checked here, but where the transaction is parsed.

    Raises:
        LedgerError: ``Mantle.Channel.InvalidParent``, ``Mantle.Channel.UnauthorizedSigner``.
    """
    channel_id = operation.channel_id if isinstance(operation, ChannelInscribe) else operation.channel
    channel = channels.get(channel_id) or Channel(ROOT_MSG_ID, (operation.signer,))
    if operation.parent != channel.tip:
        raise errors.invalid_parent(channel_id, operation.parent, channel.tip)
    if operation.signer not in channel.keys:
        raise errors.unauthorized_signer(channel_id, operation.signer)
    return channels.insert(channel_id, replace(channel, tip=message_id(operation)))


def apply_set_keys(
    channels: Channels, operation: ChannelSetKeys, signature: Ed25519Signature, tx_hash: TxHash
) -> Channels:
    """Replace the keys of a channel, or create the channel with these keys.

    An existing channel needs the signature of its first key over the signing bytes of ``tx_hash``. For an unknown
    channel no signature is checked.

    Raises:
        LedgerError: ``Mantle.Channel.EmptyKeys``, ``Mantle.Channel.InvalidSignature``.
    """
    if not operation.keys:
        raise errors.empty_keys(operation.channel)
    channel = channels.get(operation.channel)
    if channel is None:
        return channels.insert(operation.channel, Channel(ROOT_MSG_ID, operation.keys))
    if not ed25519_verify(channel.keys[0], field.signing_bytes(tx_hash), signature):
        raise errors.invalid_channel_signature()
    return channels.insert(operation.channel, replace(channel, keys=operation.keys))
