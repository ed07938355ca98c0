"""The simulator as a server: endpoints, time, cameras, command line."""
