"""Whether the scoring runner and the repository's settings are what the trust boundary needs.

Checks ask a machine or GitHub a few plain questions, which tests answer from tables.
"""
