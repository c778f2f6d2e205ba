"""Speaking to GitHub: blobs, comments, statuses and publication."""
