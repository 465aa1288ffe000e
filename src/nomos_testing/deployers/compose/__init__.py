"""Networks in containers, which ``docker`` and either of its compose tools run."""
