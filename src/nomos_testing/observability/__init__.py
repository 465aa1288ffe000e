"""Queries for the nodes' metrics in a Prometheus server, in PromQL."""
