"""What operators declare of a type: a JSON Schema for its data, a mapping onto one of ours."""
