"""Stand-ins for the providers, on loopback, as strict as the originals."""
