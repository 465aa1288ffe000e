"""Zero-knowledge signatures behind one interface, with two makers, and the choice between them."""
