"""The Logos/Nomos protocol as pure functions and values: no sockets, no clocks."""
