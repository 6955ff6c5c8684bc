"""Identity and the unified profile. Owns `identity` and `customers`; reads `interactions`, `identity`."""
