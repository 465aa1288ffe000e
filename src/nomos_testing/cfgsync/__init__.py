"""Hands out configurations to nodes that know their own address only once they run: those in containers.

Every node's container announces itself to the server (``cfgsync-client``) and waits; when all have come the server
makes the network of its ``cfgsync.yaml`` and answers each with its configuration. For a deployer:

1. ``settings.CfgsyncConfig.for_network`` makes the file's contents from a scenario's topology, and
   ``nomos_core.config.dump_document`` its text.
2. ``asking.registered_network`` waits for the server and makes the very network that it has handed out (the genesis
   transaction, accounts, identities, peers), from the same file and the addresses that the server tells.
   ``network.network_of`` does it alone for hosts whose addresses are known, as behind a relay;
   ``network.prover_of`` is the prover for both.

Protocol, all on one port: ``POST /validator`` and ``POST /executor`` take a registration and answer with the node's
configuration (JSON) once the network is complete, or 408 after ``timeout``; ``GET /network`` waits as they do and
answers ``{"hosts": [registration, ...], "chain_start": unix_seconds}`` in the order of the nodes.
"""
