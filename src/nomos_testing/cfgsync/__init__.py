"""Configurations for nodes that know their own address only when they run, as nodes in containers do.

Every node's container announces itself to the server (``cfgsync-client``) and waits. When all have announced
themselves, the server makes the network that its ``cfgsync.yaml`` describes, and answers each with its configuration.
A deployer does three things:

1. It makes the file with ``settings.CfgsyncConfig.for_network`` from a scenario's topology, and the file's text with
   ``nomos_core.config.dump_document``.
2. It waits with ``network_query.registered_network`` for the server to hand out the network, and makes the same
   network (genesis transaction, accounts, identities, peers) from the same file and the addresses that it tells.
3. It configures a node that joins later with ``network.joining_node``.

The protocol has one port. ``POST /validator`` and ``POST /executor`` take a registration. They answer with the node's
configuration (JSON) when the network is complete, or with 408 after ``timeout``. ``GET /network`` waits in the same
way and answers ``{"hosts": [registration, ...], "chain_start": unix_seconds}``, in the order of the nodes.
"""
