"""What happens in the simulated world: actors, clock, weather, traffic lights."""
