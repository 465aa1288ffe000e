"""A peer made of py-libp2p alone, none of our code: checks that we speak libp2p, not a dialect.

Arguments: the address to dial, our peer id. Prints, as one JSON object, what identify says and the first message of
the topic ``t``; publishes ``from stock`` there.
"""

from __future__ import annotations

import hashlib
import json
import sys

import trio
from libp2p import new_host
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.custom_types import TProtocol
from libp2p.peer.id import ID
from libp2p.peer.peerinfo import info_from_p2p_addr
from libp2p.pubsub.gossipsub import GossipSub
from libp2p.pubsub.pubsub import Pubsub
from libp2p.tools.anyio_service import background_trio_service
from multiaddr import Multiaddr


async def main(address: str, peer: str) -> None:
    host = new_host(key_pair=create_new_key_pair(), enable_quic=True)
    router = GossipSub([TProtocol("/meshsub/1.1.0")], 6, 5, 12, heartbeat_interval=1, spam_protection_enabled=False)
    pubsub = Pubsub(
        host,
        router,
        strict_signing=False,
        msg_id_constructor=lambda message: hashlib.blake2b(message.data, digest_size=32).digest(),
    )
    async with (
        host.run([Multiaddr("/ip4/127.0.0.1/udp/0/quic-v1")]),
        background_trio_service(router),
        background_trio_service(pubsub),
    ):
        await pubsub.wait_until_ready()
        messages = await pubsub.subscribe("t")
        await host.connect(info_from_p2p_addr(Multiaddr(f"{address}/p2p/{peer}")))
        await pubsub.wait_for_subscription(ID.from_string(peer), "t")
        await pubsub.publish("t", b"from stock")
        message = await messages.get()
        while message.from_id == host.get_id().to_bytes():
            message = await messages.get()
        protocols = host.get_peerstore().get_protocols(ID.from_string(peer))
        print(json.dumps({"protocols": protocols, "message": message.data.decode()}), flush=True)


if __name__ == "__main__":
    trio.run(main, sys.argv[1], sys.argv[2])
