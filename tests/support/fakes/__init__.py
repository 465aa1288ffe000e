"""Stand-ins for nodes, networks, servers and programs."""
