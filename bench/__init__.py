"""What the server costs, measured; see README.md."""
