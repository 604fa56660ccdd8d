"""The HTTP API: FastAPI routes, who may call them, what they read and answer, and their problem documents."""
