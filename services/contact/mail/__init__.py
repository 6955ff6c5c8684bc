"""E-mail as a touch point: a message as RFC 5322 and MIME have it, read within bounds. Pure."""
