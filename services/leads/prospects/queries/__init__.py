"""What is read of prospects."""
