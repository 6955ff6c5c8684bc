"""Identity and the unified profile.

Owns the topics `identity` and `customers`; reads `interactions` and `identity`.
"""
