"""A user-space UDP relay between the nodes of one machine. It cuts and slows links without root.

Every node has its own loopback address, from which it listens and dials. It knows its peers only by addresses of the
relay. For each socket of a node the relay has a *proxy socket*, which is that node to all others: a packet from A that
arrives at the proxy of B is sent to B from the proxy of A. So a node sees one constant address for each socket of a
peer, and QUIC notices nothing.

``python -m nomos_testing.relay`` is the program. ``requests`` has its control protocol.
"""
