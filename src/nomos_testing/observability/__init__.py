"""The nodes' metrics in a Prometheus server: asked in PromQL."""
