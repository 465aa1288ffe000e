"""The notes of the keys this node knows, and transfers of their funds."""
