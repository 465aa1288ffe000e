"""A run: its phases, the context of workloads and expectations, background tasks, the watch of the machine."""
