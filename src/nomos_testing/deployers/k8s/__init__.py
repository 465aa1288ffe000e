"""Runs a network in pods of a Kubernetes cluster."""
