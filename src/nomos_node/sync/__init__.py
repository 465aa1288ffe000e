"""How blocks come from peers and go to them: gossiped proposals, chain sync, initial block download."""
