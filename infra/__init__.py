"""Settings, compose file and manifests: where Lendloop runs."""
