"""People: chats, commands, the queue, the journal. No torch, no numpy; of engine, only wire, gallery and recipe."""
