"""Reproductions: grids of runs, resumable cell by cell, and the tables they make."""
