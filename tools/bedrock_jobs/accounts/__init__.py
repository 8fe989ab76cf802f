"""Configuration for many accounts: finds an organization's accounts and writes an instance for each, in any format."""
