"""The synthetic dataset written for this project: free to publish, so everything can be shown on it."""
