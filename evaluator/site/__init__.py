"""Leaderboard files to pages: Markdown, JSON and SVG that a plain MkDocs build turns into the site."""
