"""The chat page and its server; the only package that imports aiohttp."""
