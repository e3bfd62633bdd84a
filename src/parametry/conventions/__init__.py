"""What a framework's names mean, for live objects and files alike; pure."""
