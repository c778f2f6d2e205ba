"""Everything about GitHub: blobs, comments, statuses and publication."""
