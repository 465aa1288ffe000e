"""Proofs behind one interface: zero-knowledge signatures of two makers, and the proof of leadership."""
