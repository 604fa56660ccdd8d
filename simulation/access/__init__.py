"""Access: devices and logins."""
