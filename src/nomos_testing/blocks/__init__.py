"""The blocks that the nodes show: feed, history and the odds of the lottery."""
