"""A user-space UDP relay between the nodes of one machine: what partitions and slows plain processes without root.

Every node binds and dials from a loopback address of its own, and knows of its peers only addresses at which the relay
stands. To each socket of a node the relay holds a socket that is its *face* to all others: what arrives at the face of
B from a socket of A goes on to B from the face of A. So each node sees one constant address for each socket of a peer,
the one it would dial, and QUIC notices nothing.

``python -m nomos_testing.relay`` is the program; its control protocol is in ``requests``.
"""
