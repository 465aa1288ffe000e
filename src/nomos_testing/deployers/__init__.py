"""What brings a scenario's network up: local processes here, containers and pods beside them."""
