"""Checks that the scoring runner and the repository's settings are what the trust boundary relies on.

They ask a machine or GitHub a few simple questions; tests supply the answers as tables.
"""
