"""Real programs that tests start: nodes, networks, daemons, relays."""
