"""What participants send in, and the rules it is held against."""
