"""What a container is made of: settings, start, health and stop; and the supervisor of `make run`."""
