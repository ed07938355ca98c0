"""CARLA: drive a car with cameras through the official client, and publish what they see."""
