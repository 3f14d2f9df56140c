"""Bytes <-> tensors: reading uploaded pictures safely, writing finished ones, and thumbnails for chats."""
