"""rapport import: files of orders, contacts or events through the door."""

from services.cli.importing.command import command

__all__ = ["command"]
