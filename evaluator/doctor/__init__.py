"""Whether the scoring runner and the repository's settings are what the trust boundary needs.

What is read from a machine or from GitHub is a frozen description; every check is a pure function of one.
"""
