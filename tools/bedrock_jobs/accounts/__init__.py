"""Configuration for many accounts: who is in the organization, one instance each, written as each kind of file."""
