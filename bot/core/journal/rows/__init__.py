"""What the journal's transactions do, table by table."""
