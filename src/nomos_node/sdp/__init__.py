"""Service Declaration Protocol (SDP), client side: post declarations, and log those of the ledger."""
