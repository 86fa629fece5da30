"""Ledgers on both databases."""

from ledgers import ledger, ledger_url, postgres_socket

__all__ = ["ledger", "ledger_url", "postgres_socket"]
