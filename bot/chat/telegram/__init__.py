"""Telegram; the only package that imports `telegram`."""
