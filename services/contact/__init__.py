"""The door and the history. Owns `interactions` and `quarantine`; reads them and `customers`."""
