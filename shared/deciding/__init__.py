"""What services rest on that decide: streams of events, claims, the inbox, the relay."""
