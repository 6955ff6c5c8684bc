"""Selects on a profile view schema, one module per noun; JSON is built where the rows are."""
