"""Programs for maintainers of this repository; nothing here is in the wheel."""
