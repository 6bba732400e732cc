"""The command line, one file per command. It parses and prints; the work is done elsewhere."""
