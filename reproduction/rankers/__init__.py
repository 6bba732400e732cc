"""Which ranker is best on which log: every model searched by validation, the test read once."""
