"""Models of ours and of others side by side: what they cost on this machine, what they see."""
