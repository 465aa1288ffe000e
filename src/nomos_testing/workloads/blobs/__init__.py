"""The data availability load: workload, channels, events, inclusion and verification."""
