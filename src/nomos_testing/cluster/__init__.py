"""A running network, seen alike whichever deployer started it."""
