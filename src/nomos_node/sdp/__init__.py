"""The Service Declaration Protocol's client side: what this node posts about itself."""
