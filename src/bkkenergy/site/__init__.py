"""One site: its configuration, and what that configuration opens."""
