"""What the node says about itself: log lines, where they go and which of them are kept, and its metrics."""
