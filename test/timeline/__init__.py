"""The timeline of a traced run: a file for Perfetto and a picture. See README.md here."""
