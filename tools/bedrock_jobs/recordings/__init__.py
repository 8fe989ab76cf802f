"""Recordings of what AWS answered, without anything that identifies a customer, and a server that plays them."""
