"""Commands for those who work on the repository; never installed."""
