"""What flashes in pictures, by published rules: the measure. See docs/safety.md for each number's edition and source."""
