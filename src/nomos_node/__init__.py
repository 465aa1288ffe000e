"""The embedded node: a Logos blockchain node in Python, with the configuration and the HTTP API of the real one."""
