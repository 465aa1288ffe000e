"""A user-space UDP relay between the nodes of one machine: what partitions and slows plain processes without root.

Every node binds and dials from a loopback address of its own. It knows only the relay's addresses of its peers. For
each socket of a node the relay holds a *proxy socket*, which stands for that node to all others: a packet from A that
arrives at the proxy of B goes on to B from the proxy of A. So each node sees one constant address for each socket of a
peer, the one it would dial, and QUIC notices nothing.

``python -m nomos_testing.relay`` is the program; its control protocol is in ``requests``.
"""
