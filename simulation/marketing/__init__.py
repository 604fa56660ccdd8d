"""Marketing: what contacts do to people, what they do in the app, what they buy, what they complain about."""
